import { assert } from "../base/index.js";
import type { HardState, ReplicaId } from "../raft/index.js";
import type { LogId, ReplicaRound } from "../runtime/index.js";
import { forgetArriving } from "./arriving.js";
import type { EngineBatch } from "./engine.js";
import { putFeedRow } from "./feed-table.js";
import type { GenerationKeys } from "./keys.js";
import { FIRST_GENERATION, META_GENERATION, numberedKey, TABLES, tablePrefix } from "./keys.js";
import {
  appendToLog,
  compactLog,
  emptyLog,
  lastLogId,
  logIdAt,
  truncateLog,
} from "./log-bounds.js";
import type { LogBounds } from "./log-bounds.js";
import { putEntry } from "./log-table.js";
import {
  DAMAGE_ROW,
  META_ROWS,
  writeAppliedState,
  writeHardState,
  writeLogBounds,
} from "./meta-rows.js";
import type { ReplicaState } from "./replica-state.js";
import type { RowWriter } from "./row-writer.js";
import { StoreSnapshotSink } from "./snapshot-sink.js";
import { SLICE_ROWS } from "./sweeper.js";
import type { Garbage } from "./sweeper.js";

/** What a round leads to, known before anything of it is written. */
export interface RoundPlan {
  readonly next: ReplicaState;
  /** Set where the log gets another end. */
  readonly last?: LogId;
  /**
   * Set where the log is shortened: what holds before and after the round, promised before its
   * batch.
   */
  readonly lowered?: LogId;
  readonly garbage: readonly Garbage[];
  readonly installed?: StoreSnapshotSink;
}

/** Lays the round out in the batch. `sync` is asserted where the round needs it. */
export function planRound(
  row: RowWriter,
  batch: EngineBatch,
  state: ReplicaState,
  round: ReplicaRound,
  sync: boolean,
): RoundPlan {
  assert(sync || !needsSync(state.hardState, round), "this round must be synced");
  let { keys, log, applied, garbageTo } = state;
  let lowered: LogId | undefined;
  const garbage: Garbage[] = [];
  const installed = round.install === undefined ? undefined : requireSink(round, keys);
  const isRepaired = state.awaitsSnapshot && installed !== undefined;
  assert(!state.awaitsSnapshot || isRepaired || !hasContent(round), "it takes a snapshot first");

  if (installed !== undefined) {
    const from = installed.require();
    lowered = { index: applied.index, term: applied.term };
    const first = isRepaired ? tablePrefix(keys.replica, FIRST_GENERATION, 0) : keys.log;
    garbage.push({ from: first, to: keys.end });
    keys = installed.keys;
    log = emptyLog(from);
    applied = from;
    garbageTo = from.index;
  }
  const first = round.entries?.[0];
  if (first !== undefined && first.index <= log.lastIndex) {
    const kept = logIdAt(log, first.index - 1);
    if (lowered === undefined || kept.index < lowered.index) lowered = kept;
    garbageTo = Math.max(garbageTo, log.lastIndex);
    log = truncateLog(log, first.index - 1);
  }
  if (round.entries !== undefined) log = appendToLog(log, round.entries);
  garbageTo = deleteGarbage(row, batch, keys, log, garbageTo);
  for (const entry of round.entries ?? []) putEntry(row, batch, keys.log, entry);

  if (round.applied !== undefined) {
    const { writes, feed, state: reached } = round.applied;
    for (const { key, value } of writes) {
      row.begin(keys.state).ascii(key);
      if (value === undefined) row.del(batch);
      else row.endKey().bytes(value).put(batch);
    }
    for (const feedRow of feed) putFeedRow(row, batch, keys, feedRow);
    garbage.push(...trimmedFeed(keys, applied.firstSequence, reached.firstSequence));
    applied = reached;
  }
  if (round.compactTo !== undefined) {
    const compacted = compactLog(log, round.compactTo);
    assert(compacted.firstIndex <= applied.index + 1, "only applied entries may be compacted");
    garbage.push(...compactedLog(keys, log, compacted));
    log = compacted;
  }
  const hardState = round.hardState ?? state.hardState;
  const awaitsSnapshot = state.awaitsSnapshot && !isRepaired;
  const next = { keys, hardState, log, applied, garbageTo, awaitsSnapshot };
  putMetaRows(row, batch, isRepaired ? undefined : state, next);
  if (isRepaired) putDamage(row, batch, keys.replica, undefined);
  if (installed !== undefined) forgetArriving(row, batch, keys.replica);
  return {
    next,
    garbage,
    ...(first === undefined && installed === undefined ? {} : { last: lastLogId(log) }),
    ...(lowered === undefined ? {} : { lowered }),
    ...(installed === undefined ? {} : { installed }),
  };
}

/** Writes those meta rows that differ; all of them where there is no state before. */
export function putMetaRows(
  row: RowWriter,
  batch: EngineBatch,
  before: ReplicaState | undefined,
  next: ReplicaState,
): void {
  const meta = tablePrefix(next.keys.replica, META_GENERATION, TABLES.meta);
  const begin = (name: string) => row.begin(meta).ascii(name).endKey();
  if (before?.keys !== next.keys) begin(META_ROWS.generation).u32(next.keys.number).put(batch);
  if (before?.hardState !== next.hardState) {
    writeHardState(begin(META_ROWS.hardState), next.hardState).put(batch);
  }
  if (before?.log !== next.log) writeLogBounds(begin(META_ROWS.log), next.log).put(batch);
  if (before?.applied !== next.applied) {
    writeAppliedState(begin(META_ROWS.applied), next.applied).put(batch);
  }
}

/** What the next open is to know of damage; undefined forgets it. */
export function putDamage(
  row: RowWriter,
  batch: EngineBatch,
  replica: ReplicaId,
  reason: string | undefined,
): void {
  row.begin(tablePrefix(replica, META_GENERATION, TABLES.meta)).ascii(DAMAGE_ROW);
  if (reason === undefined) row.del(batch);
  else row.endKey().utf8(reason).put(batch);
}

function hasContent({ entries, applied, compactTo }: ReplicaRound): boolean {
  return entries !== undefined || applied !== undefined || compactTo !== undefined;
}

function needsSync(before: HardState, round: ReplicaRound): boolean {
  const { entries, install, hardState } = round;
  if ((entries !== undefined && entries.length > 0) || install !== undefined) return true;
  if (hardState === undefined) return false;
  return hardState.term !== before.term || hardState.vote !== before.vote;
}

function requireSink(round: ReplicaRound, keys: GenerationKeys): StoreSnapshotSink {
  const sink = round.install;
  assert(sink instanceof StoreSnapshotSink, "a store installs only its own sinks");
  assert(sink.keys.replica === keys.replica, "the sink belongs to another replica");
  return sink;
}

/** Deletes from the top, so that what is left still ends at one number. */
function deleteGarbage(
  row: RowWriter,
  batch: EngineBatch,
  keys: GenerationKeys,
  log: LogBounds,
  garbageTo: number,
): number {
  let to = garbageTo;
  for (let left = SLICE_ROWS; to > log.lastIndex && left > 0; left--, to--) {
    row.begin(keys.log).u64(to).del(batch);
  }
  return Math.max(to, log.lastIndex);
}

function compactedLog(keys: GenerationKeys, before: LogBounds, after: LogBounds): Garbage[] {
  if (after.firstIndex === before.firstIndex) return [];
  const from = numberedKey(keys.log, before.firstIndex);
  return [{ from, to: numberedKey(keys.log, after.firstIndex) }];
}

function trimmedFeed(keys: GenerationKeys, before: number, after: number): Garbage[] {
  if (after <= before) return [];
  const from = numberedKey(keys.feed, before);
  return [{ from, to: numberedKey(keys.feed, after), feedOf: keys }];
}
