/** A replica's id within its group; unique in the cluster and never reused. 0 means none. */
export type ReplicaId = number;
export const NONE: ReplicaId = 0;

export type EntryKind = "normal" | "conf-change" | "conf-change-v2";

/**
 * One entry of the log. `data` of a conf change is what `encodeConfChange` gave; of a normal entry it is opaque, and an
 * empty one is what a new leader appends to commit the entries of former terms (Raft paper, section 8).
 */
export interface Entry {
  readonly term: number;
  readonly index: number;
  readonly kind: EntryKind;
  readonly data: Uint8Array;
}

/** What must be durable before anything that depends on it leaves the replica (Raft paper, figure 2). */
export interface HardState {
  readonly term: number;
  readonly vote: ReplicaId;
  readonly commit: number;
}

export type Role = "follower" | "candidate" | "leader" | "pre-candidate";

export interface SoftState {
  readonly leader: ReplicaId;
  readonly role: Role;
}

/** The membership of a group; two voter sets while a joint change is under way (Raft paper, section 6). */
export interface ConfState {
  readonly voters: readonly ReplicaId[];
  readonly learners: readonly ReplicaId[];
  readonly votersOutgoing: readonly ReplicaId[];
  readonly learnersNext: readonly ReplicaId[];
  readonly autoLeave: boolean;
}

export interface SnapshotMeta {
  readonly index: number;
  readonly term: number;
  readonly confState: ConfState;
}

/** `data` stays empty where state is transferred outside the core, as the runtime does. */
export interface Snapshot {
  readonly meta: SnapshotMeta;
  readonly data: Uint8Array;
}

interface Envelope {
  readonly from: ReplicaId;
  readonly to: ReplicaId;
  /** 0 on messages that are local or carry no term (a forwarded proposal or read). */
  readonly term: number;
}

/** Everything that replicas say to each other. */
export type Message = Envelope &
  (
    | {
        readonly kind: "append";
        readonly prevIndex: number;
        readonly prevTerm: number;
        readonly entries: readonly Entry[];
        readonly commit: number;
      }
    | {
        readonly kind: "append-response";
        readonly index: number;
        readonly reject: boolean;
        readonly hintIndex: number;
        readonly hintTerm: number;
      }
    | {
        readonly kind: "vote" | "pre-vote";
        readonly lastIndex: number;
        readonly lastTerm: number;
        /** Set when the leader asked for this campaign: voters do not wait for its lease to end. */
        readonly transfer: boolean;
      }
    | { readonly kind: "vote-response" | "pre-vote-response"; readonly reject: boolean }
    | { readonly kind: "snapshot"; readonly snapshot: Snapshot }
    | { readonly kind: "heartbeat"; readonly commit: number; readonly readRound: number }
    | { readonly kind: "heartbeat-response"; readonly readRound: number }
    | { readonly kind: "timeout-now" }
    /** `from` is the transferee, as in the request that an operator makes of the leader. */
    | { readonly kind: "transfer-leader" }
    | { readonly kind: "read-index"; readonly context: number }
    | { readonly kind: "read-index-response"; readonly index: number; readonly context: number }
    | { readonly kind: "propose"; readonly entries: readonly ProposedEntry[] }
  );

export interface ProposedEntry {
  readonly kind: EntryKind;
  readonly data: Uint8Array;
}

/** A linearizable read may be served once the applied index is at least `index`. `context` is the caller's number. */
export interface ReadState {
  readonly index: number;
  readonly context: number;
}

/**
 * Work for the log store. Once entries, hardState and snapshot are durable (or at once, where there are none), hand every
 * message of `responses` on: to a peer if `to` is another replica, else to `step`; then call `appended(done)`.
 * An append at index i discards every stored entry from i on.
 */
export interface AppendWork {
  readonly entries: readonly Entry[];
  readonly hardState?: HardState;
  readonly snapshot?: Snapshot;
  /** Votes and acknowledgements, of acceptance and refusal, that promise what this work makes durable. */
  readonly responses: readonly Message[];
  /** False where only the commit index moved: losing it in a crash is harmless. */
  readonly mustSync: boolean;
  /** Undefined where nothing is to be confirmed to the core. */
  readonly done?: AppendDone;
}

export interface AppendDone {
  readonly term: number;
  /** Last entry that this work made stable, 0 if none. */
  readonly lastIndex: number;
  readonly lastTerm: number;
  readonly snapshot?: SnapshotMeta;
}

/** Committed entries to apply, in order. Call `applied(lastIndex)` afterwards; conf changes go through `applyConfChange`. */
export interface ApplyWork {
  readonly entries: readonly Entry[];
}

/** One batch of effects. Messages may leave at once; `append` and `apply` are each done first in, first out. */
export interface Ready {
  readonly softState?: SoftState;
  readonly readStates: readonly ReadState[];
  readonly messages: readonly Message[];
  readonly append?: AppendWork;
  readonly apply?: ApplyWork;
}

/** Why the core did not take a proposal, read, or transfer: nothing was appended. */
export type Refusal =
  | { readonly kind: "refused"; readonly reason: "not-leader"; readonly leader: ReplicaId }
  | {
      readonly kind: "refused";
      readonly reason:
        | "no-leader"
        | "log-full"
        | "entry-too-large"
        | "transferring"
        | "not-a-member"
        | "peer-not-found"
        | "conf-change-pending"
        | "conf-change-impossible";
    };

export type Accepted<T> = { readonly kind: "accepted" } & T;

/** Synchronous, in-memory view of the stable log; the core calls it often. */
export interface LogView {
  /** First index that is held: everything before is covered by the snapshot. */
  firstIndex(): number;
  /** Last stable index. */
  lastIndex(): number;
  /** Term of an entry in [firstIndex - 1, lastIndex]; undefined outside of that. */
  term(index: number): number | undefined;
  /**
   * Entries [low, high) as far as bytesMax allows, at least one. "compacted": low is before firstIndex. "fetching": not in
   * memory; the owner calls `entriesFetched` on the core when they are.
   */
  entries(low: number, high: number, bytesMax: number): readonly Entry[] | "compacted" | "fetching";
  /** The newest state that can be sent to a replica whose log ends before firstIndex; undefined if not available yet. */
  snapshot(): Snapshot | undefined;
}
