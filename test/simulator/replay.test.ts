import { expect } from "chai";
import { simulate } from "./simulation.js";

const REPEATED = 10;

describe("a simulated cluster", function () {
  this.timeout(600_000);

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
