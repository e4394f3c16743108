import { assert } from "../base/index.js";
import type { Entry } from "../raft/index.js";
import type { LogId } from "../runtime/index.js";

export interface TermRun {
  readonly from: number;
  readonly term: number;
}

/**
 * Which log rows count, and their terms: rows outside [firstIndex, lastIndex] are garbage. One row
 * of the store holds it, so that truncating and compacting are a change of that row. Immutable.
 */
export interface LogBounds {
  readonly firstIndex: number;
  readonly lastIndex: number;
  /** Term of the entry before firstIndex. */
  readonly precedingTerm: number;
  /** Terms rise from run to run; empty where the log is. */
  readonly termRuns: readonly TermRun[];
}

export function emptyLog(preceding: LogId): LogBounds {
  return {
    firstIndex: preceding.index + 1,
    lastIndex: preceding.index,
    precedingTerm: preceding.term,
    termRuns: [],
  };
}

export function termAt(log: LogBounds, index: number): number | undefined {
  if (index === log.firstIndex - 1) return log.precedingTerm;
  if (index < log.firstIndex || index > log.lastIndex) return undefined;
  let run = log.termRuns.length - 1;
  while (run > 0 && (log.termRuns[run]?.from ?? 0) > index) run--;
  return log.termRuns[run]?.term;
}

export function lastLogId(log: LogBounds): LogId {
  return logIdAt(log, log.lastIndex);
}

export function logIdAt(log: LogBounds, index: number): LogId {
  const term = termAt(log, index);
  assert(term !== undefined, `no entry ${index} in the log`);
  return { index, term };
}

/** The log after `entries` replaced everything from the first of them on. */
export function appendToLog(log: LogBounds, entries: readonly Entry[]): LogBounds {
  const first = entries[0];
  const last = entries.at(-1);
  if (first === undefined || last === undefined) return log;
  assert(
    first.index >= log.firstIndex && first.index <= log.lastIndex + 1,
    `entry ${first.index} does not continue the log [${log.firstIndex}, ${log.lastIndex}]`,
  );
  const kept = truncateLog(log, first.index - 1);
  let term = termAt(kept, kept.lastIndex) ?? 0;
  let runs = kept.termRuns;
  if (runs.length === 0 || last.term !== term) {
    const longer = [...runs];
    if (runs.length === 0) term = 0;
    for (const entry of entries) {
      if (entry.term !== term) longer.push({ from: entry.index, term: entry.term });
      term = entry.term;
    }
    runs = longer;
  }
  assertRising(kept, entries);
  return { ...kept, lastIndex: last.index, termRuns: runs };
}

/** The log without what follows `lastIndex`. */
export function truncateLog(log: LogBounds, lastIndex: number): LogBounds {
  if (lastIndex >= log.lastIndex) return log;
  return { ...log, lastIndex, termRuns: log.termRuns.filter((run) => run.from <= lastIndex) };
}

/** The log without the entries up to `to`. */
export function compactLog(log: LogBounds, to: LogId): LogBounds {
  if (to.index < log.firstIndex) return log;
  assert(termAt(log, to.index) === to.term, `compaction to ${to.index} names another entry`);
  const firstIndex = to.index + 1;
  const runs = log.termRuns.filter((_, at) => {
    const next = log.termRuns[at + 1];
    return next === undefined ? log.lastIndex >= firstIndex : next.from > firstIndex;
  });
  return {
    firstIndex,
    lastIndex: log.lastIndex,
    precedingTerm: to.term,
    termRuns: runs.map((run) =>
      run.from < firstIndex ? { from: firstIndex, term: run.term } : run,
    ),
  };
}

function assertRising(log: LogBounds, entries: readonly Entry[]): void {
  let { index, term } = lastLogId(log);
  for (const entry of entries) {
    assert(entry.index === index + 1 && entry.term >= term, `entry ${entry.index} is out of order`);
    ({ index, term } = entry);
  }
}
