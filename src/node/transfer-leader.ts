import type { TransferLeaderRequest } from "../../gen/cabildo/admin/v1/admin_pb.js";
import { ClusterError, type Identity } from "../base/index.js";
import type { ShardDescription } from "../placement/index.js";
import type { NodeContext } from "./context.js";
import { requireShard } from "./require-shard.js";

const FORWARD_TIMEOUT_MS = 5000;

/** Hands a shard's leadership on, here or by asking the node that leads; what a node asks of us is not passed on again. */
export async function transferLeader(
  context: NodeContext,
  caller: Identity,
  request: TransferLeaderRequest,
): Promise<string> {
  const { nodeName, calls } = context.options;
  const shard = requireShard(context, request.shard);
  calls.learn(context.nodes);
  const target = targetOf(context, shard, request.toNode);
  const replica = context.findReplica(shard.number);
  if (replica?.status().role === "leader") {
    return target === replica.replica ? nodeName : replica.transferLeader(target);
  }
  const leader = replica === undefined ? context.nodeOf(shard.number) : replica.status().leaderNode;
  if (leader === "" || leader === nodeName || caller.role === "node") {
    throw new ClusterError(
      "not-leader",
      `${nodeName} does not lead ${shard.name}: ask ${leader === "" ? "again later" : leader}`,
      { leaderNode: leader },
    );
  }
  return calls.transferLeader(leader, request, FORWARD_TIMEOUT_MS);
}

function targetOf(
  context: NodeContext,
  shard: ShardDescription,
  toNode: string,
): number | undefined {
  if (toNode === "") return undefined;
  const node = context.nodes.find(({ name }) => name === toNode);
  const placed = node?.replicas.find((replica) => replica.shard === shard.number);
  if (placed === undefined) {
    throw new ClusterError("invalid-argument", `${toNode} holds no replica of ${shard.name}`);
  }
  return placed.replica;
}
