import type { SeededRandom } from "../raft/seeded-random.js";

/** One border of the system, with the real thing behind it. */
export interface Target {
  /** Sends one input that the random numbers determine; resolves with what came of it, in a word. */
  run(random: SeededRandom): Promise<string>;
  /** What the other side says went wrong inside of it since it was last asked. */
  faults(): readonly string[];
  close(): Promise<void>;
}

export type OpenTarget = () => Promise<Target>;
