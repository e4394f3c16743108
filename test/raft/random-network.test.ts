import { expect } from "chai";
import { RandomNetwork } from "./random-network.js";

const SEEDS = 100;
const STEPS = 3_000;

describe("a group whose network, disks and machines fail at random", () => {
  for (const size of [3, 4, 5]) {
    it(`stays safe and recovers with ${size} voters`, () => {
      let applied = 0;
      for (let seed = 0; seed < SEEDS; seed++) applied += runSeed(seed * 10 + size, size);
      // A group that never got anything done would be safe as well.
      expect(applied / SEEDS).to.be.greaterThan(15);
    });
  }
});

function runSeed(seed: number, size: number): number {
  try {
    const network = new RandomNetwork(seed, size);
    network.run(STEPS);
    network.heal();
    return network.highestApplied;
  } catch (error) {
    throw new Error(`seed ${seed} with ${size} voters`, { cause: error });
  }
}
