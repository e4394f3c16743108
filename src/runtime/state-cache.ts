import type { StateKey, StateRow, KeyRange, Write } from "../machine/index.js";

/** Bytes of values (and keys) that each of the two halves of the cache may hold. */
const HALF_BYTES_MAX = 16 * 1024 * 1024;
const ROW_OVERHEAD_BYTES = 64;

interface Pending {
  readonly value: Uint8Array | undefined;
  /** Round that writes this value to the disk. */
  readonly round: number;
}

/**
 * The part of a replica's applied state that is in memory: an overlay of what is applied but not yet in a finished round,
 * and a bounded cache of rows as the disk has them.
 *
 * Invariant: a row leaves the overlay only when its round is written and no read that started before is still in use, so
 * that no read can bring back the value from before the write.
 */
export class StateCache {
  readonly #overlay = new Map<StateKey, Pending>();
  #recent = new Map<StateKey, Uint8Array | undefined>();
  #older = new Map<StateKey, Uint8Array | undefined>();
  #recentBytes = 0;
  #pins = 0;
  #writtenRound = 0;
  readonly #settled: StateKey[][] = [];

  has(key: StateKey): boolean {
    return this.#overlay.has(key) || this.#recent.has(key) || this.#older.has(key);
  }

  /** Call only where `has` said yes. */
  get(key: StateKey): Uint8Array | undefined {
    const pending = this.#overlay.get(key);
    if (pending !== undefined) return pending.value;
    if (this.#recent.has(key)) return this.#recent.get(key);
    const value = this.#older.get(key);
    this.#remember(key, value);
    return value;
  }

  /** From before a read of the disk until what it brought is no longer used. */
  pin(): void {
    this.#pins++;
  }

  unpin(): void {
    this.#pins--;
    if (this.#pins > 0) return;
    for (const keys of this.#settled.splice(0)) this.#settle(keys);
  }

  /** What a read of the disk brought. */
  fill(key: StateKey, value: Uint8Array | undefined): void {
    if (!this.#overlay.has(key)) this.#remember(key, value);
  }

  /** Applies writes that the given round will bring to the disk. */
  write(writes: readonly Write[], round: number): void {
    for (const { key, value } of writes) this.#overlay.set(key, { value, round });
  }

  /** The round with these keys is written. */
  written(round: number, keys: StateKey[]): void {
    this.#writtenRound = round;
    if (this.#pins > 0) this.#settled.push(keys);
    else this.#settle(keys);
  }

  /** Rows of a range: what the disk held when it was read, with everything applied since. */
  merge(range: KeyRange, stored: readonly StateRow[]): readonly StateRow[] {
    const rows = new Map<StateKey, Uint8Array>();
    for (const row of stored) rows.set(row.key, row.value);
    for (const [key, { value }] of this.#overlay) {
      if (key < range.start || key >= range.end) continue;
      if (value === undefined) rows.delete(key);
      else rows.set(key, value);
    }
    const sorted = [...rows].map(([key, value]) => ({ key, value }));
    sorted.sort((a, b) => (a.key < b.key ? -1 : 1));
    return range.reverse === true ? sorted.reverse() : sorted;
  }

  /** Everything is replaced, as by a snapshot. */
  clear(): void {
    this.#overlay.clear();
    this.#settled.length = 0;
    this.#recent = new Map();
    this.#older = new Map();
    this.#recentBytes = 0;
  }

  #settle(keys: readonly StateKey[]): void {
    for (const key of keys) {
      const pending = this.#overlay.get(key);
      if (pending === undefined || pending.round > this.#writtenRound) continue;
      this.#overlay.delete(key);
      this.#remember(key, pending.value);
    }
  }

  #remember(key: StateKey, value: Uint8Array | undefined): void {
    this.#recent.set(key, value);
    this.#recentBytes += key.length + (value?.length ?? 0) + ROW_OVERHEAD_BYTES;
    this.#older.delete(key);
    if (this.#recentBytes > HALF_BYTES_MAX) {
      this.#older = this.#recent;
      this.#recent = new Map();
      this.#recentBytes = 0;
    }
  }
}
