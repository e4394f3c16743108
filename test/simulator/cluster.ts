import type { Command } from "../../src/domain/index.js";
import { replicaId, shardOfReplica } from "../../src/placement/index.js";
import type { ConfState, ReplicaId } from "../../src/raft/index.js";
import type { ReplicaHandle } from "../../src/runtime/index.js";
import type { ClusterContext } from "./cluster-context.js";
import { SimulatedNetwork } from "./network.js";
import { SimulatedNode } from "./node.js";
import type { Plan } from "./plan.js";
import type { RandomStreams } from "./random-streams.js";
import { ShardTruth } from "./shard-truth.js";
import type { Trace } from "./trace.js";
import { VirtualTime } from "./virtual-time.js";
import { shardOfCommand } from "./workload.js";

export interface FoundLeader {
  readonly node: SimulatedNode;
  readonly replica: ReplicaHandle;
}

/** All machines, the network between them, and what is true of their shards. */
export class SimulatedCluster implements ClusterContext {
  readonly plan: Plan;
  readonly time = new VirtualTime();
  readonly streams: RandomStreams;
  readonly network: SimulatedNetwork;
  readonly seen = { snapshots: 0 };
  readonly nodes: SimulatedNode[] = [];
  /** What broke, if anything did. */
  broken: Error | undefined;
  readonly #truths: ReadonlyMap<number, ShardTruth>;
  readonly #trace: Trace;

  constructor(plan: Plan, streams: RandomStreams, trace: Trace) {
    this.plan = plan;
    this.streams = streams;
    this.#trace = trace;
    this.#truths = new Map(
      plan.shards.map((shard) => [shard, new ShardTruth(this.founders(shard))]),
    );
    this.network = new SimulatedNetwork({
      time: this.time,
      random: streams.of("network"),
      sent: (from, { message }) => {
        const record = this.node(from)?.findRecord(message.from);
        if (record === undefined) return;
        this.check(() => {
          this.truthOf(message.from).says(record, message);
        });
      },
    });
    for (let ordinal = 1; ordinal <= plan.voters; ordinal++) this.addNode(true);
  }

  addNode(isFounder: boolean): SimulatedNode {
    const node = new SimulatedNode(this, { ordinal: this.nodes.length + 1, isFounder });
    this.nodes.push(node);
    return node;
  }

  node(name: string): SimulatedNode | undefined {
    return this.nodes.find((node) => node.name === name);
  }

  truth(shard: number): ShardTruth {
    const truth = this.#truths.get(shard);
    if (truth === undefined) throw new Error(`no shard ${shard}`);
    return truth;
  }

  get truths(): readonly ShardTruth[] {
    return [...this.#truths.values()];
  }

  /** Machines with a replica that is a member, or becomes one, as far as anyone knows. */
  members(shard: number): SimulatedNode[] {
    const { voters, votersOutgoing, learners } = this.truth(shard).membership;
    return this.#hostsOf(shard, [...voters, ...votersOutgoing, ...learners]);
  }

  voters(shard: number): SimulatedNode[] {
    return this.#hostsOf(shard, this.truth(shard).membership.voters);
  }

  #hostsOf(shard: number, replicas: readonly ReplicaId[]): SimulatedNode[] {
    return this.nodes.filter((node) => replicas.includes(node.replicaOf(shard) ?? 0));
  }

  /** Whoever leads, in the highest term if two think so. */
  leader(shard: number): FoundLeader | undefined {
    let found: FoundLeader | undefined;
    let highest = 0;
    for (const node of this.nodes) {
      const replica = node.find(shard);
      const status = replica?.status();
      if (replica === undefined || status?.role !== "leader" || status.term <= highest) continue;
      found = { node, replica };
      highest = status.term;
    }
    return found;
  }

  // ---- ClusterContext

  readonly truthOf = (replica: ReplicaId): ShardTruth => this.truth(shardOfReplica(replica));

  shardOf(command: Command): number | undefined {
    return this.plan.shards.length === 1 ? this.plan.shards[0] : shardOfCommand(command);
  }

  founders(shard: number): ConfState {
    const ordinals = Array.from({ length: this.plan.voters }, (_, i) => i + 1);
    const voters = ordinals.map((ordinal) => replicaId(shard, ordinal));
    return { voters, learners: [], votersOutgoing: [], learnersNext: [], autoLeave: false };
  }

  readonly check = (run: () => void): void => {
    try {
      run();
    } catch (error) {
      this.breaks(error instanceof Error ? error : new Error(String(error)));
    }
  };

  readonly breaks = (error: Error): void => {
    this.broken ??= error;
    this.note(`broken: ${error.message}`);
  };

  readonly note = (text: string): void => {
    this.#trace.note(this.time.nowMs, text);
  };
}
