import { Counter } from "prom-client";
import type { Registry } from "prom-client";
import type { BalanceObserver } from "../node/index.js";
import type { Log } from "./log.js";

/** Who was made to lead, and why not. */
export function createBalanceObserver(registry: Registry, log: Log): BalanceObserver {
  const moves = new Counter({
    name: "cabildo_leader_moves_total",
    help: "Leaders that this node moved to spread the load.",
    labelNames: ["shard"],
    registers: [registry],
  });
  return {
    leaderMoved: ({ shard, from, to }) => {
      moves.inc({ shard });
      log.info("another node leads now, to spread the load", { shard, from, to });
    },
    failed: (cause) => log.warn("the leaders could not be spread", { cause: String(cause) }),
  };
}
