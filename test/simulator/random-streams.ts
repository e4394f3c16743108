import { SeededRandom } from "../raft/seeded-random.js";

/** One stream of chance for each purpose, so that another draw in one place does not change what happens elsewhere. */
export class RandomStreams {
  readonly #seed: number;

  constructor(seed: number) {
    this.#seed = seed;
  }

  of(purpose: string): SeededRandom {
    let mixed = this.#seed ^ 0x9e3779b9;
    for (let i = 0; i < purpose.length; i++) {
      mixed = Math.imul(mixed ^ purpose.charCodeAt(i), 0x85ebca6b);
      mixed ^= mixed >>> 13;
    }
    return new SeededRandom(mixed);
  }
}
