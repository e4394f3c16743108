import { create } from "@bufbuild/protobuf";
import { ClusterStatusSchema, type ClusterStatus } from "../../gen/cabildo/admin/v1/admin_pb.js";
import type { ReplicaStatus, StatusResponse } from "../../gen/cabildo/shard/v1/shard_pb.js";
import type { ShardDescription } from "../placement/index.js";
import { toUint64 } from "../wire/index.js";
import type { NodeContext } from "./context.js";
import { nodeStatus } from "./node-status.js";

const STATUS_TIMEOUT_MS = 1000;

interface Seen {
  readonly node: string;
  readonly status: ReplicaStatus;
}

/** Every shard, as told by every node that answers. */
export async function clusterStatus(context: NodeContext): Promise<ClusterStatus> {
  const { nodes, nodeName, clusterId, rangeMap, calls } = context.options;
  const answers = await Promise.all(
    nodes.map(async ({ name }): Promise<StatusResponse | string> => {
      if (name === nodeName) return nodeStatus(context);
      return calls.status(name, STATUS_TIMEOUT_MS).catch(() => name);
    }),
  );
  const heard = answers.filter((answer) => typeof answer !== "string");
  const seen = heard.flatMap(({ node, replicas }) => replicas.map((status) => ({ node, status })));
  return create(ClusterStatusSchema, {
    clusterId,
    rangeVersion: toUint64(rangeMap.version),
    unreachable: answers.filter((answer) => typeof answer === "string"),
    shards: rangeMap.shards.map((shard) => describeShard(context, shard, seen)),
  });
}

/** The leader of the latest term: one that was deposed and has not heard of it may still say that it leads. */
function leaderOf(seen: readonly Seen[]): Seen | undefined {
  return seen
    .filter(({ status }) => status.role === "leader")
    .sort((a, b) => Number(b.status.term - a.status.term))[0];
}

function describeShard(context: NodeContext, shard: ShardDescription, all: readonly Seen[]) {
  const seen = all.filter(({ status }) => status.shard === shard.number);
  const leader = leaderOf(seen);
  const latest = leader ?? [...seen].sort((a, b) => Number(b.status.term - a.status.term))[0];
  const commit = latest?.status.commit ?? 0n;
  return {
    number: shard.number,
    name: shard.name,
    leader: leader?.node ?? "",
    term: latest?.status.term ?? 0n,
    commit,
    applied: latest?.status.applied ?? 0n,
    sequence: latest?.status.sequence ?? 0n,
    replicas: replicasOf(context, shard).map(({ node, id }) => {
      const status = seen.find((other) => other.node === node)?.status;
      const follower = leader?.status.followers.find(({ replica }) => replica === id);
      const match = follower?.match ?? (node === leader?.node ? status?.lastIndex : undefined);
      const applied = status?.applied ?? 0n;
      return {
        id,
        node,
        role: status?.role ?? "",
        term: status?.term ?? 0n,
        match: match ?? 0n,
        applied,
        lag: commit > applied && status !== undefined ? commit - applied : 0n,
        reachable: status !== undefined,
        learner: follower?.learner ?? false,
        quarantine: status?.quarantine ?? "",
      };
    }),
  };
}

function replicasOf(context: NodeContext, shard: ShardDescription) {
  return context.options.nodes.flatMap(({ name, replicas }) =>
    replicas
      .filter((replica) => replica.shard === shard.number)
      .map(({ replica }) => ({ node: name, id: replica })),
  );
}
