import type { JointVoters } from "./quorum.js";
import { jointIndex } from "./quorum.js";
import type { ReplicaId } from "./types.js";

/** A read that somebody asked for; `from` is this replica for its own. */
export interface ReadRequest {
  readonly from: ReplicaId;
  readonly context: number;
}

export interface ConfirmedRead extends ReadRequest {
  readonly index: number;
}

interface Round {
  readonly number: number;
  readonly reads: readonly ConfirmedRead[];
}

/**
 * A leader's linearizable reads. They are collected into rounds with ascending numbers, each confirmed by one exchange of
 * heartbeats: whoever answers round n still followed this leader after every read of rounds up to n was asked for. An answer
 * counts by its number, never by what a caller chose, so a late answer cannot confirm a newer read.
 */
export class Reads {
  /** Asked before this leader committed an entry of its term: its commit index may be behind one it does not know of. */
  #early: ReadRequest[] = [];
  #collecting: ConfirmedRead[] = [];
  #rounds: Round[] = [];
  #lastRound = 0;
  readonly #answered = new Map<ReplicaId, number>();

  get pending(): number {
    let count = this.#early.length + this.#collecting.length;
    for (const round of this.#rounds) count += round.reads.length;
    return count;
  }

  get hasCollected(): boolean {
    return this.#collecting.length > 0;
  }

  /** Newest round whose reads wait for a quorum; 0 if none does. */
  get openRound(): number {
    return this.#rounds.length === 0 ? 0 : this.#lastRound;
  }

  postpone(read: ReadRequest): void {
    this.#early.push(read);
  }

  takePostponed(): readonly ReadRequest[] {
    const early = this.#early;
    if (early.length > 0) this.#early = [];
    return early;
  }

  collect(read: ReadRequest, commit: number): void {
    this.#collecting.push({ from: read.from, context: read.context, index: commit });
  }

  /** Closes the collection; its number goes out with heartbeats. */
  startRound(): number {
    this.#lastRound += 1;
    this.#rounds.push({ number: this.#lastRound, reads: this.#collecting });
    this.#collecting = [];
    return this.#lastRound;
  }

  /** Returns the reads that a quorum has confirmed now. */
  answer(from: ReplicaId, round: number, self: ReplicaId, voters: JointVoters): ConfirmedRead[] {
    if (round > this.#lastRound) return [];
    this.#answered.set(from, Math.max(this.#answered.get(from) ?? 0, round));
    const confirmed = jointIndex(voters, (id) =>
      id === self ? this.#lastRound : this.#answered.get(id),
    );
    const reads: ConfirmedRead[] = [];
    let done = 0;
    for (const open of this.#rounds) {
      if (open.number > confirmed) break;
      for (const read of open.reads) reads.push(read);
      done += 1;
    }
    if (done > 0) this.#rounds.splice(0, done);
    return reads;
  }

  reset(): void {
    this.#early = [];
    this.#collecting = [];
    this.#rounds = [];
    this.#answered.clear();
  }
}
