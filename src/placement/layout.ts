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
export function planLayout(
  layout: Layout,
  map: RangeMap,
  replicasPerShard = REPLICAS_PER_SHARD,
): readonly PlannedNode[] {
  const ordinals = Array.from({ length: replicasPerShard }, (_, i) => i + 1);
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

/**
 * Which host each process runs on: one after the other, so that no host gets two more than another. Replicas of a shard follow
 * each other in a layout: with as many hosts as replicas, none has two of them.
 */
export function spreadOverHosts(
  processes: readonly string[],
  hosts: readonly string[],
): ReadonlyMap<string, string> {
  assert(hosts.length > 0, "a cluster needs a host");
  return new Map(processes.map((name, index) => [name, hosts[index % hosts.length] ?? ""]));
}

/** Shards of which a host has so many replicas that they stop with it, by host. */
export function majorityHosts(
  nodes: readonly PlannedNode[],
  hostOf: ReadonlyMap<string, string>,
): ReadonlyMap<string, readonly ShardNumber[]> {
  const placed = nodes.flatMap(({ name, replicas }) =>
    replicas.map(({ shard }) => ({ host: hostOf.get(name) ?? "", shard })),
  );
  const shards = [...new Set(placed.map(({ shard }) => shard))];
  const hosts = [...new Set(placed.map(({ host }) => host))];
  const holds = (host: string) => (shard: ShardNumber) => {
    const all = placed.filter((one) => one.shard === shard);
    return all.filter((one) => one.host === host).length * 2 > all.length;
  };
  return new Map(
    hosts
      .map((host) => [host, shards.filter(holds(host))] as const)
      .filter(([, held]) => held.length > 0),
  );
}
