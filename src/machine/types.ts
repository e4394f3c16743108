import type { Change, Command, CommandReply, Query, QueryReply } from "../domain/index.js";
import type { ShardNumber } from "../placement/index.js";
import type { RowCodecs } from "./rows.js";

/** A key of the state: ASCII, so that string order is byte order. */
export type StateKey = string;

export interface StateRow {
  readonly key: StateKey;
  readonly value: Uint8Array;
}

/** Keys in [start, end), at most `limit`, from the end backwards if `reverse`. */
export interface KeyRange {
  readonly start: StateKey;
  readonly end: StateKey;
  readonly limit: number;
  readonly reverse?: boolean;
}

/**
 * The state as one command or query sees it. What is not in memory makes both methods throw
 * `NotLoaded`, which the caller of `apply` and `query` catches, loads what `NotLoaded` names, and
 * runs the whole call again: a run that ends has read one consistent state and nothing else.
 */
export interface View {
  /** Whether `get` answers: asked first where many keys are wanted, since throwing for each is dear. */
  isLoaded(key: StateKey): boolean;
  get(key: StateKey): Uint8Array | undefined;
  range(range: KeyRange): readonly StateRow[];
}

/**
 * Not an error: a read of something that is not in memory yet. Inside machine only `gather` catches
 * it, to name more at once. It has no stack: to note one took a tenth of what a get costs that goes to the disk.
 */
export class NotLoaded {
  readonly need: ReadSet;

  constructor(need: ReadSet) {
    this.need = need;
  }
}

export interface ReadSet {
  readonly keys: readonly StateKey[];
  readonly ranges: readonly KeyRange[];
}

/** What the log says about the entry that is applied. */
export interface ApplyContext {
  readonly index: number;
  readonly term: number;
  /** Log time: stamped by the leader, never goes back. */
  readonly timeMs: number;
  /** Sequence of the shard's last change: the command's first change gets the next one. */
  readonly sequence: number;
  /** That of the group by now: what a later version does otherwise, it does from its level on. */
  readonly featureLevel: number;
}

export interface Write {
  readonly key: StateKey;
  /** Undefined deletes. */
  readonly value: Uint8Array | undefined;
}

export interface Applied {
  readonly writes: readonly Write[];
  readonly reply: CommandReply;
  readonly changes: readonly Change[];
  /** Shards for which there is something new in the outbox; undefined for none. */
  readonly posted?: readonly ShardNumber[];
  /** Entries that it wrote into the audit trail; undefined for none. */
  readonly audited?: number;
  /** Feed rows up to this sequence may go; undefined leaves the feed as it is. */
  readonly trimFeedTo?: number;
}

/** Port: how rows and commands become bytes. The same bytes on every replica, in every version. */
export interface Codec {
  decodeCommand(bytes: Uint8Array): Command;
  encodeReply(reply: CommandReply): Uint8Array;
  decodeQuery(bytes: Uint8Array): Query;
  encodeQueryReply(reply: QueryReply): Uint8Array;
  encodeChange(change: Change): Uint8Array;
  /** SHA-256. */
  digest(bytes: Uint8Array): Uint8Array;
  readonly rows: RowCodecs;
}

export interface RowCodec<Row> {
  encode(row: Row): Uint8Array;
  decode(bytes: Uint8Array): Row;
}

/** The agenda's state machine, as the runtime drives it. */
export interface Machine {
  /** The highest level whose commands it knows. */
  readonly featureLevel: number;
  /** The level from which on the command may stand in a log: every replica has to know it by then. */
  levelOf(command: Command): number;
  /**
   * A guess at what `apply` will read, so that a round of commands is loaded at once. May be too
   * much or too little.
   */
  reads(command: Command): ReadSet;
  /**
   * Throws NotLoaded, and on a command kind or row version that it does not know an
   * InvariantViolation: the replica halts.
   */
  apply(context: ApplyContext, command: Command, view: View): Applied;
  query(query: Query, view: View, featureLevel: number): QueryReply;
}
