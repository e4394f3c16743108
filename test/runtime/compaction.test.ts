import { expect } from "chai";
import type { Entry } from "../../src/raft/index.js";
import { Compaction } from "../../src/runtime/compaction.js";
import { DEFAULT_LIMITS } from "../../src/runtime/limits.js";
import type { RuntimeLimits } from "../../src/runtime/limits.js";
import type { AppliedState } from "../../src/runtime/index.js";
import { ReplicaLog } from "../../src/runtime/replica-log.js";

const KIB = 1024;
const NO_MEMBERS = {
  voters: [],
  learners: [],
  votersOutgoing: [],
  learnersNext: [],
  autoLeave: false,
};

const applied = (index: number): AppliedState => ({
  index,
  term: 1,
  timeMs: 0,
  sequence: 0,
  firstSequence: 1,
  confState: NO_MEMBERS,
  stateHash: new Uint8Array(),
  epoch: 1,
  featureLevel: 1,
});

class Fixture {
  readonly log = new ReplicaLog({
    opened: {
      hardState: { term: 1, vote: 0, commit: 0 },
      applied: applied(0),
      firstIndex: 1,
      lastIndex: 0,
      precedingTerm: 0,
      termRuns: [],
    },
    fetch: () => undefined,
    snapshotState: () => ({ index: 0, term: 0, confState: NO_MEMBERS }),
  });
  readonly compaction: Compaction;

  constructor(limits: Partial<RuntimeLimits>) {
    this.compaction = new Compaction({ ...DEFAULT_LIMITS, ...limits }, this.log);
  }

  append(count: number, bytes: number): void {
    for (let n = 0; n < count; n++) {
      const index = this.log.lastIndex() + 1;
      const entries: Entry[] = [{ term: 1, index, kind: "normal", data: new Uint8Array(bytes) }];
      this.log.append(entries);
      this.compaction.appended(entries);
    }
  }

  compact(): void {
    const to = this.compaction.plan(applied(this.log.lastIndex()));
    if (to === undefined) return;
    this.log.compact(to);
    this.compaction.compacted(to);
  }

  get length(): number {
    return this.log.lastIndex() - this.log.firstIndex() + 1;
  }
}

describe("the log of a replica", () => {
  it("is compacted by count down to the entries that are kept", () => {
    const fixture = new Fixture({ logEntriesMax: 100, logEntriesKept: 40 });
    fixture.append(100, 1);
    fixture.compact();
    expect(fixture.length).to.equal(100);
    fixture.append(1, 1);
    fixture.compact();
    expect(fixture.length).to.equal(40);
  });

  it("is compacted by bytes however few its entries are", () => {
    const fixture = new Fixture({ logBytesMax: 4096 * KIB, logBytesKept: 1024 * KIB });
    fixture.append(40, 100 * KIB);
    fixture.compact();
    expect(fixture.length).to.equal(40);
    fixture.append(1, 100 * KIB);
    fixture.compact();
    expect(fixture.length).to.be.within(5, 11);
    // What is left counts: it takes about as much again until the next time.
    fixture.append(25, 100 * KIB);
    fixture.compact();
    expect(fixture.length).to.be.greaterThan(25);
    fixture.append(10, 100 * KIB);
    fixture.compact();
    expect(fixture.length).to.be.within(5, 11);
  });

  it("is compacted to what is applied when somebody asks", () => {
    const fixture = new Fixture({});
    fixture.append(10, 1);
    fixture.compaction.force();
    expect(fixture.compaction.isForced).to.equal(true);
    fixture.compact();
    expect(fixture.length).to.equal(0);
    expect(fixture.compaction.isForced).to.equal(false);
  });

  it("forgets the size of entries that were replaced", () => {
    const fixture = new Fixture({ logBytesMax: 1024 * KIB, logBytesKept: 0 });
    for (let n = 0; n < 10; n++) {
      fixture.append(1, 500 * KIB);
      const replaced: Entry[] = [{ term: 2, index: 1, kind: "normal", data: new Uint8Array(KIB) }];
      fixture.log.append(replaced);
      fixture.compaction.appended(replaced);
      fixture.compact();
    }
    expect(fixture.log.firstIndex()).to.equal(1);
  });
});
