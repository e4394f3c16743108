import type { AppliedState, LogId } from "../runtime/index.js";
import type { EngineRow } from "./engine.js";
import { CursorReader } from "./cursor-reader.js";
import { DamageError } from "./damage.js";
import type { GenerationKeys } from "./keys.js";
import { numberedKey, numberOfKey } from "./keys.js";
import { compactLog, logIdAt, termAt, truncateLog } from "./log-bounds.js";
import type { LogBounds } from "./log-bounds.js";
import { termOfEntry } from "./log-table.js";
import { isIntact } from "./row-checksum.js";
import type { ReadAccess } from "./state-view.js";

/** How much of a log's end is verified at open, and all that is not applied; what is before is checked when it is read. */
export const VERIFIED_BYTES = 64 * 1024 * 1024;

export interface CheckedLog {
  /** Holds only what is intact, as far as it was verified. */
  readonly log: LogBounds;
  /** Last entry that was there, if entries had to be cut off. */
  readonly cut?: LogId;
  readonly reason?: string;
}

/**
 * Verifies the end of a log. A damaged entry that is applied already is compacted away; one that is
 * not ends the log before it, because nothing behind a hole can be served.
 */
export async function checkLog(
  access: ReadAccess,
  keys: GenerationKeys,
  log: LogBounds,
  applied: AppliedState,
): Promise<CheckedLog> {
  const damaged = await findDamage(access, keys, log, applied.index);
  if (damaged.length === 0) return { log };
  const isApplied = (index: number) => index <= applied.index;
  const lastApplied = damaged.find(isApplied);
  const firstUnapplied = damaged.findLast((index) => !isApplied(index));
  let checked = log;
  if (firstUnapplied !== undefined) checked = truncateLog(checked, firstUnapplied - 1);
  if (lastApplied !== undefined) checked = compactLog(checked, logIdAt(checked, lastApplied));
  if (firstUnapplied === undefined) return { log: checked };
  const reason = `entry ${firstUnapplied} of the log is damaged`;
  return { log: checked, cut: logIdAt(log, log.lastIndex), reason };
}

/** Damaged or missing indexes, from the highest down. */
async function findDamage(
  { engine, slots }: ReadAccess,
  keys: GenerationKeys,
  log: LogBounds,
  applied: number,
): Promise<number[]> {
  const damaged: number[] = [];
  let expected = log.lastIndex;
  let bytes = 0;
  const missingDownTo = (index: number) => {
    for (; expected > index; expected--) damaged.push(expected);
  };
  const cursor = engine.cursor({
    gte: numberedKey(keys.log, log.firstIndex),
    lt: numberedKey(keys.log, log.lastIndex + 1),
    reverse: true,
  });
  let toDo = log.firstIndex;
  try {
    await new CursorReader(cursor, slots, keys.replica).drain((row) => {
      const index = numberOfKey(row[0]);
      missingDownTo(index);
      if (!isEntryOf(log, index, row)) damaged.push(index);
      expected = index - 1;
      bytes += row[1].length;
      if (bytes >= VERIFIED_BYTES && index <= applied + 1) toDo = index;
      return toDo < index;
    });
  } catch (error) {
    // Of a block that cannot be read nobody knows which entries it held.
    if (!(error instanceof DamageError)) throw error;
  }
  missingDownTo(toDo - 1);
  return damaged;
}

/** The row is what was written at this index of the log. */
export function isEntryOf(log: LogBounds, index: number, [key, stored]: EngineRow): boolean {
  return isIntact(key, stored) && termOfEntry(stored) === termAt(log, index);
}
