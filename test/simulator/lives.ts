import { expect } from "chai";
import { Report, SHARE_MIN } from "./report.js";
import { simulate } from "./simulation.js";

/** All seeds up to this one are simulated: the odd ones and the even ones in a file each, for a core each. */
const SEED_MAX = 300;
const OPERATIONS_MIN = 200;

/** Simulates every second life from a seed on; every promise must be kept, and every kind of trouble must have been met. */
export async function simulateLives(firstSeed: 1 | 2): Promise<void> {
  const report = new Report();
  for (let seed = firstSeed; seed <= SEED_MAX; seed += 2) {
    const result = await simulate(seed);
    if (result.broken !== undefined) {
      throw new Error(`replay with: npm run simulate -- --seeds 1 --seed ${seed} --trace`, {
        cause: result.broken,
      });
    }
    expect(result.operations).to.be.at.least(OPERATIONS_MIN);
    report.add(result);
  }
  for (const [what, share] of Object.entries(report.shares)) {
    expect(share, what).to.be.at.least(SHARE_MIN);
  }
}
