import { create } from "@bufbuild/protobuf";
import { RouteSchema, type Route } from "../../gen/cabildo/admin/v1/admin_pb.js";
import { ClusterError } from "../base/index.js";
import { findShardOfName } from "../placement/index.js";
import { toUint64 } from "../wire/index.js";
import { clusterStatus } from "./cluster-status.js";
import type { NodeContext } from "./context.js";

/** Which shard owns a name, and who leads it as far as this node knows or can ask. */
export async function explainRoute(context: NodeContext, name: string): Promise<Route> {
  const { rangeMap } = context.options;
  const shard = findShardOfName(rangeMap, name);
  if (shard === undefined) {
    throw new ClusterError(
      "invalid-argument",
      `no shard owns "${name}": names begin with users/, groups/, calendars/ or cluster/`,
    );
  }
  const known = context.findReplica(shard.number)?.status().leaderNode ?? "";
  const leader = known === "" ? await askLeader(context, shard.number) : known;
  return create(RouteSchema, {
    name,
    shard: shard.name,
    leader,
    rangeVersion: toUint64(rangeMap.version),
  });
}

async function askLeader(context: NodeContext, shard: number): Promise<string> {
  const { shards } = await clusterStatus(context);
  return shards.find(({ number }) => number === shard)?.leader ?? "";
}
