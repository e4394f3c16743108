import { ClusterError } from "../base/index.js";
import type { Entry } from "../raft/index.js";
import { CursorReader } from "./cursor-reader.js";
import type { GenerationKeys } from "./keys.js";
import { numberedKey } from "./keys.js";
import { termAt } from "./log-bounds.js";
import type { LogBounds } from "./log-bounds.js";
import { readEntry } from "./log-table.js";
import { corruptRow } from "./row-checksum.js";
import type { ReadAccess } from "./state-view.js";

export interface LogRange {
  readonly low: number;
  /** Exclusive; beyond the log's end there is nothing. */
  readonly high: number;
  readonly bytesMax: number;
}

/** Entries as of the moment at which it is called; throws rather than leave one out. */
export async function readLog(
  { engine, slots }: ReadAccess,
  keys: GenerationKeys,
  log: LogBounds,
  { low, high, bytesMax }: LogRange,
): Promise<readonly Entry[]> {
  if (low < log.firstIndex) {
    throw new ClusterError(
      "position-gone",
      `entry ${low} was compacted; the log begins at ${log.firstIndex}`,
    );
  }
  const end = Math.min(high, log.lastIndex + 1);
  const entries: Entry[] = [];
  if (low >= end) return entries;
  const from = numberedKey(keys.log, low);
  const cursor = engine.cursor({ gte: from, lt: numberedKey(keys.log, end), limit: end - low });
  let bytes = 0;
  await new CursorReader(cursor, slots, keys.replica).drain((row) => {
    const entry = readEntry(row);
    const index = low + entries.length;
    if (entry.index !== index) throw corruptRow(numberedKey(keys.log, index), "it is missing");
    if (entry.term !== termAt(log, index)) throw corruptRow(row[0], "it is of another term");
    bytes += entry.data.length;
    if (bytes > bytesMax && entries.length > 0) return false;
    entries.push(entry);
    return index + 1 < end;
  });
  if (bytes <= bytesMax && low + entries.length < end) {
    throw corruptRow(numberedKey(keys.log, low + entries.length), "it is missing");
  }
  return entries;
}
