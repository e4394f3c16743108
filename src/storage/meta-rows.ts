import type { ConfState, HardState } from "../raft/index.js";
import type { AppliedState } from "../runtime/index.js";
import type { LogBounds, TermRun } from "./log-bounds.js";
import { RowReader } from "./row-reader.js";
import type { RowWriter } from "./row-writer.js";

/** Names of a replica's meta rows. */
export const META_ROWS = {
  generation: "generation",
  hardState: "hard-state",
  log: "log",
  applied: "applied",
} as const;

/** Beside them where the replica's state turned out to be damaged: what was found. Gone once a snapshot replaced it. */
export const DAMAGE_ROW = "damage";

export function writeHardState(row: RowWriter, state: HardState): RowWriter {
  return row.u64(state.term).u32(state.vote).u64(state.commit);
}

export function readHardState(key: Buffer, value: Buffer): HardState {
  const row = new RowReader(key, value);
  return { term: row.u64(), vote: row.u32(), commit: row.u64() };
}

export function writeLogBounds(row: RowWriter, log: LogBounds): RowWriter {
  row.u64(log.firstIndex).u64(log.lastIndex).u64(log.precedingTerm).u32(log.termRuns.length);
  for (const run of log.termRuns) row.u64(run.from).u64(run.term);
  return row;
}

export function readLogBounds(key: Buffer, value: Buffer): LogBounds {
  const row = new RowReader(key, value);
  const firstIndex = row.u64();
  const lastIndex = row.u64();
  const precedingTerm = row.u64();
  const termRuns: TermRun[] = [];
  for (let left = row.u32(); left > 0; left--) termRuns.push({ from: row.u64(), term: row.u64() });
  return { firstIndex, lastIndex, precedingTerm, termRuns };
}

export function writeAppliedState(row: RowWriter, state: AppliedState): RowWriter {
  row.u64(state.index).u64(state.term).f64(state.timeMs);
  row.u64(state.sequence).u64(state.firstSequence).u32(state.epoch);
  row.u32(state.featureLevel);
  row.u16(state.stateHash.length).bytes(state.stateHash);
  return writeConfState(row, state.confState);
}

export function readAppliedState(key: Buffer, value: Buffer): AppliedState {
  const row = new RowReader(key, value);
  const fields = {
    index: row.u64(),
    term: row.u64(),
    timeMs: row.f64(),
    sequence: row.u64(),
    firstSequence: row.u64(),
    epoch: row.u32(),
    featureLevel: row.u32(),
  };
  return { ...fields, stateHash: row.bytes(row.u16()), confState: readConfState(row) };
}

function writeConfState(row: RowWriter, state: ConfState): RowWriter {
  for (const ids of [state.voters, state.learners, state.votersOutgoing, state.learnersNext]) {
    row.u32(ids.length);
    for (const id of ids) row.u32(id);
  }
  return row.u8(state.autoLeave ? 1 : 0);
}

function readConfState(row: RowReader): ConfState {
  const ids = () => Array.from({ length: row.u32() }, () => row.u32());
  return {
    voters: ids(),
    learners: ids(),
    votersOutgoing: ids(),
    learnersNext: ids(),
    autoLeave: row.u8() === 1,
  };
}
