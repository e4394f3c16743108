import type { Entry, ReplicaId } from "../../src/raft/index.js";
import type { LogId, OpenedReplica, ReplicaRound } from "../../src/runtime/index.js";
import { PromiseBroken } from "./promise-broken.js";

/**
 * What one replica has on its disk, by what its store confirmed as durable, over all its lives. What it says to others is
 * held against this, and so is what its store holds when it opens again.
 */
export class ReplicaRecord {
  readonly replica: ReplicaId;
  term = 0;
  vote: ReplicaId = 0;
  /** Terms of the entries [#first, #first + length). */
  #terms: number[] = [];
  #first = 1;
  #precedingTerm = 0;
  /** Rounds with entries or a snapshot that became durable. */
  logRounds = 0;
  /** Begun and not confirmed: after a crash they may have happened or not. */
  #underWay: ReplicaRound | undefined;

  constructor(replica: ReplicaId) {
    this.replica = replica;
  }

  get lastIndex(): number {
    return this.#first + this.#terms.length - 1;
  }

  get firstIndex(): number {
    return this.#first;
  }

  termAt(index: number): number | undefined {
    return index === this.#first - 1 ? this.#precedingTerm : this.#terms[index - this.#first];
  }

  begin(round: ReplicaRound): void {
    this.#underWay = round;
  }

  /** The round is written; only a synced one is durable. */
  finish(round: ReplicaRound, sync: boolean): void {
    this.#underWay = undefined;
    if (sync) this.#take(round);
  }

  #take({ hardState, entries, compactTo, install }: ReplicaRound): void {
    if (hardState !== undefined) {
      this.term = hardState.term;
      this.vote = hardState.vote;
    }
    if (install?.state !== undefined) this.#restart(install.state);
    if (entries !== undefined && entries.length > 0) this.#append(entries);
    if (compactTo !== undefined) this.#compact(compactTo);
    if (install !== undefined || entries !== undefined) this.logRounds++;
  }

  /**
   * The store opened again. All that was durable must be there, or the store must know that it is not; what was under way may
   * be there. From here on what it holds counts.
   */
  reopened(opened: OpenedReplica, mayBeLost: boolean): void {
    const { hardState, lost } = opened;
    const round = this.#underWay;
    this.#underWay = undefined;
    const wasUnderWay =
      round?.hardState?.term === hardState.term && round.hardState.vote === hardState.vote;
    const isVoteKept =
      hardState.term === this.term && (this.vote === 0 || hardState.vote === this.vote);
    if (
      hardState.term < this.term ||
      (hardState.term === this.term && !isVoteKept && !wasUnderWay)
    ) {
      throw new PromiseBroken(
        `replica ${this.replica} forgot that it voted for ${this.vote} in term ${this.term}: ` +
          `it opened with ${hardState.vote} in ${hardState.term}`,
      );
    }
    if (lost === undefined) this.#requireWhole(opened, round);
    else if (!mayBeLost) {
      throw new PromiseBroken(
        `replica ${this.replica} lost entries on a good disk: ${lost.reason}`,
      );
    }
    this.term = hardState.term;
    this.vote = hardState.vote;
    this.#first = opened.firstIndex;
    this.#precedingTerm = opened.precedingTerm;
    this.#terms = [];
    for (let index = opened.firstIndex; index <= opened.lastIndex; index++) {
      this.#terms.push(termIn(opened, index) ?? 0);
    }
  }

  /** By log matching the last entry stands for all before it. */
  #requireWhole(opened: OpenedReplica, underWay: ReplicaRound | undefined): void {
    let last = this.lastIndex;
    // A round that replaced the end of the log, and may have happened.
    const replaced = underWay?.entries?.[0]?.index;
    if (replaced !== undefined) last = Math.min(last, replaced - 1);
    if (last < opened.firstIndex || underWay?.install !== undefined) return;
    if (termIn(opened, last) === this.termAt(last)) return;
    throw new PromiseBroken(
      `replica ${this.replica} forgot entry ${last} of term ${this.termAt(last)}, which was durable`,
    );
  }

  #append(entries: readonly Entry[]): void {
    const from = entries[0]?.index ?? 0;
    this.#terms.length = Math.max(from - this.#first, 0);
    for (const entry of entries) this.#terms.push(entry.term);
  }

  #compact(to: LogId): void {
    const drop = to.index + 1 - this.#first;
    if (drop <= 0) return;
    this.#terms = this.#terms.slice(drop);
    this.#first = to.index + 1;
    this.#precedingTerm = to.term;
  }

  #restart(at: LogId): void {
    this.#terms = [];
    this.#first = at.index + 1;
    this.#precedingTerm = at.term;
  }
}

function termIn(opened: OpenedReplica, index: number): number | undefined {
  if (index === opened.firstIndex - 1) return opened.precedingTerm;
  if (index < opened.firstIndex || index > opened.lastIndex) return undefined;
  return opened.termRuns.findLast((run) => run.from <= index)?.term;
}
