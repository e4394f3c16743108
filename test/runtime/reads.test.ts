import { expect } from "chai";
import { Reads } from "../../src/runtime/reads.js";

const LATER_MS = 1000;
const STATE = { index: 7, sequence: 1 };

function gather(reads: Reads, fromDisk = false): { isRun: boolean } {
  const seen = { isRun: false };
  reads.gather({
    minSequence: 0,
    fromDisk,
    deadlineMs: Infinity,
    run: () => (seen.isRun = true),
    reject: (error) => {
      throw error;
    },
  });
  return seen;
}

describe("reads that wait for an index", () => {
  it("run once that is confirmed and the state has come as far", () => {
    const reads = new Reads(1);
    const seen = gather(reads);
    reads.confirmed(reads.beginRound(0), 8);
    reads.release(STATE, STATE);
    expect(seen.isRun).to.equal(false);
    reads.release({ ...STATE, index: 8 }, STATE);
    expect(seen.isRun).to.equal(true);
  });

  it("wait for the disk, where they read nothing else", () => {
    const reads = new Reads(1);
    const seen = gather(reads, true);
    reads.confirmed(reads.beginRound(0), 8);
    reads.release({ ...STATE, index: 8 }, STATE);
    expect(seen.isRun).to.equal(false);
    reads.release({ ...STATE, index: 8 }, { ...STATE, index: 8 });
    expect(seen.isRun).to.equal(true);
  });

  it("are not confirmed by a late answer to a question that was given up", () => {
    const reads = new Reads(1);
    gather(reads);
    const first = reads.beginRound(0);
    expect(reads.expire(LATER_MS).expired).to.equal(0);
    expect(reads.hasGathered).to.equal(true);
    const seen = gather(reads);
    const second = reads.beginRound(LATER_MS);
    expect(second).to.not.equal(first);
    reads.confirmed(first, 1);
    reads.release(STATE, STATE);
    expect(seen.isRun).to.equal(false);
  });

  it("are never asked for under a number of an earlier life of the store", () => {
    const last = new Reads(1);
    const numbers = Array.from({ length: 100 }, (_, at) => last.beginRound(at));
    expect(numbers).to.not.include(new Reads(2).beginRound(0));
  });
});
