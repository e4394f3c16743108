import { setTimeout as sleep } from "node:timers/promises";
import { createGateway } from "../gateway/index.js";
import type { RateLimits, RunningGateway } from "../gateway/index.js";
import { createShardObserver } from "../observability/index.js";
import { createShardClient } from "../shards/index.js";
import type { ShardClient } from "../shards/index.js";
import { decodeQueryReply, decodeReply, encodeCommand, encodeQuery } from "../wire/index.js";
import { SYSTEM_CLOCK } from "./clock.js";
import { addressOf } from "./cluster-file.js";
import type { ProcessSetup } from "./process-setup.js";

/** What is behind every public door. */
export interface OpenedGateway {
  readonly gateway: RunningGateway;
  readonly shards: ShardClient;
  /** Whether the cluster's keys are known and every shard had a leader that answered when it was last asked. */
  isServing(): boolean;
  /** Of each shard, by `shard/` and its name: whether a leader answered when it was last looked for. */
  shardHealth(): ReadonlyMap<string, boolean>;
  /** Resolves when that is so for the first time. */
  readonly serving: Promise<void>;
  close(): Promise<void>;
}

const PROBE_MS = 1000;
/** Between two looks at the shards. */
const LOOK_MS = 500;
const LOOK_AGAIN_MS = 50;

/** Whether the shards can be reached becomes part of the door's health. */
export function openGateway(
  setup: ProcessSetup,
  rateLimits: Partial<RateLimits> = {},
): OpenedGateway {
  const { cluster, tls, log, health, registry, shardName } = setup;
  const shards = createShardClient({
    nodes: cluster.nodes.map((node) => ({ ...node, address: addressOf(node) })),
    tls,
    rangeMap: cluster.rangeMap,
    clusterName: cluster.name,
    codec: { encodeCommand, decodeReply, encodeQuery, decodeQueryReply },
    observer: createShardObserver(registry, shardName),
  });
  const gateway = createGateway({
    shards,
    clusterId: cluster.clusterId,
    clock: SYSTEM_CLOCK,
    bootstrapHash: cluster.bootstrapHash,
    rateLimits,
    onTrouble: (cause) =>
      log.info("the cluster's keys are not to be had yet", { cause: String(cause) }),
    onAuditLost: (count) => log.error("refusals are not in the audit trail", { count }),
  });
  health.add("keys", () => (gateway.isReady() ? undefined : "the cluster's keys are not known"));
  const watch = new ShardWatch(shards);
  health.add("shards", () => {
    const { leaderless } = watch;
    if (leaderless === undefined) return "the shards were not reached yet";
    if (leaderless.length === 0) return undefined;
    return `no leader of ${leaderless.map(shardName).join(", ")}`;
  });
  return {
    gateway,
    shards,
    isServing: () => gateway.isReady() && watch.leaderless?.length === 0,
    shardHealth: () =>
      new Map(
        cluster.rangeMap.shards.map(({ number, name }) => [
          `shard/${name}`,
          watch.leaderless?.includes(number) === false,
        ]),
      ),
    serving: Promise.all([gateway.ready(), watch.complete]).then(() => undefined),
    close: async () => {
      watch.close();
      gateway.close();
      await shards.close();
    },
  };
}

/** Looks again and again which shards have no leader that answers. */
class ShardWatch {
  /** By number; undefined before the first look. */
  leaderless: readonly number[] | undefined;
  /** Resolves when there is none for the first time. */
  readonly complete: Promise<void>;
  readonly #closing = new AbortController();

  constructor(shards: ShardClient) {
    this.complete = new Promise((resolve) => {
      void this.#look(shards, resolve);
    });
  }

  close(): void {
    this.#closing.abort();
  }

  async #look(shards: ShardClient, onComplete: () => void): Promise<void> {
    const { signal } = this.#closing;
    while (!signal.aborted) {
      const probed = await shards.probe(PROBE_MS);
      this.leaderless = probed.filter(({ ready }) => !ready).map(({ shard }) => shard);
      const complete = this.leaderless.length === 0;
      if (complete) onComplete();
      await sleep(complete ? LOOK_MS : LOOK_AGAIN_MS, undefined, { signal }).catch(() => undefined);
    }
  }
}
