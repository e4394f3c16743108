import { createHash } from "node:crypto";
import type { StateScan } from "../runtime/index.js";
import { CursorReader } from "./cursor-reader.js";
import { PREFIX_BYTES } from "./keys.js";
import type { ReplicaState } from "./replica-state.js";
import { requireIntact } from "./row-checksum.js";
import type { ReadAccess } from "./state-view.js";

/** Lengths go into the hash too, or the border between key and value could move unseen. */
const LENGTHS_BYTES = 8;

/** All rows of the state as of the moment at which it is called; the feed is not part of it. */
export async function scanState(
  { engine, slots }: ReadAccess,
  { keys, applied }: ReplicaState,
): Promise<StateScan> {
  const hash = createHash("sha256");
  const lengths = Buffer.alloc(LENGTHS_BYTES);
  let rows = 0;
  let bytes = 0;
  const reader = new CursorReader(
    engine.cursor({ gte: keys.state, lt: keys.feed }),
    slots,
    keys.replica,
  );
  await reader.drain(([key, stored]) => {
    const name = key.subarray(PREFIX_BYTES);
    const value = requireIntact(key, stored);
    lengths.writeUInt32BE(name.length, 0);
    lengths.writeUInt32BE(value.length, 4);
    hash.update(lengths).update(name).update(value);
    rows++;
    bytes += name.length + value.length;
    return true;
  });
  return { index: applied.index, rows, bytes, hash: hash.digest() };
}
