import { expect } from "chai";
import { Report, SHARE_MIN } from "./report.js";
import { simulate } from "./simulation.js";

const SEEDS = 300;
const REPEATED = 10;
const OPERATIONS_MIN = 200;

describe("a simulated cluster", function () {
  this.timeout(600_000);

  it("keeps its promises in many lives, which reach what they are for", async () => {
    const report = new Report();
    for (let seed = 1; seed <= SEEDS; seed++) {
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
  });

  it("lives the same life again with the same seed", async () => {
    for (let seed = 1001; seed <= 1000 + REPEATED; seed++) {
      const [first, second] = [await simulate(seed), await simulate(seed)];
      expect(second.traceHash, `seed ${seed}`).to.equal(first.traceHash);
    }
  });

  it("lives another life with another seed", async () => {
    const [first, second] = [await simulate(1), await simulate(2)];
    expect(second.traceHash).to.not.equal(first.traceHash);
  });
});
