import type { Command } from "../../src/domain/index.js";
import type { Applied, ApplyContext } from "../../src/machine/index.js";
import type { ConfState, Entry, Message, ReplicaId, Role } from "../../src/raft/index.js";
import type { AppliedState, FeedRow, ReplicaRound } from "../../src/runtime/index.js";
import { PromiseBroken } from "./promise-broken.js";
import type { ReplicaRecord } from "./replica-record.js";

interface KnownEntry {
  readonly prevTerm: number;
  readonly kind: Entry["kind"];
  readonly data: Uint8Array;
}

interface Committed {
  readonly term: number;
  /** Highest term that anyone knew of when it was first applied: leaders of later terms must have it. */
  readonly inTerm: number;
}

interface Unproven {
  readonly holders: ReadonlySet<ReplicaId>;
  readonly what: string;
}

/** One command as the first replica applied it. */
export interface AppliedCommand {
  readonly index: number;
  readonly sequence: number;
  readonly command: Command;
  readonly applied: Applied;
}

/**
 * What is true of one shard, put together from all of its replicas: who led, what was committed, what state and feed that
 * made. Everything that a replica does is held against it at once (Raft paper, figure 3).
 */
export class ShardTruth {
  readonly #leaders = new Map<number, ReplicaId>();
  /** By voter and term, over all of its lives. */
  readonly #votes = new Map<string, ReplicaId>();
  /** By term and index. */
  readonly #entries = new Map<number, KnownEntry>();
  /** Replicas that ever held an entry durably, by index, then by term. */
  readonly #holders = new Map<number, Map<number, Set<ReplicaId>>>();
  readonly #committed: Committed[] = [];
  readonly #states = new Map<number, AppliedState>();
  readonly commands: AppliedCommand[] = [];
  readonly #commandAt = new Map<number, AppliedCommand>();
  readonly feed: FeedRow[] = [];
  readonly #published = new Map<number, FeedRow>();
  readonly #memberships: ConfState[] = [];
  /** Applied with a quorum of no membership known so far: the change that made it right may not be written yet. */
  #unproven: Unproven[] = [];
  /** Terms whose leader's log was held against what is committed. */
  readonly #complete = new Set<number>();
  #highestTerm = 0;
  /** There is a change of members in some log. */
  #isChanging = false;

  readonly #initial: ConfState;
  #newest: AppliedState | undefined;

  constructor(initial: ConfState) {
    this.#initial = initial;
    this.#memberships.push(initial);
  }

  get leaderTerms(): number {
    return this.#leaders.size;
  }

  /** Memberships that were applied, the first one included. */
  get memberships(): readonly ConfState[] {
    return this.#memberships;
  }

  /** As of the highest entry that somebody applied. */
  get membership(): ConfState {
    return this.#newest?.confState ?? this.#initial;
  }

  /** First sequence that some feed still has to hold. */
  get firstSequence(): number {
    return this.#newest?.firstSequence ?? 1;
  }

  isCommitted(index: number): boolean {
    return this.#committed[index] !== undefined || index < this.#committed.length;
  }

  /** At the end nothing may be left of which nobody knows why it was committed. */
  requireProven(): void {
    const [first] = this.#unproven;
    if (first !== undefined) throw new PromiseBroken(first.what);
  }

  becomes(record: ReplicaRecord, role: Role, term: number): void {
    this.#highestTerm = Math.max(this.#highestTerm, term);
    if (role !== "leader") return;
    const { replica } = record;
    const other = this.#leaders.get(term) ?? replica;
    if (other !== replica) throw new PromiseBroken(`${other} and ${replica} lead term ${term}`);
    this.#leaders.set(term, replica);
    if (record.term !== term || record.vote !== replica) {
      throw new PromiseBroken(
        `replica ${replica} leads term ${term} before its own vote is durable`,
      );
    }
  }

  /** Before a message leaves, what it promises must be durable. */
  says(record: ReplicaRecord, message: Message): void {
    const { replica, term, vote } = record;
    switch (message.kind) {
      case "vote-response":
        if (message.reject) return;
        this.#requireOneVote(replica, message);
        // A later term that is durable rules out another vote in this one as well.
        if (term > message.term || (term === message.term && vote === message.to)) return;
        throw new PromiseBroken(
          `replica ${replica} gives ${message.to} its vote in term ${message.term}, but ${vote} in ${term} is durable`,
        );
      case "append-response":
        if (term < message.term) {
          throw new PromiseBroken(
            `replica ${replica} answers in term ${message.term}; ${term} is durable`,
          );
        }
        if (message.reject || message.index <= record.lastIndex) return;
        throw new PromiseBroken(
          `replica ${replica} acknowledges ${message.index}, but its log is durable to ${record.lastIndex}`,
        );
      default:
    }
  }

  #requireOneVote(replica: ReplicaId, { term, to }: Message): void {
    const key = `${replica} in ${term}`;
    const other = this.#votes.get(key) ?? to;
    if (other !== to) throw new PromiseBroken(`replica ${key} votes for ${other} and for ${to}`);
    this.#votes.set(key, to);
  }

  /** What is about to be written. */
  begins(record: ReplicaRecord, round: ReplicaRound): void {
    if (round.entries !== undefined) this.#matchEntries(record, round, round.entries);
    if (round.applied === undefined) return;
    this.#matchFeed(record, round.applied.feed);
    this.#matchState(record, round.applied.state);
  }

  /** What is durable now. */
  holds(record: ReplicaRecord, round: ReplicaRound): void {
    for (const { index, term } of round.entries ?? []) this.#hold(record.replica, index, term);
    const state = round.install?.state;
    if (state !== undefined) this.#matchState(record, state);
  }

  /** A store opened again, maybe with what was still being written when its process ended. */
  reopens(record: ReplicaRecord): void {
    for (let index = record.firstIndex; index <= record.lastIndex; index++) {
      this.#hold(record.replica, index, record.termAt(index) ?? 0);
    }
  }

  #hold(replica: ReplicaId, index: number, term: number): void {
    let terms = this.#holders.get(index);
    if (terms === undefined) this.#holders.set(index, (terms = new Map<number, Set<ReplicaId>>()));
    const holders = terms.get(term);
    if (holders === undefined) terms.set(term, new Set([replica]));
    else holders.add(replica);
  }

  applies(replica: ReplicaId, context: ApplyContext, command: Command, applied: Applied): void {
    const { index, term, sequence } = context;
    this.#commit(replica, index, term);
    const known = this.#commandAt.get(index);
    if (known === undefined) {
      const first = { index, sequence, command, applied };
      this.#commandAt.set(index, first);
      this.commands.push(first);
      return;
    }
    const before = describe(known);
    const now = describe({ index, sequence, command, applied });
    if (before !== now) {
      throw new PromiseBroken(
        `entry ${index} came to ${before}, and to ${now} on replica ${replica}`,
      );
    }
  }

  /** An entry that somebody applies is committed: a majority must hold it, and it never changes. */
  #commit(replica: ReplicaId, index: number, term: number): void {
    const known = this.#committed[index];
    if (known !== undefined) {
      if (known.term === term) return;
      throw new PromiseBroken(
        `replica ${replica} applies entry ${index} of term ${term}, others that of ${known.term}`,
      );
    }
    const holders = new Set(this.#holders.get(index)?.get(term));
    if (!this.#memberships.some((membership) => hasQuorum(membership, holders))) {
      const what = `replica ${replica} applies entry ${index} of term ${term}, which only ${[...holders].join(", ")} hold`;
      if (!this.#isChanging) throw new PromiseBroken(what);
      this.#unproven.push({ holders, what });
    }
    this.#committed[index] = { term, inTerm: this.#highestTerm };
  }

  #matchEntries(record: ReplicaRecord, round: ReplicaRound, entries: readonly Entry[]): void {
    const first = entries[0];
    if (first === undefined) return;
    let prevTerm = round.install?.state?.term ?? record.termAt(first.index - 1);
    if (prevTerm === undefined) {
      throw new PromiseBroken(`replica ${record.replica} leaves a gap before entry ${first.index}`);
    }
    for (const entry of entries) {
      const key = entry.index * 0x10000 + entry.term;
      const known = this.#entries.get(key);
      if (known === undefined) {
        this.#entries.set(key, { prevTerm, kind: entry.kind, data: entry.data });
        if (entry.kind !== "normal") this.#isChanging = true;
        if (entry.term > prevTerm) this.#requireComplete(record, entries, entry);
      } else if (
        known.prevTerm !== prevTerm ||
        known.kind !== entry.kind ||
        !isEqual(known.data, entry.data)
      ) {
        throw new PromiseBroken(
          `two logs differ at or before entry ${entry.index} of term ${entry.term}`,
        );
      }
      prevTerm = entry.term;
    }
  }

  /** The first entry of a term is its leader's: behind it the leader's whole log can be seen. */
  #requireComplete(record: ReplicaRecord, written: readonly Entry[], { term, index }: Entry): void {
    if (this.#leaders.get(term) !== record.replica || this.#complete.has(term)) return;
    this.#complete.add(term);
    const from = written[0]?.index ?? index;
    for (let at = this.#committed.length - 1; at > 0; at--) {
      const committed = this.#committed[at];
      if (committed === undefined || committed.inTerm >= term) continue;
      if (at < record.firstIndex) return;
      const held = at < from ? record.termAt(at) : written[at - from]?.term;
      if (at < index && held === committed.term) return;
      throw new PromiseBroken(`the leader of term ${term} lacks the committed entry ${at}`);
    }
  }

  #matchState(record: ReplicaRecord, state: AppliedState): void {
    if (state.index === 0) return;
    const known = this.#states.get(state.index);
    if (known === undefined) {
      this.#commit(record.replica, state.index, state.term);
      this.#states.set(state.index, state);
      if (state.index > (this.#newest?.index ?? 0)) this.#newest = state;
      const last = this.#memberships.at(-1);
      if (
        JSON.stringify(last) !== JSON.stringify(state.confState) &&
        !this.#isFormer(state.confState)
      ) {
        this.#memberships.push(state.confState);
        this.#unproven = this.#unproven.filter(
          ({ holders }) => !hasQuorum(state.confState, holders),
        );
      }
      return;
    }
    const isSame =
      known.term === state.term &&
      known.sequence === state.sequence &&
      known.firstSequence === state.firstSequence &&
      known.timeMs === state.timeMs &&
      isEqual(known.stateHash, state.stateHash);
    if (!isSame)
      throw new PromiseBroken(`replica ${record.replica} has another state at ${state.index}`);
  }

  /** A subscriber got this change; before or after it was first written anywhere. */
  published(row: FeedRow): void {
    const known = this.#published.get(row.sequence);
    if (known === undefined) this.#published.set(row.sequence, row);
    else requireSameRow(known, row, "two subscribers");
  }

  /** Whether a subscriber knows a change that no disk has yet: it is written with one of the next rounds. */
  get isAheadOfDisks(): boolean {
    return [...this.#published.keys()].some((sequence) => sequence > this.feed.length);
  }

  /** What subscribers got is what is in the feed. */
  requirePublished(): void {
    for (const row of this.#published.values()) {
      const known = this.feed[row.sequence - 1];
      if (known === undefined)
        throw new PromiseBroken(`change ${row.sequence} was published and never written`);
      requireSameRow(known, row, "a subscriber and the feed");
    }
  }

  #isFormer(state: ConfState): boolean {
    const text = JSON.stringify(state);
    return this.#memberships.some((known) => JSON.stringify(known) === text);
  }

  #matchFeed(record: ReplicaRecord, rows: readonly FeedRow[]): void {
    for (const row of rows) {
      const known = this.feed[row.sequence - 1];
      if (known === undefined) {
        if (row.sequence !== this.feed.length + 1) {
          throw new PromiseBroken(`the feed of ${record.replica} has a gap before ${row.sequence}`);
        }
        this.feed.push(row);
      } else requireSameRow(known, row, `the feed of ${record.replica} and others`);
    }
  }
}

/** Replies repeat what is in the state, so these few words tell one execution from another. */
function describe({ sequence, command, applied }: AppliedCommand): string {
  const { reply, changes } = applied;
  const outcome = reply.kind === "done" ? `${reply.revision}` : reply.code;
  const { operation, requestId } = command;
  const what = `${operation.kind} ${requestId} ${outcome}${reply.replayed ? " again" : ""}`;
  return `${what} with ${changes.length} changes after ${sequence}`;
}

function requireSameRow(a: FeedRow, b: FeedRow, who: string): void {
  if (a.index === b.index && a.timeMs === b.timeMs && isEqual(a.change, b.change)) return;
  throw new PromiseBroken(`${who} differ at change ${a.sequence}`);
}

function hasQuorum(
  { voters, votersOutgoing }: ConfState,
  holders: ReadonlySet<ReplicaId>,
): boolean {
  return (
    isMajority(voters, holders) &&
    (votersOutgoing.length === 0 || isMajority(votersOutgoing, holders))
  );
}

function isMajority(voters: readonly ReplicaId[], holders: ReadonlySet<ReplicaId>): boolean {
  return voters.filter((voter) => holders.has(voter)).length * 2 > voters.length;
}

function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  return a === b || Buffer.compare(a, b) === 0;
}
