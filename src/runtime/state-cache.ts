import type { StateKey, StateRow, KeyRange, Write } from "../machine/index.js";
import { DEFAULT_LIMITS } from "./limits.js";
import { OrderedKeys } from "./ordered-keys.js";

const ROW_OVERHEAD_BYTES = 64;

interface Pending {
  readonly value: Uint8Array | undefined;
  /** Round that writes this value to the disk. */
  readonly round: number;
}

/** Somebody reads from the disk, and uses what it brings. */
export type Pin = number;

interface WrittenKeys {
  readonly keys: readonly StateKey[];
  /** Pins before this one began when the disk did not have these rows yet. */
  readonly before: Pin;
}

/**
 * The part of a replica's applied state that is in memory: an overlay of what is applied but not yet in a finished round,
 * and a bounded cache of rows as the disk has them.
 *
 * Invariant: a row leaves the overlay only when its round is written and no read that started before is still in use. So
 * what a pinned read brought, with the overlay over it, is the state as it is applied now, and no read can bring back the
 * value from before a write.
 */
export class StateCache {
  /** Bytes of values and keys that each of the two halves may hold. */
  readonly #halfBytesMax: number;
  readonly #overlay = new Map<StateKey, Pending>();
  readonly #overlaid = new OrderedKeys();
  #recent = new Map<StateKey, Uint8Array | undefined>();
  #older = new Map<StateKey, Uint8Array | undefined>();
  #recentBytes = 0;
  /** In the order in which they began. */
  readonly #pins = new Set<Pin>();
  #nextPin: Pin = 0;
  #writtenRound = 0;
  #written: WrittenKeys[] = [];
  #generation = 0;

  /** The overlay comes on top of `bytesMax`: it is bounded by what may wait to be written. */
  constructor(bytesMax = DEFAULT_LIMITS.cacheBytesMax) {
    this.#halfBytesMax = bytesMax / 2;
  }

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

  /** Another one after `clear`: what was read before it is of a state that is no more. */
  get generation(): number {
    return this.#generation;
  }

  /** From before a read of the disk until what it brought is no longer used. */
  pin(): Pin {
    const pin = this.#nextPin++;
    this.#pins.add(pin);
    return pin;
  }

  unpin(pin: Pin): void {
    this.#pins.delete(pin);
    this.#settleWritten();
  }

  /** What a read of the disk brought. */
  fill(key: StateKey, value: Uint8Array | undefined): void {
    if (!this.#overlay.has(key)) this.#remember(key, value);
  }

  /** Applies writes that the given round will bring to the disk. */
  write(writes: readonly Write[], round: number): void {
    for (const { key, value } of writes) {
      if (!this.#overlay.has(key)) this.#overlaid.add(key);
      this.#overlay.set(key, { value, round });
    }
  }

  /** The round with these keys is written. */
  written(round: number, keys: readonly StateKey[]): void {
    this.#writtenRound = round;
    this.#written.push({ keys, before: this.#nextPin });
    this.#settleWritten();
  }

  /** Rows of a range: what the disk held when it was read, with everything applied since. */
  merge(range: KeyRange, stored: readonly StateRow[]): readonly StateRow[] {
    const overlaid = this.#overlaid.within(range);
    if (overlaid.length === 0) return stored;
    const rows = new Map<StateKey, Uint8Array>();
    for (const row of stored) rows.set(row.key, row.value);
    for (const key of overlaid) {
      const value = this.#overlay.get(key)?.value;
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
    this.#overlaid.keep(() => false);
    this.#written = [];
    this.#recent = new Map();
    this.#older = new Map();
    this.#recentBytes = 0;
    this.#generation++;
  }

  #settleWritten(): void {
    const oldest = this.#oldestPin();
    const isInUse = this.#written.findIndex(({ before }) => oldest < before);
    const settled = this.#written.splice(0, isInUse < 0 ? this.#written.length : isInUse);
    if (settled.length === 0) return;
    let left = false;
    for (const key of settled.flatMap(({ keys }) => keys)) {
      const pending = this.#overlay.get(key);
      if (pending === undefined || pending.round > this.#writtenRound) continue;
      this.#overlay.delete(key);
      this.#remember(key, pending.value);
      left = true;
    }
    if (left) this.#overlaid.keep((key) => this.#overlay.has(key));
  }

  #oldestPin(): Pin {
    for (const pin of this.#pins) return pin;
    return Infinity;
  }

  #remember(key: StateKey, value: Uint8Array | undefined): void {
    this.#recent.set(key, value);
    this.#recentBytes += key.length + (value?.length ?? 0) + ROW_OVERHEAD_BYTES;
    this.#older.delete(key);
    if (this.#recentBytes > this.#halfBytesMax) {
      this.#older = this.#recent;
      this.#recent = new Map();
      this.#recentBytes = 0;
    }
  }
}
