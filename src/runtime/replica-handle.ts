import type { ConfChange, ConfState, ReplicaId, Role } from "../raft/index.js";
import type { ShardNumber } from "../placement/index.js";
import type { FeedRow, SnapshotSource } from "./ports.js";
import type { LoadStatus } from "./replica-load.js";

/** One replica of one shard, as the services of a node use it. Every failure is a ClusterError. */
export interface ReplicaHandle {
  readonly shard: ShardNumber;
  readonly replica: ReplicaId;

  /**
   * Proposes a command and resolves when it was applied here. Fails with not-leader (details.leaderNode is the hint),
   * no-leader, log-full, entry-too-large, disk-full, stopping: all with outcome not_applied; with outcome-unknown if leadership
   * was lost after the entry was appended; with deadline-exceeded and outcome unknown.
   */
  execute(command: Uint8Array, options: { readonly timeoutMs: number }): Promise<Executed>;

  /**
   * Answers a query from this replica's applied state: linearizable (ReadIndex) unless maxStalenessMs > 0, and at
   * minSequence or later.
   */
  read(query: Uint8Array, options: ReadOptions): Promise<Executed>;

  /**
   * Applied changes after a sequence, as batches in order, forever; ends when the signal aborts or the replica stops. Fails
   * with position-gone where the feed no longer holds the next sequence. Holds at most a bounded number of changes in memory:
   * a slow reader is served from the disk.
   */
  changes(options: {
    readonly after: number;
    readonly channels: readonly string[];
    readonly signal: AbortSignal;
  }): AsyncIterable<FeedBatch>;

  status(): ReplicaStatus;

  /** Resolves when another replica leads, with its node's name. */
  transferLeader(to: ReplicaId | undefined): Promise<string>;

  /**
   * Proposes a change of the group's members and resolves with the membership once the change is applied here. Fails as
   * execute does; refused with failed-precondition while another change may be unapplied.
   */
  changeMembership(change: ConfChange, options: { readonly timeoutMs: number }): Promise<ConfState>;

  /** An id that no replica of this shard ever had, as far as this one has applied: ask the leader. */
  readonly nextReplicaId: ReplicaId;

  /** Of the state after an entry, 0 for the last one that is applied; undefined where that is not known yet or any more. */
  stateHash(index: number): StateHash | undefined;

  /**
   * A copy of everything up to the latest entry that the group had committed when this was called, or a later one. Closed by the
   * caller.
   */
  openSnapshot(options: { readonly timeoutMs: number }): Promise<SnapshotSource>;

  /** Drops the log up to what is applied; who lacks more than the rest needs a snapshot. Resolves with the first index left. */
  compact(): Promise<number>;
}

export interface StateHash {
  readonly index: number;
  /** Hexadecimal. */
  readonly hash: string;
}

export interface ReadOptions {
  readonly timeoutMs: number;
  readonly minSequence: number;
  readonly maxStalenessMs: number;
}

export interface Executed {
  /** Encoded CommandReply or QueryReply. */
  readonly reply: Uint8Array;
  readonly sequence: number;
  readonly epoch: number;
}

export interface FeedBatch {
  readonly rows: readonly FeedRow[];
  /** Every change up to here was given, those of other channels left out. */
  readonly upTo: number;
  readonly firstSequence: number;
  readonly epoch: number;
  /** How old what this replica holds may be: since when no majority has confirmed that it is all there is. */
  readonly leaderAgeMs: number;
}

export interface FollowerStatus {
  readonly replica: ReplicaId;
  readonly node: string;
  readonly state: "probe" | "replicate" | "snapshot";
  readonly match: number;
  readonly next: number;
  readonly learner: boolean;
  readonly active: boolean;
  /** Appends that it has not answered. */
  readonly inflight: number;
}

export interface MemberStatus {
  readonly replica: ReplicaId;
  /** Empty if unknown. */
  readonly node: string;
  readonly learner: boolean;
  /** Votes until the change that is under way is done, and then is no member any more or a learner. */
  readonly leaving: boolean;
  /** Both empty for one that the cluster was formed with. */
  readonly address: string;
  readonly storeId: string;
  /** Where it speaks Raft, if that is elsewhere. */
  readonly raftAddress?: string;
}

export interface ReplicaStatus {
  readonly shard: ShardNumber;
  readonly replica: ReplicaId;
  readonly role: Role;
  readonly term: number;
  readonly leader: ReplicaId;
  readonly leaderNode: string;
  readonly commit: number;
  readonly applied: number;
  readonly firstIndex: number;
  readonly lastIndex: number;
  readonly sequence: number;
  readonly epoch: number;
  readonly stateHash: string;
  /** Commands up to this level may be in its log. */
  readonly featureLevel: number;
  /** Why it may not vote now; empty if it may. */
  readonly quarantine: string;
  /** Only where it leads. */
  readonly followers: readonly FollowerStatus[];
  /** As of what is applied here. */
  readonly members: readonly MemberStatus[];
  /** A joint configuration is in force. */
  readonly changing: boolean;
  /** Commands in its log whose outcome is not known yet; only where it leads. */
  readonly pending: number;
  /** Reads that wait to be told how far they have to see, or for the state to get there. */
  readonly readsPending: number;
  /** How old what this replica holds may be; Infinity until a leader was heard. */
  readonly leaderAgeMs: number;
  readonly load: LoadStatus;
}
