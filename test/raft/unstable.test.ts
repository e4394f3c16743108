import { expect } from "chai";
import { Unstable } from "../../src/raft/unstable.js";
import { entry } from "./test-network.js";

describe("the unstable end of a log", () => {
  it("hands each entry to the store once", () => {
    const unstable = new Unstable(5);
    unstable.append([entry(1, 5), entry(1, 6)]);
    expect(unstable.nextEntries()).to.have.length(2);
    unstable.acceptInProgress();
    expect(unstable.nextEntries()).to.have.length(0);
    unstable.append([entry(1, 7)]);
    expect(unstable.nextEntries().map(({ index }) => index)).to.deep.equal([7]);
  });

  it("hands out again what replaced entries that are being written", () => {
    const unstable = new Unstable(5);
    unstable.append([entry(1, 5), entry(1, 6), entry(1, 7)]);
    unstable.acceptInProgress();
    unstable.append([entry(2, 6)]);
    expect(unstable.nextEntries()).to.deep.equal([entry(2, 6)]);
    expect(unstable.end).to.equal(7);
  });

  it("takes back entries that were stable", () => {
    const unstable = new Unstable(5);
    unstable.append([entry(2, 3)]);
    expect(unstable.offset).to.equal(3);
    expect(unstable.nextEntries()).to.deep.equal([entry(2, 3)]);
  });

  it("keeps entries whose place in the store something else has for now", () => {
    const unstable = new Unstable(5);
    unstable.append([entry(1, 5)]);
    unstable.acceptInProgress();
    unstable.append([entry(2, 5)]);
    unstable.stableTo({ index: 5, term: 1 });
    expect(unstable.offset).to.equal(5);
    unstable.stableTo({ index: 5, term: 2 });
    expect(unstable.offset).to.equal(6);
    expect(unstable.hasEntries).to.equal(false);
  });

  it("finds its entries after many became stable", () => {
    const unstable = new Unstable(1);
    for (let index = 1; index <= 10_000; index++) {
      unstable.append([entry(1, index)]);
      if (index > 100) unstable.stableTo({ index: index - 100, term: 1 });
    }
    expect(unstable.offset).to.equal(9_901);
    expect(unstable.slice(9_950, 9_953, Infinity).map(({ index }) => index)).to.deep.equal([
      9_950, 9_951, 9_952,
    ]);
    expect(unstable.findTerm(9_900)).to.equal(undefined);
    expect(unstable.findTerm(10_000)).to.equal(1);
  });

  it("is empty after a snapshot, whose position it knows", () => {
    const unstable = new Unstable(5);
    unstable.append([entry(1, 5)]);
    const confState = { voters: [1], learners: [], votersOutgoing: [], learnersNext: [] };
    const meta = { index: 9, term: 3, confState: { ...confState, autoLeave: false } };
    unstable.restore({ meta, data: new Uint8Array(0) });
    expect([unstable.findLastIndex(), unstable.findTerm(9), unstable.end]).to.deep.equal([
      9, 3, 10,
    ]);
    unstable.acceptInProgress();
    expect(unstable.nextSnapshot()).to.equal(undefined);
    unstable.snapshotStable(9);
    expect(unstable.snapshot).to.equal(undefined);
  });
});
