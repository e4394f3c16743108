import { setMaxListeners } from "node:events";
import { shardName } from "../placement/index.js";
import type { RangeMap, ShardNumber } from "../placement/index.js";
import type { ReplicaHandle } from "../runtime/index.js";
import type {
  AuditRecorder,
  MembersPupil,
  NodeCalls,
  ShardClient,
  ShardNode,
} from "../shards/index.js";
import { knownNodes } from "./known-nodes.js";
import { Elsewhere } from "./elsewhere.js";
import type { LeaderBalancing } from "./leader-balancer.js";
import { nodeStatus } from "./node-status.js";
import type { After } from "./repeated.js";
import { Standing } from "./standing.js";

/** By what a failed call of a shard is found again in the logs of whoever called. */
export interface CallFacts {
  readonly shard?: number;
  readonly requestId?: string;
  readonly traceparent?: string;
}

export interface NodeServicesOptions {
  /** May grow. */
  readonly replicas: readonly ReplicaHandle[];
  readonly nodeName: string;
  /** The cluster's name, as in every certificate. */
  readonly clusterName: string;
  readonly clusterId: string;
  readonly storeId: string;
  readonly boot: number;
  /** Up to which level this version knows commands. */
  readonly featureLevel: number;
  /** May become a later one. */
  readonly rangeMap: RangeMap;
  /** host:port at which the others reach this node. */
  readonly address: string;
  /** The same for Raft, where that is another. */
  readonly raftAddress?: string;
  /** The nodes that the cluster was formed with. */
  readonly nodes: readonly ShardNode[];
  /** Nodes that were taken out of a shard which this node hosts, as of what is applied here. May grow. */
  readonly removed: ReadonlySet<string>;
  /** Hosts a new replica, durably. */
  readonly join: (shard: ShardNumber, replica: number) => Promise<void>;
  /** Whether this node is to lead only what no other can. */
  isDraining: boolean;
  /** Nothing goes from shard to shard from here for a while; resolves with the name of the hold. */
  readonly holdDeliveries: (forMs: number) => Promise<string>;
  /** Of this node's certificate; closed by whoever made it. */
  readonly shards: Pick<ShardClient, "execute" | "read" | "refreshRangeMap"> & MembersPupil;
  /** What operators do, and what they are refused. */
  readonly audit: Pick<AuditRecorder, "record" | "refused">;
  /** Calls to other nodes, closed by whoever made it. */
  readonly calls: NodeCalls;
  readonly after: After;
  /** Absent where leaders are left where they are. */
  readonly balancing?: LeaderBalancing;
  /** Told of errors that are nobody's refusal: a bug, whose caller hears no more than that it failed. */
  readonly unexpected?: (error: unknown, facts: CallFacts) => void;
}

/** What the services of one node share. */
export class NodeContext {
  readonly options: NodeServicesOptions;
  readonly closing = new AbortController();
  readonly elsewhere: Elsewhere;
  readonly standing: Standing;

  constructor(options: NodeServicesOptions) {
    this.options = options;
    this.elsewhere = new Elsewhere(options, () => nodeStatus(this));
    this.standing = new Standing(options, this.elsewhere.removed, () => this.nodes);
    // One listener a stream.
    setMaxListeners(0, this.closing.signal);
  }

  findReplica(shard: ShardNumber): ReplicaHandle | undefined {
    return this.options.replicas.find((replica) => replica.shard === shard);
  }

  /** All nodes that are known here, this one included, with the replicas that they have now. */
  get nodes(): readonly ShardNode[] {
    const known = knownNodes(this.options);
    const isKnown = (node: ShardNode) => known.some(({ name }) => name === node.name);
    return [...known, ...this.elsewhere.found.filter((node) => !isKnown(node))];
  }

  shardName(shard: ShardNumber): string {
    return shardName(this.options.rangeMap, shard);
  }

  /** Another node with a replica of the shard; empty if there is none. */
  nodeOf(shard: ShardNumber): string {
    const holder = this.nodes.find(
      ({ name, replicas }) =>
        name !== this.options.nodeName && replicas.some((replica) => replica.shard === shard),
    );
    return holder?.name ?? "";
  }
}
