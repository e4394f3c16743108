/** Pure: which shard owns a key, and which replicas a cluster of a given layout has. */
export { DEFAULT_RANGE_MAP, findShard, findShardOfName } from "./range-map.js";
export type { Collection, RangeMap, ShardDescription, ShardNumber } from "./range-map.js";
export { planLayout, replicaId, shardOfReplica } from "./layout.js";
export type { Layout, PlacedReplica, PlannedNode } from "./layout.js";
