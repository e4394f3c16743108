import { assert } from "../base/index.js";
import type { KeyRange, StateRow, Write } from "../machine/index.js";
import { shardOfReplica } from "../placement/index.js";
import type { ShardNumber } from "../placement/index.js";
import type { ConfChange, ConfState, ReplicaId } from "../raft/index.js";
import { parseList } from "./stored-list.js";

/** A replica that joined a running group: where it lives, and on which disk. */
export interface Member {
  readonly replica: ReplicaId;
  readonly node: string;
  /** host:port at which the others reach the node. */
  readonly address: string;
  /** The same for Raft, where that is another. */
  readonly raftAddress?: string;
  /** A node that comes with another disk is another member. */
  readonly storeId: string;
}

const MEMBER_PREFIX = "!m/";
const GONE_PREFIX = "!g/";
/** Rows are few: one for each replica that ever joined or left the group. */
const ROWS_MAX = 10_000;
const GONE = Buffer.from("gone");
/** Before the name of a node whose replica was taken out, as versions wrote it that had no other way to say so. */
const MARK = "removed/";

/** Rows of the state beside those of the machine, whose keys begin with letters. They travel in snapshots. */
export const MEMBER_ROWS: KeyRange = { start: "!", end: '"', limit: ROWS_MAX };

/** What a conf change carries as its context that adds the member, or takes it out: whose it was is known for ever. */
export function encodeMember(member: Member): Uint8Array {
  const { replica, node, address, storeId, raftAddress } = member;
  const raft = raftAddress === undefined ? [] : [raftAddress];
  return Buffer.from(JSON.stringify([replica, node, address, storeId, ...raft]));
}

/**
 * What applying a conf change writes: where a new replica lives, and which one left. They stay for ever, so that no id is
 * given again.
 */
export function memberWrites(change: ConfChange): readonly Write[] {
  const writes: Write[] = [];
  if (change.context.length > 0) {
    const { replica } = decodeMember(change.context);
    writes.push({ key: `${MEMBER_PREFIX}${replica}`, value: change.context });
  }
  for (const { kind, replica } of change.changes) {
    if (kind === "remove") writes.push({ key: `${GONE_PREFIX}${replica}`, value: GONE });
  }
  return writes;
}

export interface MembersOptions {
  /** Node that hosts a replica which the cluster was formed with; empty if unknown. */
  readonly formed: (replica: ReplicaId) => string;
  readonly joined: (member: Member) => void;
  /** A replica of the node is taken out of its group, once the configuration that it may still vote in is left. */
  readonly removed: (node: string) => void;
}

/** Which node hosts which replica: as the group's rows say, else as the cluster was formed, else as a node itself says. */
export class Members {
  readonly #options: MembersOptions;
  readonly #gone = new Set<ReplicaId>();
  readonly #joined = new Map<ReplicaId, Member>();
  readonly #claimed = new Map<ReplicaId, string>();
  readonly #highest = new Map<ShardNumber, ReplicaId>();

  constructor(options: MembersOptions) {
    this.#options = options;
  }

  /** Empty if unknown. */
  nodeOf(replica: ReplicaId): string {
    const told = this.#toldOf(replica);
    return told === "" ? (this.#claimed.get(replica) ?? "") : told;
  }

  /** Taken out of its group, or about to be: it may still have to vote that it is. */
  isGone(replica: ReplicaId): boolean {
    return this.#gone.has(replica);
  }

  find(replica: ReplicaId): Member | undefined {
    return this.#joined.get(replica);
  }

  /** A replica that joined may be one that this node has not heard of yet: its votes count all the same. */
  claim(replica: ReplicaId, node: string): void {
    if (this.nodeOf(replica) === "") this.#claimed.set(replica, node);
  }

  /** The disk that the groups know a node by; undefined if it never joined one. */
  storeOf(node: string): string | undefined {
    for (const member of this.#joined.values()) {
      if (member.node === node && member.storeId !== "") return member.storeId;
    }
    return undefined;
  }

  load(rows: readonly StateRow[], confState: ConfState): void {
    for (const { key, value } of rows) this.#take(key, value);
    for (const replica of replicasOf(confState)) this.#use(replica);
  }

  applied(writes: readonly Write[]): void {
    for (const { key, value } of writes) if (value !== undefined) this.#take(key, value);
  }

  /** Never given before in this shard. */
  nextId(shard: ShardNumber): ReplicaId {
    const highest = this.#highest.get(shard);
    assert(highest !== undefined, "a group's members are known before one is added");
    return highest + 1;
  }

  #take(key: string, value: Uint8Array): void {
    if (key.startsWith(GONE_PREFIX)) {
      const replica = Number(key.slice(GONE_PREFIX.length));
      this.#use(replica);
      this.#gone.add(replica);
      this.#tellRemoved(replica);
    } else if (key.startsWith(MEMBER_PREFIX)) {
      const member = decodeMember(value);
      this.#use(member.replica);
      this.#joined.set(member.replica, member);
      if (this.#gone.has(member.replica)) this.#tellRemoved(member.replica);
      else this.#options.joined(member);
    }
  }

  #toldOf(replica: ReplicaId): string {
    return this.#joined.get(replica)?.node ?? this.#options.formed(replica);
  }

  #tellRemoved(replica: ReplicaId): void {
    const node = this.#toldOf(replica);
    if (node !== "") this.#options.removed(node);
  }

  #use(replica: ReplicaId): void {
    const shard = shardOfReplica(replica);
    this.#highest.set(shard, Math.max(replica, this.#highest.get(shard) ?? 0));
  }
}

/** Of a replica that waits to be told by a leader who is in its group. */
export const NO_MEMBERS: ConfState = {
  voters: [],
  learners: [],
  votersOutgoing: [],
  learnersNext: [],
  autoLeave: false,
};

/** Voters of both halves and learners. */
export function replicasOf(state: ConfState): readonly ReplicaId[] {
  const { voters, votersOutgoing, learners } = state;
  return [...new Set([...voters, ...votersOutgoing, ...learners])];
}

/** The bytes come from the log, into which only `encodeMember` writes: anything else throws. */
function decodeMember(bytes: Uint8Array): Member {
  const [replica, node, address, storeId, raftAddress] = parseList(bytes);
  assert(
    typeof replica === "number" &&
      typeof node === "string" &&
      typeof address === "string" &&
      typeof storeId === "string" &&
      (raftAddress === undefined || typeof raftAddress === "string"),
    "a member in the log is malformed",
  );
  return {
    replica,
    node: node.startsWith(MARK) ? node.slice(MARK.length) : node,
    address,
    storeId,
    ...(raftAddress === undefined ? {} : { raftAddress }),
  };
}
