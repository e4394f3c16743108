import type { AppliedState } from "./ports.js";

export interface LevelRaiseOptions {
  /** What this version knows. */
  readonly own: number;
  readonly state: () => AppliedState;
  /** Nodes of all replicas of the group, learners too. */
  readonly memberNodes: () => readonly string[];
  /** What a node announced lately; undefined if nothing was heard. */
  readonly announced: (node: string) => number | undefined;
  /** Appends the raise to the log; its index, or undefined where it was refused. */
  readonly propose: (level: number) => number | undefined;
}

/**
 * Lets a leader raise the level of its group as soon as every replica, learners too, is of a version that knows more. What is
 * agreed is an entry of the log: a leader proposes a command of a level only after that entry is applied, so that nobody ever
 * finds a command that it does not know. It never goes down.
 */
export class LevelRaise {
  readonly #options: LevelRaiseOptions;
  #proposed = 0;

  constructor(options: LevelRaiseOptions) {
    this.#options = options;
  }

  /** A new leader knows nothing of what the one before proposed. */
  lead(): void {
    this.#proposed = 0;
  }

  tick(): void {
    const { own, state, propose } = this.#options;
    const { index, featureLevel } = state();
    if (own <= featureLevel || index < this.#proposed) return;
    const level = this.#known();
    if (level > featureLevel) this.#proposed = propose(level) ?? 0;
  }

  #known(): number {
    const { own, memberNodes, announced } = this.#options;
    return Math.min(own, ...memberNodes().map((node) => announced(node) ?? 0));
  }
}
