import { setMaxListeners } from "node:events";
import type { RangeMap, ShardNumber } from "../placement/index.js";
import type { ReplicaHandle } from "../runtime/index.js";
import type { NodeCalls, ShardNode } from "../shards/index.js";

export interface NodeServicesOptions {
  readonly replicas: readonly ReplicaHandle[];
  readonly nodeName: string;
  /** The cluster's name, as in every certificate. */
  readonly clusterName: string;
  readonly clusterId: string;
  readonly storeId: string;
  readonly boot: number;
  readonly rangeMap: RangeMap;
  /** All nodes, this one included. */
  readonly nodes: readonly ShardNode[];
  /** Calls to other nodes, closed by whoever made it. */
  readonly calls: NodeCalls;
  /** Told of errors that are nobody's refusal: a bug, whose caller hears no more than that it failed. */
  readonly unexpected?: (error: unknown) => void;
}

/** What the services of one node share. */
export class NodeContext {
  readonly options: NodeServicesOptions;
  readonly closing = new AbortController();
  readonly #replicas: ReadonlyMap<ShardNumber, ReplicaHandle>;

  constructor(options: NodeServicesOptions) {
    this.options = options;
    // One listener a stream.
    setMaxListeners(0, this.closing.signal);
    this.#replicas = new Map(options.replicas.map((replica) => [replica.shard, replica]));
  }

  findReplica(shard: ShardNumber): ReplicaHandle | undefined {
    return this.#replicas.get(shard);
  }

  shardName(shard: ShardNumber): string {
    return this.options.rangeMap.shards.find(({ number }) => number === shard)?.name ?? "";
  }

  /** Another node with a replica of the shard; empty if there is none. */
  nodeOf(shard: ShardNumber): string {
    const holder = this.options.nodes.find(
      ({ name, replicas }) =>
        name !== this.options.nodeName && replicas.some((replica) => replica.shard === shard),
    );
    return holder?.name ?? "";
  }
}
