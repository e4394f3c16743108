import { expect } from "chai";
import { SeededRandom } from "../raft/seeded-random.js";
import { BLOWS, Blows, nameOf, TARGETS } from "./blows.js";

describe("the blows of the soak", () => {
  it("strike each target in each way before anything is left to chance", () => {
    const orders = new Set<string>();
    for (let seed = 1; seed <= 20; seed++) {
      const seeded = new SeededRandom(seed);
      const blows = new Blows(() => seeded.next());
      const dealt: string[] = [];
      while (!blows.wereDealtOnce) {
        const blow = blows.next(TARGETS);
        blows.dealt(blow);
        dealt.push(nameOf(blow));
      }
      expect(dealt).to.have.members(BLOWS.map(nameOf));
      orders.add(dealt.join());
    }
    expect(orders.size).to.be.greaterThan(1);
  });

  it("are of another kind, or at another target, beside the one that is being dealt", () => {
    const blows = new Blows(() => 0);
    const first = blows.next(["leader"]);
    expect(blows.next(["leader"], first)).to.deep.equal({ act: "pause", target: "leader" });
    expect(blows.next(["fan-out"], first).target).to.equal("fan-out");
  });

  it("stay due until they were dealt", () => {
    const blows = new Blows(() => 0);
    expect(blows.next(["node"])).to.deep.equal(blows.next(["node"]));
    expect(blows.wereDealtOnce).to.equal(false);
  });
});
