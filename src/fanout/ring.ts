import { assert } from "../base/index.js";
import type { FeedChange } from "./feed-change.js";

export interface RingEntry {
  readonly change: FeedChange;
  /** For each channel of the change the sequence of the one before, 0 if unknown. */
  readonly previous: readonly number[];
}

/** The newest changes of a shard, without a hole: everything in (base, head]. Bounded in number and in bytes. */
export class ChangeRing {
  readonly #entriesMax: number;
  readonly #bytesMax: number;
  readonly #slots: (RingEntry | undefined)[];
  #base: number;
  #head: number;
  #bytes = 0;

  constructor(head: number, entriesMax: number, bytesMax: number) {
    this.#base = head;
    this.#head = head;
    this.#entriesMax = entriesMax;
    this.#bytesMax = bytesMax;
    this.#slots = [];
  }

  /** Everything after this is here. */
  get base(): number {
    return this.#base;
  }

  get head(): number {
    return this.#head;
  }

  push(entry: RingEntry): void {
    const { sequence, bytes } = entry.change;
    assert(sequence === this.#head + 1, `change ${sequence} does not follow ${this.#head}`);
    while (this.#head - this.#base >= this.#entriesMax) this.#drop();
    this.#slots[sequence % this.#entriesMax] = entry;
    this.#head = sequence;
    this.#bytes += bytes;
    // The newest stays, however big it is.
    while (this.#bytes > this.#bytesMax && this.#base + 1 < this.#head) this.#drop();
  }

  #drop(): void {
    this.#base += 1;
    const slot = this.#base % this.#entriesMax;
    this.#bytes -= this.#slots[slot]?.change.bytes ?? 0;
    this.#slots[slot] = undefined;
  }

  get(sequence: number): RingEntry {
    const entry = this.#slots[sequence % this.#entriesMax];
    assert(
      entry !== undefined && entry.change.sequence === sequence,
      `change ${sequence} is not in memory`,
    );
    return entry;
  }
}
