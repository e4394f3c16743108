import { expect } from "chai";
import { soak } from "../soak/soak.js";

describe("subscribers of every manner, while anything may be killed or paused", function () {
  this.timeout(300_000);

  it("hear what was allowed, all of it, once, in order, and as the log has it", async () => {
    const { faults, strikes, closes, ...numbers } = await soak({
      seconds: 60,
      subscribers: 40,
      seed: 1,
    });
    console.log(`      ${JSON.stringify({ ...numbers, ...Object.fromEntries(strikes) })}`);
    console.log(`      connections ended by code: ${JSON.stringify(Object.fromEntries(closes))}`);
    expect(faults.slice(0, 5)).to.deep.equal([]);
    expect(numbers.deliveries).to.be.greaterThan(1_000);
    expect(numbers.rightsEnded).to.be.greaterThan(3);
  });
});
