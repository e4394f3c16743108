import { ClusterError } from "../base/index.js";
import type { ShardDescription } from "../placement/index.js";
import type { NodeServicesOptions } from "./context.js";

/** What of a node's context asks shards by their names. */
export interface KnowsShards {
  readonly options: Pick<NodeServicesOptions, "rangeMap">;
}

export interface AsksShards extends KnowsShards {
  readonly options: Pick<NodeServicesOptions, "rangeMap"> & {
    readonly shards: Pick<NodeServicesOptions["shards"], "execute" | "read">;
  };
}

/** The shard that an operator names. */
export function requireShard(context: KnowsShards, name: string): ShardDescription {
  const { shards } = context.options.rangeMap;
  const shard = shards.find((candidate) => candidate.name === name);
  if (shard !== undefined) return shard;
  const names = shards.map((candidate) => candidate.name).join(", ");
  throw new ClusterError("not-found", `there is no shard ${name}: one of ${names}`);
}
