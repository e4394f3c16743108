import type { KeyRange, StateKey, StateRow } from "../machine/index.js";
import type { ReplicaId } from "../raft/index.js";
import type { Engine } from "./engine.js";
import { CursorReader, readFailure } from "./cursor-reader.js";
import type { GenerationKeys } from "./keys.js";
import { PREFIX_BYTES } from "./keys.js";
import type { ReadSlots } from "./read-slots.js";
import { corruptChecksum, isIntact, requireIntact, withoutChecksum } from "./row-checksum.js";
import type { WriteGate } from "./write-gate.js";

/** What reads need: the engine, its bounded use, and the moments between rounds. */
export interface ReadAccess {
  readonly engine: Engine;
  readonly slots: ReadSlots;
  readonly gate: WriteGate;
}

/**
 * Fixes a moment: `open` begins between two rounds, and what it does before its first await belongs
 * to that moment.
 */
export function atMoment<T>(gate: WriteGate, open: () => Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    gate.view(() => {
      open().then(resolve, reject);
    });
  });
}

/** Single keys, each as of a moment of its own after the call. */
export async function getStateValues(
  access: ReadAccess,
  generation: GenerationKeys,
  keys: readonly StateKey[],
): Promise<Map<StateKey, Uint8Array | undefined>> {
  const dbKeys = keys.map((key) => generation.stateKey(key));
  const stored = await getRows(access, generation.replica, dbKeys);
  return new Map(keys.map((key, at) => [key, stored[at]]));
}

/** Values without checksums, in the order of `keys`, each as of some moment. */
export function getRows(
  { engine, slots }: ReadAccess,
  replica: ReplicaId,
  keys: readonly Buffer[],
): Promise<(Buffer | undefined)[]> {
  const values = new Array<Buffer | undefined>(keys.length);
  if (keys.length === 0) return Promise.resolve(values);
  return new Promise((resolve, reject) => {
    let left = keys.length;
    keys.forEach((key, at) => {
      slots.run(replica, (release) => {
        engine.get(key, (error, stored) => {
          release();
          if (error) reject(readFailure(error));
          else if (stored !== undefined && !isIntact(key, stored)) reject(corruptChecksum(key));
          else values[at] = stored && withoutChecksum(stored);
          if (--left === 0) resolve(values);
        });
      });
    });
  });
}

/** Opens the range as of now; its snapshot outlives later rounds. */
export function readStateRange(
  { engine, slots }: ReadAccess,
  generation: GenerationKeys,
  range: KeyRange,
): Promise<readonly StateRow[]> {
  const rows: StateRow[] = [];
  if (range.limit <= 0 || range.start >= range.end) return Promise.resolve(rows);
  const cursor = engine.cursor({
    gte: generation.stateKey(range.start),
    lt: generation.stateKey(range.end),
    limit: range.limit,
    reverse: range.reverse ?? false,
  });
  return new CursorReader(cursor, slots, generation.replica)
    .drain(([key, stored]) => {
      const value = requireIntact(key, stored);
      rows.push({ key: key.toString("latin1", PREFIX_BYTES), value });
      return rows.length < range.limit;
    })
    .then(() => rows);
}
