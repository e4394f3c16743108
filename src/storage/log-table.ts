import type { Entry, EntryKind } from "../raft/index.js";
import type { EngineBatch, EngineRow } from "./engine.js";
import { numberOfKey, readU64 } from "./keys.js";
import { corruptRow, requireIntact } from "./row-checksum.js";
import { RowReader } from "./row-reader.js";
import type { RowWriter } from "./row-writer.js";

const KINDS: readonly EntryKind[] = ["normal", "conf-change", "conf-change-v2"];

/** [log prefix][index u64] -> [term u64][kind u8][data] */
export function putEntry(row: RowWriter, batch: EngineBatch, prefix: Buffer, entry: Entry): void {
  row.begin(prefix).u64(entry.index).endKey();
  row.u64(entry.term).u8(KINDS.indexOf(entry.kind)).bytes(entry.data).put(batch);
}

/** Throws `corrupt-storage` unless the row is what was written. */
export function readEntry([key, stored]: EngineRow): Entry {
  const row = new RowReader(key, requireIntact(key, stored));
  const term = row.u64();
  const kind = KINDS[row.u8()];
  if (kind === undefined) throw corruptRow(key, "it is of no known kind");
  return { term, index: numberOfKey(key), kind, data: row.rest() };
}

/** Of an intact row. */
export function termOfEntry(stored: Buffer): number {
  return readU64(stored, 0);
}
