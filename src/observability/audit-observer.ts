import { Gauge } from "prom-client";
import type { Registry } from "prom-client";
import type { AuditObserver } from "../node/index.js";
import type { Log } from "./log.js";

/** Whether the audit trails can be trusted up to now: that each entry follows from the one before, and is signed soon. */
export function createAuditObserver(options: {
  readonly registry: Registry;
  readonly log: Log;
  readonly shardName: (shard: number) => string;
}): AuditObserver {
  const { registry, log, shardName } = options;
  const common = { labelNames: ["shard"] as const, registers: [registry] };
  const unsigned = new Gauge({
    ...common,
    name: "cabildo_audit_unsigned_seconds",
    help: "For how long there have been audit entries without a signature, as the shard's leader sees it.",
  });
  const chainBroken = new Gauge({
    ...common,
    name: "cabildo_audit_chain_broken",
    help: "1 while the shard's leader finds audit entries that do not follow from those before, and does not sign them.",
  });
  const faults = new Map<number, string>();
  return {
    waiting: (shard, seconds) => unsigned.set({ shard: shardName(shard) }, Math.max(0, seconds)),
    broken: (number, fault) => {
      const shard = shardName(number);
      chainBroken.set({ shard }, Number(fault !== undefined));
      if (fault === undefined) faults.delete(number);
      else if (faults.get(number) !== fault) {
        faults.set(number, fault);
        log.error("an audit trail is broken, and is not signed", { shard, fault });
      }
    },
    failed: (number, cause) => {
      const shard = number === undefined ? "all" : shardName(number);
      log.warn("an audit trail was not signed", { shard, cause: String(cause) });
    },
  };
}
