import type { RaftGroup, Role } from "../raft/index.js";

/** So many election timeouts are left to others by a replica that is not fit to lead. */
const PATIENCE = 5;

/**
 * When a replica may vote and campaign: not before its node was told what others remember of it; and where its node is not
 * fit to lead, only after nobody else led for a while, because it may hold what the others lack.
 */
export class Candidacy {
  readonly #group: RaftGroup;
  readonly #patienceTicks: number;
  #isSettled = false;
  #leaderlessTicks = 0;

  constructor(group: RaftGroup, electionTicks: number) {
    this.#group = group;
    this.#patienceTicks = PATIENCE * electionTicks;
    group.restrict({ mayVote: false, mayLead: false });
  }

  settle(): void {
    this.#isSettled = true;
    this.#group.restrict({ mayVote: true, mayLead: true });
  }

  /** A leader that is not fit hands over; it is not stopped, since nobody may be there to take it. */
  tick(role: Role, hasLeader: boolean, isFit: boolean): void {
    if (!this.#isSettled) return;
    this.#leaderlessTicks = hasLeader ? 0 : this.#leaderlessTicks + 1;
    const isNeeded = this.#leaderlessTicks > this.#patienceTicks;
    this.#group.restrict({ mayVote: true, mayLead: isFit || isNeeded || role === "leader" });
  }
}
