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
  const { clusterId, rangeMap } = context.options;
  const answers = await askAll(context);
  const heard = [...answers.values()].filter((answer) => answer !== undefined);
  const seen = heard.flatMap(({ node, replicas }) => replicas.map((status) => ({ node, status })));
  const addresses = new Map(
    heard.flatMap(({ nodes }) => nodes.map(({ name, address }) => [name, address] as const)),
  );
  const shards = rangeMap.shards.map((shard) => describeShard(context, shard, seen));
  const members = new Set(shards.flatMap(({ replicas }) => replicas.map(({ node }) => node)));
  return create(ClusterStatusSchema, {
    clusterId,
    rangeVersion: toUint64(rangeMap.version),
    nodes: [...addresses].map(([name, address]) => ({
      ...{ name, address },
      featureLevel: answers.get(name)?.featureLevel ?? 0,
      draining: answers.get(name)?.draining ?? false,
    })),
    // One that is in no shard any more may be gone for good.
    unreachable: [...answers]
      .filter(([name, answer]) => answer === undefined && members.has(name))
      .map(([name]) => name),
    shards,
  });
}

/** The nodes known here, and those that they know. */
async function askAll(context: NodeContext): Promise<Map<string, StatusResponse | undefined>> {
  const { nodeName, calls } = context.options;
  const answers = new Map<string, StatusResponse | undefined>();
  let asked = context.nodes;
  while (asked.length > 0) {
    calls.learn(asked);
    const heard = await Promise.all(
      asked.map(async ({ name }) => {
        const answer =
          name === nodeName
            ? nodeStatus(context)
            : await calls.status(name, STATUS_TIMEOUT_MS).catch(() => undefined);
        answers.set(name, answer);
        return answer?.nodes ?? [];
      }),
    );
    const found = new Map(heard.flat().map(({ name, address }) => [name, address]));
    asked = [...found]
      .filter(([name]) => !answers.has(name))
      .map(([name, address]) => ({ name, address, replicas: [] }));
  }
  return answers;
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
    featureLevel: latest?.status.featureLevel ?? 0,
    replicas: membersOf(context, shard, latest).map(({ node, id, learner, leaving }) => {
      const own = seen.find((other) => other.node === node)?.status;
      // What a node hosts may be another replica than the one in the group: one that was removed, or is still to come.
      const status = own?.replica === id ? own : undefined;
      const follower = leader?.status.followers.find(({ replica }) => replica === id);
      const match = follower?.match ?? (node === leader?.node ? status?.lastIndex : undefined);
      const applied = status?.applied ?? 0n;
      return {
        id,
        node,
        learner,
        leaving,
        role: status?.role ?? "",
        term: status?.term ?? 0n,
        match: match ?? 0n,
        next: follower?.next ?? 0n,
        state: follower?.state ?? "",
        inflight: follower?.inflight ?? 0,
        applied,
        lag: commit > applied && status !== undefined ? commit - applied : 0n,
        reachable: status !== undefined,
        quarantine: status?.quarantine ?? "",
        load: {
          requestsPerSecond: status?.load?.requestsPerSecond ?? 0,
          bytesPerSecond: status?.load?.bytesPerSecond ?? 0,
          cpuPercent: status?.load?.cpuPercent ?? 0,
        },
      };
    }),
  };
}

/** As the one with the latest term says; as far as is known here where nobody says anything. */
function membersOf(
  context: NodeContext,
  shard: ShardDescription,
  latest: Seen | undefined,
): readonly { node: string; id: number; learner: boolean; leaving: boolean }[] {
  if (latest !== undefined && latest.status.members.length > 0) {
    return latest.status.members.map(({ replica, ...member }) => ({ ...member, id: replica }));
  }
  return context.nodes.flatMap(({ name, replicas }) =>
    replicas
      .filter((replica) => replica.shard === shard.number)
      .map(({ replica }) => ({ node: name, id: replica, learner: false, leaving: false })),
  );
}
