import { ClusterError } from "../base/index.js";
import type { ShardDescription } from "../placement/index.js";
import type { NodeContext } from "./context.js";

/** The shard that an operator names. */
export function requireShard(context: NodeContext, name: string): ShardDescription {
  const { shards } = context.options.rangeMap;
  const shard = shards.find((candidate) => candidate.name === name);
  if (shard !== undefined) return shard;
  const names = shards.map((candidate) => candidate.name).join(", ");
  throw new ClusterError("not-found", `there is no shard ${name}: one of ${names}`);
}
