/** Pure: which shard owns a key, which replicas a cluster of a given layout has, and who should lead. */
export {
  DEFAULT_RANGE_MAP,
  findShard,
  findShardOfName,
  hasSameRanges,
  shardName,
} from "./range-map.js";
export type { Collection, RangeMap, ShardDescription, ShardNumber } from "./range-map.js";
export { majorityHosts, planLayout, replicaId, shardOfReplica, spreadOverHosts } from "./layout.js";
export type { Layout, PlacedReplica, PlannedNode } from "./layout.js";
export { afterMove, nextLeaderMove, planLeaderMoves } from "./leader-moves.js";
export type { LeaderMove } from "./leader-moves.js";
export { observeLeaders } from "./leader-placement.js";
export type { LeaderPlacement, LedShard, ObservedShard } from "./leader-placement.js";
export { PROMOTE_LAG_MAX } from "./promotion.js";
