import { CursorReader } from "./cursor-reader.js";
import { DamageError } from "./damage.js";
import { commit } from "./engine.js";
import type { Engine, EngineRow } from "./engine.js";
import type { GenerationKeys } from "./keys.js";
import { STORE_ROWS } from "./keys.js";
import type { After } from "./marker-writer.js";
import { readFeedRow } from "./feed-table.js";
import type { ReadSlots } from "./read-slots.js";
import { isIntact } from "./row-checksum.js";

/** Rows that one batch deletes. */
export const SLICE_ROWS = 1000;
const PAUSE_MS = 2;

/** Rows that nothing refers to any more and that no later round writes again. */
export interface Garbage {
  readonly from: Buffer;
  readonly to: Buffer;
  /** Set where these are feed rows: their index rows go with them. */
  readonly feedOf?: GenerationKeys;
}

/**
 * Deletes garbage in the background, slice by slice: one batch of many rows would stop the event
 * loop. What is left at the end of the process is found again at the next open.
 */
export class Sweeper {
  readonly #engine: Engine;
  readonly #slots: ReadSlots;
  readonly #after: After;
  readonly #fail: (error: unknown) => void;
  readonly #garbage: Garbage[] = [];
  #running: Promise<void> | undefined;
  #wake: (() => void) | undefined;
  #stopped = false;

  constructor(engine: Engine, slots: ReadSlots, after: After, fail: (error: unknown) => void) {
    this.#engine = engine;
    this.#slots = slots;
    this.#after = after;
    this.#fail = fail;
  }

  add(garbage: Garbage): void {
    this.#garbage.push(garbage);
    this.#running ??= this.#run()
      .catch(this.#fail)
      .finally(() => (this.#running = undefined));
  }

  /** Resolves when no garbage is left that is known now. */
  async idle(): Promise<void> {
    await this.#running;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#wake?.();
    await this.#running;
  }

  async #run(): Promise<void> {
    for (let at = this.#garbage.shift(); at !== undefined; at = this.#garbage.shift()) {
      await this.#sweep(at).catch((error: unknown) => {
        // What cannot be read is not worth a process: nothing refers to it, and the next open tries again.
        if (!(error instanceof DamageError)) throw error;
      });
    }
  }

  async #sweep(garbage: Garbage): Promise<void> {
    let from: Buffer | undefined = garbage.from;
    while (from !== undefined && !this.#stopped) {
      from = await sweepSlice(this.#engine, this.#slots, { ...garbage, from });
      if (from !== undefined) await this.#pause();
    }
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#after(PAUSE_MS, resolve);
      this.#wake = () => {
        cancel();
        resolve();
      };
    });
  }
}

/** Deletes the first rows of the garbage. Where to go on; undefined at the end. */
export async function sweepSlice(
  engine: Engine,
  slots: ReadSlots,
  { from, to, feedOf }: Garbage,
): Promise<Buffer | undefined> {
  const cursor = engine.cursor({
    gte: from,
    lt: to,
    limit: SLICE_ROWS,
    values: feedOf !== undefined,
  });
  const keys: Buffer[] = [];
  let last: Buffer | undefined;
  await new CursorReader(cursor, slots, STORE_ROWS).drain((row) => {
    last = row[0];
    keys.push(last);
    if (feedOf !== undefined) keys.push(...indexKeysOf(feedOf, row));
    return keys.length < SLICE_ROWS;
  });
  if (last === undefined) return undefined;
  const batch = engine.batch();
  for (const key of keys) batch.del(key);
  await commit(batch, false);
  return keys.length < SLICE_ROWS ? undefined : last;
}

/**
 * Of a damaged row nobody knows the channels: its index rows stay, before the feed's first
 * sequence, where none looks.
 */
function indexKeysOf(generation: GenerationKeys, row: EngineRow): Buffer[] {
  if (!isIntact(...row)) return [];
  const { sequence, channels } = readFeedRow(row);
  return channels.map((channel) => generation.feedIndexKey(channel, sequence));
}
