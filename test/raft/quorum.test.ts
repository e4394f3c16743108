import { expect } from "chai";
import { fc } from "../support/properties.js";
import { jointIndex, jointVote, majorityIndex, majorityVote } from "../../src/raft/quorum.js";

const ids = fc.uniqueArray(fc.integer({ min: 1, max: 12 }), { maxLength: 7 });
const acks = fc.dictionary(fc.integer({ min: 1, max: 12 }).map(String), fc.nat(20));

/** Every index is tried and its holders are counted. */
function naiveIndex(voters: readonly number[], acked: (id: number) => number): number {
  if (voters.length === 0) return Infinity;
  let best = 0;
  for (let index = 0; index <= 20; index++) {
    const holders = voters.filter((id) => acked(id) >= index).length;
    if (holders * 2 > voters.length) best = index;
  }
  return best;
}

describe("a majority", () => {
  it("holds what counting says it holds", () => {
    fc.assert(
      fc.property(ids, acks, (voters, known) => {
        const acked = (id: number): number => known[String(id)] ?? 0;
        expect(majorityIndex(new Set(voters), acked)).to.equal(naiveIndex(voters, acked));
      }),
    );
  });

  it("has won when no missing vote could change it, lost when none could help", () => {
    const votes = fc.dictionary(fc.integer({ min: 1, max: 12 }).map(String), fc.boolean());
    fc.assert(
      fc.property(ids, votes, (voters, cast) => {
        const known = new Map(Object.entries(cast).map(([id, vote]) => [Number(id), vote]));
        const yes = voters.filter((id) => known.get(id) === true).length;
        const no = voters.filter((id) => known.get(id) === false).length;
        const result = majorityVote(new Set(voters), known);
        if (voters.length === 0 || yes * 2 > voters.length) expect(result).to.equal("won");
        else if (no * 2 >= voters.length) expect(result).to.equal("lost");
        else expect(result).to.equal("pending");
      }),
    );
  });

  it("that is joint needs both halves, whichever comes first", () => {
    fc.assert(
      fc.property(ids, ids, acks, (one, other, known) => {
        const acked = (id: number): number => known[String(id)] ?? 0;
        const voters = { incoming: new Set(one), outgoing: new Set(other) };
        const swapped = { incoming: voters.outgoing, outgoing: voters.incoming };
        const expected = Math.min(naiveIndex(one, acked), naiveIndex(other, acked));
        expect(jointIndex(voters, acked)).to.equal(expected);
        expect(jointIndex(swapped, acked)).to.equal(expected);
        const votes = new Map(Object.entries(known).map(([id, n]) => [Number(id), n % 2 === 0]));
        expect(jointVote(voters, votes)).to.equal(jointVote(swapped, votes));
      }),
    );
  });
});
