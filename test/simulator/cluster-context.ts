import type { Command } from "../../src/domain/index.js";
import type { ConfState, ReplicaId } from "../../src/raft/index.js";
import type { SimulatedNetwork } from "./network.js";
import type { Plan } from "./plan.js";
import type { RandomStreams } from "./random-streams.js";
import type { ShardTruth } from "./shard-truth.js";
import type { VirtualTime } from "./virtual-time.js";

/** What the parts of one simulation share. */
export interface ClusterContext {
  readonly plan: Plan;
  readonly time: VirtualTime;
  readonly streams: RandomStreams;
  readonly network: SimulatedNetwork;
  readonly seen: { snapshots: number };
  readonly truthOf: (replica: ReplicaId) => ShardTruth;
  /** The shard that a command is for; undefined where it does not say. */
  shardOf(command: Command): number | undefined;
  /** Members of a shard at the start. */
  founders(shard: number): ConfState;
  /** Runs a check: what it throws is what is wrong with this seed. */
  readonly check: (run: () => void) => void;
  /** The first that breaks is kept; the simulation ends with it. */
  readonly breaks: (error: Error) => void;
  readonly note: (text: string) => void;
}
