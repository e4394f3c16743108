import { Inflights } from "./inflights.js";
import type { ChangedMembership, Membership } from "./membership.js";
import { membersOf, NO_MEMBERS, votersOf } from "./membership.js";
import { Progress } from "./progress.js";
import type { VoteResult } from "./quorum.js";
import { jointIndex, jointVote } from "./quorum.js";
import type { ReplicaId } from "./types.js";

/** The members of the group and what is known of each: votes while campaigning, progress while leading. */
export class Tracker {
  membership: Membership = NO_MEMBERS;
  /** Ascending, so that broadcasts have one order everywhere. */
  members: readonly ReplicaId[] = [];
  voters: readonly ReplicaId[] = [];
  readonly #progress = new Map<ReplicaId, Progress>();
  readonly #votes = new Map<ReplicaId, boolean>();
  readonly #inflightMessagesMax: number;
  readonly #inflightBytesMax: number;

  constructor(inflightMessagesMax: number, inflightBytesMax: number) {
    this.#inflightMessagesMax = inflightMessagesMax;
    this.#inflightBytesMax = inflightBytesMax;
  }

  find(id: ReplicaId): Progress | undefined {
    return this.#progress.get(id);
  }

  isLearner(id: ReplicaId): boolean {
    return this.membership.learners.has(id);
  }

  /** The only voter: nobody else has to be asked. */
  isAlone(): boolean {
    return this.membership.voters.outgoing.size === 0 && this.membership.voters.incoming.size === 1;
  }

  switchTo(change: ChangedMembership, lastIndex: number): void {
    this.membership = change.membership;
    this.members = membersOf(change.membership);
    this.voters = votersOf(change.membership);
    const members = new Set(this.members);
    for (const id of this.#progress.keys()) {
      if (!members.has(id) || change.unknown.has(id)) this.#progress.delete(id);
    }
    for (const id of this.members) {
      if (!this.#progress.has(id)) this.#progress.set(id, this.#newcomer(lastIndex));
    }
  }

  /** Largest index that a quorum holds. */
  quorumIndex(): number {
    return jointIndex(this.membership.voters, (id) => this.#progress.get(id)?.match);
  }

  /** The first vote of each counts. */
  recordVote(id: ReplicaId, granted: boolean): VoteResult {
    if (!this.#votes.has(id)) this.#votes.set(id, granted);
    return jointVote(this.membership.voters, this.#votes);
  }

  resetVotes(): void {
    this.#votes.clear();
  }

  isQuorumActive(): boolean {
    const active = new Map<ReplicaId, boolean>();
    for (const id of this.voters) active.set(id, this.#progress.get(id)?.recentActive ?? false);
    return jointVote(this.membership.voters, active) === "won";
  }

  #newcomer(lastIndex: number): Progress {
    const inflights = new Inflights(this.#inflightMessagesMax, this.#inflightBytesMax);
    const progress = new Progress(Math.max(lastIndex, 1), inflights);
    // It had no chance to answer yet: a quorum check that comes first must not count it as gone.
    progress.recentActive = true;
    return progress;
  }
}
