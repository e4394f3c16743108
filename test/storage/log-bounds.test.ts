import { expect } from "chai";
import {
  appendToLog,
  compactLog,
  emptyLog,
  lastLogId,
  termAt,
  truncateLog,
} from "../../src/storage/log-bounds.js";
import type { LogBounds } from "../../src/storage/log-bounds.js";
import { entries } from "./samples.js";

const start = emptyLog({ index: 10, term: 2 });

const terms = (log: LogBounds) =>
  Array.from({ length: log.lastIndex - log.firstIndex + 1 }, (_, at) =>
    termAt(log, log.firstIndex + at),
  );

describe("the bounds of a log", () => {
  it("know the term of every entry and of the one before, and of no other", () => {
    const log = appendToLog(appendToLog(start, entries(11, 2, 3)), entries(13, 3, 5));
    expect(terms(log)).to.deep.equal([2, 3, 3, 5]);
    expect(termAt(log, 10)).to.equal(2);
    expect(termAt(log, 9)).to.equal(undefined);
    expect(termAt(log, 15)).to.equal(undefined);
    expect(lastLogId(log)).to.deep.equal({ index: 14, term: 5 });
  });

  it("hold one run for each term", () => {
    const log = appendToLog(appendToLog(start, entries(11, 2, 3)), entries(13, 3, 5));
    expect(log.termRuns).to.deep.equal([
      { from: 11, term: 2 },
      { from: 12, term: 3 },
      { from: 14, term: 5 },
    ]);
  });

  it("agree with a plain list of terms after any appends and compactions", () => {
    let seed = 1;
    const below = (bound: number) => {
      seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
      return (seed >>> 8) % bound;
    };
    let log = start;
    let first = 11;
    let list: number[] = [];
    for (let step = 0; step < 2_000; step++) {
      if (below(4) === 0 && list.length > 0) {
        const dropped = 1 + below(list.length);
        const term = list[dropped - 1] ?? 0;
        log = compactLog(log, { index: first + dropped - 1, term });
        list = list.slice(dropped);
        first += dropped;
      } else {
        const kept = list.length - below(Math.min(4, list.length + 1));
        list = list.slice(0, kept);
        const before = list.at(-1) ?? log.precedingTerm;
        const added = [before + below(2), before + 1 + below(2)].slice(below(2));
        log = appendToLog(log, entries(first + kept, ...added));
        list.push(...added);
      }
      expect(terms(log)).to.deep.equal(list);
      expect(log.firstIndex).to.equal(first);
      const runs = log.termRuns.map(({ term }) => term);
      expect(runs).to.deep.equal([...new Set(list)]);
    }
  });

  it("stay as they are where nothing is appended, cut or compacted", () => {
    const log = appendToLog(start, entries(11, 2, 3));
    expect(appendToLog(log, [])).to.equal(log);
    expect(truncateLog(log, 12)).to.equal(log);
    expect(compactLog(log, { index: 10, term: 2 })).to.equal(log);
  });

  it("refuse to be compacted to an entry that is not there", () => {
    const log = appendToLog(start, entries(11, 2, 3));
    expect(() => compactLog(log, { index: 12, term: 2 })).to.throw(/another entry/);
    expect(() => compactLog(log, { index: 13, term: 3 })).to.throw(/another entry/);
  });

  it("refuse entries out of order, at their end and within", () => {
    const log = appendToLog(start, entries(11, 2, 3));
    expect(() => appendToLog(log, entries(14, 3))).to.throw(/does not continue/);
    expect(() => appendToLog(log, entries(10, 3))).to.throw(/does not continue/);
    expect(() => appendToLog(log, entries(13, 2))).to.throw(/out of order/);
    expect(() => appendToLog(log, [...entries(13, 3), ...entries(15, 3)])).to.throw(/out of order/);
  });
});
