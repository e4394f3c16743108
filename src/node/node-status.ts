import { create } from "@bufbuild/protobuf";
import { StatusResponseSchema, type StatusResponse } from "../../gen/cabildo/shard/v1/shard_pb.js";
import { toUint64 } from "../wire/index.js";
import type { NodeContext } from "./context.js";

/** What the replicas of this node know of their groups. */
export function nodeStatus(context: NodeContext): StatusResponse {
  const { nodeName, clusterId, storeId, boot, featureLevel, rangeMap, replicas, removed } =
    context.options;
  const nodes = context.nodes.map(({ name, address, replicas: held }) => ({
    name,
    address,
    shards: held.map(({ shard }) => shard),
  }));
  return create(StatusResponseSchema, {
    node: nodeName,
    clusterId,
    storeId,
    boot: toUint64(boot),
    featureLevel,
    draining: context.options.isDraining,
    rangeVersion: toUint64(rangeMap.version),
    nodes,
    removed: [...removed],
    replicas: replicas.map((replica) => {
      const status = replica.status();
      return {
        shard: status.shard,
        shardName: context.shardName(status.shard),
        replica: status.replica,
        role: status.role,
        term: toUint64(status.term),
        leader: status.leader,
        leaderNode: status.leaderNode,
        commit: toUint64(status.commit),
        applied: toUint64(status.applied),
        lastIndex: toUint64(status.lastIndex),
        firstIndex: toUint64(status.firstIndex),
        sequence: toUint64(status.sequence),
        quarantine: status.quarantine,
        featureLevel: status.featureLevel,
        stateHash: status.stateHash,
        load: {
          requestsPerSecond: status.load.requestsPerSecond,
          bytesPerSecond: status.load.bytesPerSecond,
          cpuPercent: status.load.cpuPercent,
        },
        members: status.members.map(({ replica: id, node, learner, leaving }) => ({
          replica: id,
          node,
          learner,
          leaving,
        })),
        followers: status.followers.map((follower) => ({
          ...follower,
          match: toUint64(follower.match),
          next: toUint64(follower.next),
        })),
      };
    }),
  });
}
