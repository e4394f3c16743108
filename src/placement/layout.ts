import { assert } from "../base/index.js";
import type { RangeMap, ShardNumber } from "./range-map.js";

/** compact: every node holds a replica of every shard. seed: one node a replica, the system shard beside users. */
export type Layout = "compact" | "seed";

export interface PlacedReplica {
  readonly shard: ShardNumber;
  readonly replica: number;
}

export interface PlannedNode {
  readonly name: string;
  readonly replicas: readonly PlacedReplica[];
}

const REPLICAS_PER_SHARD = 3;
const ORDINALS_PER_SHARD = 0x10000;

/** Id of the nth replica (from 1) that a shard ever had: unique in the cluster, never given again. */
export function replicaId(shard: ShardNumber, ordinal: number): number {
  assert(ordinal > 0 && ordinal < ORDINALS_PER_SHARD, `replica ordinal ${ordinal} out of range`);
  return shard * ORDINALS_PER_SHARD + ordinal;
}

export function shardOfReplica(replica: number): ShardNumber {
  return Math.floor(replica / ORDINALS_PER_SHARD);
}

/** The nodes of a new cluster. */
export function planLayout(layout: Layout, map: RangeMap): readonly PlannedNode[] {
  const ordinals = Array.from({ length: REPLICAS_PER_SHARD }, (_, i) => i + 1);
  if (layout === "compact") {
    return ordinals.map((n) => ({
      name: `node-${n}`,
      replicas: map.shards.map(({ number }) => ({ shard: number, replica: replicaId(number, n) })),
    }));
  }
  const system = map.shards.filter(({ collection }) => collection === "system");
  return map.shards
    .filter(({ collection }) => collection !== "system")
    .flatMap((shard) =>
      ordinals.map((n) => ({
        name: `${shard.name}-${n}`,
        replicas: [shard, ...(shard.collection === "users" ? system : [])].map(({ number }) => ({
          shard: number,
          replica: replicaId(number, n),
        })),
      })),
    );
}
