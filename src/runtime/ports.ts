import type {
  ConfState,
  Entry,
  HardState,
  LostPromise,
  Message,
  ReplicaId,
} from "../raft/index.js";
import type { Codec, KeyRange, StateKey, StateRow, Write } from "../machine/index.js";
import type { ShardNumber } from "../placement/index.js";

/** Monotonic time for timers and wall time for stamps. */
export interface Clock {
  monotonicMs(): number;
  wallMs(): number;
  /** Runs once, later; the returned function cancels. */
  after(delayMs: number, run: () => void): () => void;
  /** Runs after everything that arrived by now was read. */
  soon(run: () => void): void;
}

/** How commands, replies and changes become bytes; how the machine's rows do is not the runtime's concern. */
export type EntryCodec = Omit<Codec, "rows" | "digest">;

/** Uniform in [0, 1). */
export type Random = () => number;

/** What was applied, in the same batch as what applying changed (one row a replica). */
export interface AppliedState {
  readonly index: number;
  readonly term: number;
  /** Log time of the last entry that had one. */
  readonly timeMs: number;
  /** Sequence of the last change in the feed. */
  readonly sequence: number;
  /** First sequence that the feed still holds. */
  readonly firstSequence: number;
  readonly confState: ConfState;
  /** h(i) = SHA-256(h(i-1), index, ordered writes): equal on all replicas at equal index. */
  readonly stateHash: Uint8Array;
  /**
   * 0 as yet. A restored cluster has an id of its own, by which positions of before are refused; a recovery in place would raise
   * it, and those of another epoch are refused already.
   */
  readonly epoch: number;
  /** Commands of this level and below may stand in the log: every member said that it knows them. Never goes down. */
  readonly featureLevel: number;
}

/** A log index with the term of the entry there. */
export interface LogId {
  readonly index: number;
  readonly term: number;
}

/** What a replica's store said at open. */
export interface OpenedReplica {
  readonly hardState: HardState;
  readonly applied: AppliedState;
  /** First index that the log holds; entries before are in the applied state. */
  readonly firstIndex: number;
  readonly lastIndex: number;
  /** Term of the entry before firstIndex. */
  readonly precedingTerm: number;
  /** Runs of equal term over [firstIndex, lastIndex]: the index where each begins. */
  readonly termRuns: readonly { readonly from: number; readonly term: number }[];
  /**
   * Set if the marker promised more than the store holds (compared by the term at the index, never by length), an entry
   * fails its checksum, or the state is damaged: the replica must not campaign until a leader of this term or a later one
   * has brought its log to this index, and votes only for logs that are as complete as `promised`.
   */
  readonly lost?: LostReplica;
}

export interface LostReplica extends LostPromise {
  readonly reason: string;
  /**
   * The state is damaged: what was opened is an empty replica, which takes a snapshot and nothing else. What is on the disk
   * stays there until one is installed.
   */
  readonly needsSnapshot: boolean;
}

/** What one round makes durable for one replica, in one batch with those of all others. */
export interface ReplicaRound {
  readonly replica: ReplicaId;
  readonly hardState?: HardState;
  /** Appended from entries[0].index on; everything stored from there on is discarded. */
  readonly entries?: readonly Entry[];
  /** Entries up to this index may go (their effect is in the applied state). */
  readonly compactTo?: LogId;
  /** Writes of applied entries, in order, with the applied row that they lead to. */
  readonly applied?: {
    readonly writes: readonly Write[];
    readonly feed: readonly FeedRow[];
    readonly state: AppliedState;
  };
  /** Switches to the rows that `SnapshotSink` wrote: state, log and meta in one small batch. */
  readonly install?: SnapshotSink;
}

export interface FeedRow {
  readonly sequence: number;
  readonly index: number;
  readonly timeMs: number;
  readonly channels: readonly string[];
  /** Encoded Change. */
  readonly change: Uint8Array;
}

/**
 * Receives the rows of a snapshot into a generation of their own; nothing is visible before a round installs it. Rows are
 * opaque to the runtime: what one store's `SnapshotSource` gives, another's sink takes.
 */
export interface SnapshotSink {
  /** Rows written so far. */
  readonly rows: number;
  /** The applied row of the snapshot, once it came; a source sends it first. */
  readonly state: AppliedState | undefined;
  /** Key of the last row that was written. */
  readonly lastKey: Uint8Array | undefined;
  write(rows: readonly SnapshotRow[]): Promise<void>;
  /** Leaves what was written to a sink of the same snapshot. */
  suspend(): Promise<void>;
  /** Deletes what was written. */
  discard(): Promise<void>;
}

export interface SnapshotRow {
  /** Table and key within the replica's generation. */
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

/** A consistent copy of a replica's state, feed and applied row as of one round. */
export interface SnapshotSource {
  readonly state: AppliedState;
  /** Next rows, up to about bytesMax; undefined at the end. */
  next(bytesMax: number): Promise<readonly SnapshotRow[] | undefined>;
  /** Goes on with the row after this key, further on or back; from the start if there is none. */
  seek(after: Uint8Array | undefined): Promise<void>;
  close(): Promise<void>;
}

/**
 * The disk of a node process. Every stored row ends in a CRC-32 over key and value that is checked on every read: a bad one
 * fails with a `corrupt-storage` ClusterError and is never returned. An I/O error of any write is final: the store calls
 * `onFatal` and every later call fails; the outcome of the failed write is unknown. So is a damaged row of a replica's state
 * or feed: it is noted first, and the next `openReplica` gives that replica as lost.
 */
export interface Store {
  /** Random at format; a directory that was wiped has another one. */
  readonly storeId: string;
  /** How often this directory was opened; durable before `open` resolves, or `raiseBoot`. */
  readonly boot: number;
  /** True if this open formatted an empty directory. */
  readonly fresh: boolean;
  /** Every replica that was ever opened here, also one of which the database has forgotten all. */
  readonly replicas: readonly ReplicaId[];

  /**
   * Loads or, where the store has never heard of it, creates a replica. `initial` is the membership of a new one, with the
   * applied index, term and log at `index`/`term` 0.
   */
  openReplica(replica: ReplicaId, initial: ConfState): Promise<OpenedReplica>;

  /** This directory is an older copy of one that was opened more often: from now on it counts on from there. */
  raiseBoot(boot: number): Promise<void>;

  /** A peer knows of a later acknowledgement than the log holds: durably lost, until the log came past it. */
  noteLost(replica: ReplicaId, acknowledged: LogId): Promise<void>;

  /**
   * One batch and one marker write for all replicas. Resolves when both are durable, or, where `sync` is false, written. At
   * most one call at a time. `sync` is required as soon as a round has entries, an install, or a changed term or vote.
   */
  write(rounds: readonly ReplicaRound[], sync: boolean): Promise<void>;

  /**
   * Entries [low, high), as far as bytesMax allows, at least one. Throws `corrupt-storage` where one is damaged, and
   * `position-gone` before the first: a damaged one that is applied may be compacted away.
   */
  readEntries(
    replica: ReplicaId,
    low: number,
    high: number,
    bytesMax: number,
  ): Promise<readonly Entry[]>;

  /**
   * What `keys` and `ranges` name, each as of a moment of its own, not before the call: writes that end meanwhile may be seen
   * or not. A call during the write of a snapshot waits for it.
   */
  read(
    replica: ReplicaId,
    keys: readonly StateKey[],
    ranges: readonly KeyRange[],
  ): Promise<ReadResult>;

  /**
   * Feed rows after a sequence, in order, only those on one of `channels` if any are named. Throws `position-gone` where rows
   * after it were trimmed: none is left out silently.
   */
  readFeed(replica: ReplicaId, after: number, options: FeedReadOptions): Promise<FeedPage>;

  openSnapshot(replica: ReplicaId): Promise<SnapshotSource>;
  /**
   * With an id: goes on with what came of that snapshot before, suspended or cut off by the end of the process. What came of
   * another is deleted, as it is once the replica has got as far without it.
   */
  createSnapshotSink(replica: ReplicaId, snapshotId?: string): Promise<SnapshotSink>;

  /** Small facts about peers and the node, synced, apart from all replicas. */
  readFact(key: string): Promise<Uint8Array | undefined>;
  writeFact(key: string, value: Uint8Array): Promise<void>;

  usage(): Promise<StoreUsage>;

  /** Reads all of a replica's state and gives its hash: replicas at the same index have the same one. */
  scanState(replica: ReplicaId): Promise<StateScan>;

  /** Idempotent; waits for what is under way. */
  close(): Promise<void>;
}

export interface StoreUsage {
  /** On the store's file system. */
  readonly freeBytes: number;
  readonly storeBytes: number;
  /** What the store may need at once beside what it holds: below that it could fail half-way. */
  readonly workingBytes: number;
}

export interface StateScan {
  /** The applied index as of which everything was read. */
  readonly index: number;
  readonly rows: number;
  readonly bytes: number;
  /** SHA-256 over keys and values in order. */
  readonly hash: Uint8Array;
}

export interface ReadResult {
  readonly values: ReadonlyMap<StateKey, Uint8Array | undefined>;
  /** In the order of the ranges asked. */
  readonly ranges: readonly (readonly StateRow[])[];
}

export interface FeedReadOptions {
  readonly channels: readonly string[];
  /** Rows. A page goes beyond its limits to the end of an entry of the log: positions exist only there. */
  readonly limit: number;
  readonly bytesMax: number;
}

export interface FeedPage {
  readonly rows: readonly FeedRow[];
  /** Everything up to here was looked at. */
  readonly upTo: number;
}

/** Who a peer is and how it is, from the first words on its connection, which it repeats every second. */
export interface PeerHello {
  readonly clusterId: string;
  readonly node: string;
  readonly storeId: string;
  readonly toStoreId: string;
  readonly boot: number;
  /** Random at each start of the process: two copies of a directory count the same boots. */
  readonly life: number;
  readonly wallMs: number;
  /** It takes no entries before there is room again. */
  readonly diskFull: boolean;
  /** Up to which feature level its version knows commands; 0 from versions that had none. */
  readonly featureLevel: number;
  /** It is to lead only what no other can. */
  readonly draining: boolean;
  /** What the sender knows of the node that it speaks to; undefined before they met. */
  readonly known: KnownNode | undefined;
  readonly replicas: readonly {
    readonly shard: ShardNumber;
    readonly replica: ReplicaId;
    readonly lastIndex: number;
  }[];
}

export interface KnownNode {
  /** Highest that was heard of, and the life that it belonged to. */
  readonly boot: number;
  readonly life: number;
  readonly replicas: readonly KnownReplica[];
}

/** What was heard of a replica; it promised that much at least. */
export interface KnownReplica {
  readonly replica: ReplicaId;
  /** A term in which it may have voted. */
  readonly term: number;
  readonly acknowledged: LogId;
}

export interface PeerMessage {
  readonly shard: ShardNumber;
  readonly message: Message;
}

/**
 * The network between the nodes. Messages to one node keep their order; any may be lost. Everything handed over in one turn
 * of the event loop leaves as one frame.
 */
export interface PeerTransport {
  send(node: string, messages: readonly PeerMessage[]): void;
  /** Streams a snapshot to a replica on another node; resolves true once it was installed there. */
  sendSnapshot(node: string, snapshot: OutgoingSnapshot): Promise<boolean>;
  close(): Promise<void>;
}

export interface OutgoingSnapshot {
  readonly shard: ShardNumber;
  readonly from: ReplicaId;
  readonly to: ReplicaId;
  readonly term: number;
  readonly source: SnapshotSource;
  /** Resolves when so many bytes of it may leave. */
  readonly pace: (bytes: number) => Promise<void>;
}

/** What the transport calls: the runtime's side of the port. */
export interface PeerListener {
  /** What to say first on every connection. */
  hello(toNode: string): PeerHello;
  /** Checks a peer's first words; the text says why it is refused. */
  admit(hello: PeerHello): string | undefined;
  receive(fromNode: string, messages: readonly PeerMessage[]): void;
  /** The connection to a node was lost, or it refused one; `refused` if nobody listens there any more. */
  disconnected(node: string, refused: boolean): void;
  /** A snapshot begins: where its rows go, or undefined to refuse it. */
  beginSnapshot(incoming: IncomingSnapshot): Promise<SnapshotSink | undefined>;
  /** All rows are in the sink: install it; resolves true once that is durable. */
  finishSnapshot(incoming: IncomingSnapshot, sink: SnapshotSink): Promise<boolean>;
  /**
   * It broke off before its last row: nothing more comes for this sink, unless a later transfer of the same snapshot goes on
   * with it, which it may if what came so far `isSound`. Either this or `finishSnapshot` is called.
   */
  abandonSnapshot(incoming: IncomingSnapshot, sink: SnapshotSink, isSound: boolean): Promise<void>;
}

export interface IncomingSnapshot {
  readonly shard: ShardNumber;
  readonly from: ReplicaId;
  readonly to: ReplicaId;
  readonly term: number;
  readonly snapshotId: string;
  /** The applied row comes with the rows; this is what Raft has to know beforehand. */
  readonly index: number;
  readonly indexTerm: number;
  readonly confState: ConfState;
}
