import { ClusterError } from "../base/index.js";
import type { ShardNumber } from "../placement/index.js";
import type { ReplicaHandle } from "../runtime/index.js";
import type { NodeContext } from "./context.js";

/** This node's replica of a shard; else an error that says which node to ask, with nothing proposed. */
export function requireReplica(context: NodeContext, shard: ShardNumber): ReplicaHandle {
  const replica = context.findReplica(shard);
  if (replica !== undefined) return replica;
  const { rangeMap, nodeName } = context.options;
  if (!rangeMap.shards.some(({ number }) => number === shard)) {
    throw new ClusterError("wrong-shard", `there is no shard ${shard}`, {
      rangeVersion: rangeMap.version,
      outcome: "not_applied",
    });
  }
  throw new ClusterError("not-leader", `${nodeName} holds no replica of shard ${shard}`, {
    leaderNode: context.nodeOf(shard),
    outcome: "not_applied",
  });
}
