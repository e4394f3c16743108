import { NONE } from "../raft/index.js";
import type { RaftGroup } from "../raft/index.js";
import type { Clock, Random } from "./ports.js";

/** After so many refusals the election timeout decides. */
const ATTEMPTS_MAX = 10;

export interface SuccessionOptions {
  readonly group: RaftGroup;
  readonly clock: Clock;
  readonly random: Random;
  /** An attempt comes within this time, at random ... */
  readonly withinMs: number;
  /** ... and twice as much later for each follower that comes before this one, so that two rarely split the votes. */
  readonly rank: () => number;
  /** The group has something to do. */
  readonly campaigned: () => void;
}

/**
 * Elects a successor without waiting for the election timeout where the leader's process is known to be gone. A follower
 * that notices first is refused while the others still believe in the leader: it asks again a little later.
 */
export class Succession {
  readonly #options: SuccessionOptions;
  #attempts = 0;
  #cancel: (() => void) | undefined;

  constructor(options: SuccessionOptions) {
    this.#options = options;
  }

  begin(): void {
    this.#options.group.forgetLeader();
    this.#attempts = 0;
    this.#plan();
  }

  /** The node came back, or this one stops. */
  end(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #plan(): void {
    const { clock, random, withinMs, rank } = this.#options;
    this.#cancel?.();
    const delayMs = withinMs * (2 * rank() + random() * (1 + this.#attempts));
    this.#cancel = clock.after(delayMs, () => {
      this.#attempt();
    });
  }

  #attempt(): void {
    const { group, campaigned } = this.#options;
    const { leader, role } = group.status();
    this.#cancel = undefined;
    if (leader !== NONE || role === "leader" || ++this.#attempts > ATTEMPTS_MAX) return;
    // A candidate waits for votes of a term that began with it: asking again would throw them away.
    if (role !== "candidate") {
      group.campaign();
      campaigned();
    }
    this.#plan();
  }
}
