import type { CancelSignal } from "../base/index.js";
import type { Command, CommandReply, Query, QueryReply } from "../domain/index.js";
import type { RangeMap, ShardNumber } from "../placement/index.js";
import type { Answered } from "./known-members.js";

/** Options of every call to a shard. */
export interface CallOptions {
  /** Time left of the caller's deadline. The client waits through elections and retries within it. */
  readonly timeoutMs: number;
  readonly signal?: CancelSignal;
  readonly traceparent?: string | undefined;
}

export interface ReadOptions extends CallOptions {
  /** Serve at this sequence or later. */
  readonly minSequence?: number;
  readonly maxStalenessMs?: number;
}

/** A place in one shard's feed. */
export interface ShardPosition {
  readonly shard: ShardNumber;
  readonly epoch: number;
  readonly sequence: number;
}

export interface CommandResult {
  readonly reply: CommandReply;
  readonly position: ShardPosition;
}

export interface QueryResult {
  readonly reply: QueryReply;
  readonly position: ShardPosition;
}

export interface ShardStatus {
  readonly shard: ShardNumber;
  /** Whether it has a leader that answers. */
  readonly ready: boolean;
  readonly replicas: readonly ReplicaRole[];
}

export interface ReplicaRole {
  readonly node: string;
  /** leader, follower, candidate, pre-candidate; `unreachable` for a node that does not answer. */
  readonly role: string;
  readonly term: number;
}

/** A change as it stands in a shard's feed. */
export interface FeedItem {
  readonly sequence: number;
  readonly index: number;
  readonly timeMs: number;
  readonly channels: readonly string[];
  /** Encoded Change: decode with wire's `decodeChange`. */
  readonly change: Uint8Array;
}

export interface ChangesEvent {
  readonly items: readonly FeedItem[];
  /** Everything up to here was given. */
  readonly upTo: number;
  readonly firstSequence: number;
  readonly epoch: number;
}

export interface ChangesOptions {
  readonly shard: ShardNumber;
  /** undefined: from the present end on; the first event, without items, says where that is. */
  readonly after: { readonly epoch: number; readonly sequence: number } | undefined;
  readonly channels?: readonly string[];
  /** Ends once everything up to here was given, instead of following. */
  readonly until?: number;
  readonly signal: AbortSignal;
}

/**
 * The cluster's shards, seen from outside of the nodes. One Execute stream a node; leaders are remembered and corrected by
 * hints. Commands carry a request id, so that they are repeated until an answer is known or the deadline has passed.
 * Failures are ClusterErrors; a refusal by the state machine is a reply, not a failure.
 */
export interface ShardClient {
  /** As last heard of the `system` shard. */
  readonly rangeMap: RangeMap;
  /**
   * Asks the `system` shard for the range map, and goes by it from then on if it is later than its own; undefined where none is
   * published yet. Calls that a node refuses for an older one do so.
   */
  refreshRangeMap(timeoutMs: number): Promise<RangeMap | undefined>;
  execute(shard: ShardNumber, command: Command, options: CallOptions): Promise<CommandResult>;
  read(shard: ShardNumber, query: Query, options: ReadOptions): Promise<QueryResult>;
  /**
   * Follows a shard's feed over any replica, and goes on at another one when that is lost, without a gap or a repetition.
   * Fails only with position-gone or epoch-changed.
   */
  changes(options: ChangesOptions): AsyncIterable<ChangesEvent>;
  /** Every shard as those of its nodes say that answer in time. Never fails. */
  probe(timeoutMs: number): Promise<readonly ShardStatus[]>;
  close(): Promise<void>;
}

/** Goes by what nodes said of which there are, and of who votes in which shard. A probe learns it, too. */
export interface MembersPupil {
  learn(answers: readonly Answered[]): void;
}
