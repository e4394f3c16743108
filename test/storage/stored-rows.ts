import type { Engine, EngineRow } from "../../src/storage/engine.js";
import { commit } from "../../src/storage/engine.js";

const EVERYTHING = { gte: Buffer.from([0]), lt: Buffer.alloc(32, 0xff) };

/** All rows as they are stored. */
export async function allRows(engine: Engine): Promise<EngineRow[]> {
  const cursor = engine.cursor(EVERYTHING);
  const rows: EngineRow[] = [];
  for (;;) {
    const page = await new Promise<readonly EngineRow[] | undefined>((resolve, reject) => {
      cursor.nextPage((error, found) => {
        if (error) reject(error);
        else resolve(found);
      });
    });
    if (page === undefined) break;
    rows.push(...page);
  }
  cursor.end();
  return rows;
}

/** Flips one bit of the value of every row that is chosen; `bit` counts from the value's end. */
export async function flipBit(
  engine: Engine,
  chosen: (key: Buffer) => boolean,
  bit = 40,
): Promise<number> {
  const rows = (await allRows(engine)).filter(([key]) => chosen(key));
  const batch = engine.batch();
  for (const [key, value] of rows) {
    // An engine in memory hands out what it holds, and others may hold it as well.
    const damaged = Buffer.from(value);
    const at = damaged.length - 1 - (bit >> 3);
    damaged.writeUInt8(damaged.readUInt8(at) ^ (1 << (bit & 7)), at);
    batch.put(key, damaged);
  }
  await commit(batch, true);
  return rows.length;
}

export async function deleteRows(engine: Engine, chosen: (key: Buffer) => boolean): Promise<void> {
  const batch = engine.batch();
  for (const [key] of await allRows(engine)) if (chosen(key)) batch.del(key);
  await commit(batch, true);
}
