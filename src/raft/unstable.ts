import { entryBytes } from "./entry-size.js";
import type { LogPosition } from "./config.js";
import type { Entry, Snapshot } from "./types.js";

/** Dead slots at the front that are tolerated before the array is compacted. */
const DEAD_SLOTS_MAX = 1024;

/**
 * The end of the log that is not known to be durable: entries from `offset` on, and a snapshot that replaces everything
 * before. It decides over the stored log: what is stored at or after `offset` may be about to be overwritten.
 */
export class Unstable {
  /** Index of the first entry held, or of the next one if none is. */
  offset: number;
  snapshot: Snapshot | undefined;
  #snapshotInProgress = false;
  /** Entries before this index are handed to the log store. */
  #inProgress: number;
  #entries: Entry[] = [];
  /** Slot of the entry at `offset`; slots before are dead. */
  #head = 0;

  constructor(offset: number) {
    this.offset = offset;
    this.#inProgress = offset;
  }

  /** Index after the last entry held. */
  get end(): number {
    return this.offset + this.#entries.length - this.#head;
  }

  get hasNextEntries(): boolean {
    return this.end > this.#inProgress;
  }

  get hasEntries(): boolean {
    return this.end > this.offset;
  }

  get hasNextSnapshot(): boolean {
    return this.snapshot !== undefined && !this.#snapshotInProgress;
  }

  findLastIndex(): number | undefined {
    return this.hasEntries ? this.end - 1 : this.snapshot?.meta.index;
  }

  findTerm(index: number): number | undefined {
    if (index < this.offset) {
      const meta = this.snapshot?.meta;
      return meta?.index === index ? meta.term : undefined;
    }
    return this.#entries[this.#head + index - this.offset]?.term;
  }

  /** Entries that the log store has not been given. */
  nextEntries(): readonly Entry[] {
    return this.#entries.slice(this.#head + this.#inProgress - this.offset);
  }

  nextSnapshot(): Snapshot | undefined {
    return this.#snapshotInProgress ? undefined : this.snapshot;
  }

  /** Entries [low, high), all held, as far as bytesMax allows but at least one. */
  slice(low: number, high: number, bytesMax: number): readonly Entry[] {
    const from = this.#head + low - this.offset;
    const limit = this.#head + high - this.offset;
    let to = from;
    let bytes = 0;
    for (; to < limit; to++) {
      const entry = this.#entries[to];
      if (entry === undefined) break;
      bytes += entryBytes(entry);
      if (bytes > bytesMax && to > from) break;
    }
    return this.#entries.slice(from, to);
  }

  acceptInProgress(): void {
    this.#inProgress = this.end;
    if (this.snapshot !== undefined) this.#snapshotInProgress = true;
  }

  /** Discards what is held at and after the first new entry. */
  append(entries: readonly Entry[]): void {
    const first = entries[0];
    if (first === undefined) return;
    if (first.index < this.end) {
      this.#entries.length = this.#head + Math.max(first.index - this.offset, 0);
      this.#inProgress = Math.min(this.#inProgress, Math.max(first.index, this.offset));
    }
    if (first.index < this.offset) {
      this.#entries = [];
      this.#head = 0;
      this.offset = first.index;
      this.#inProgress = first.index;
    }
    for (const entry of entries) this.#entries.push(entry);
  }

  /**
   * The log store holds the entry at this position durably. Ignored where another entry stands there now: what was made
   * durable will be overwritten by writes that are still under way, so only the confirmation of those may drop anything.
   */
  stableTo(position: LogPosition): void {
    if (position.index < this.offset) return;
    if (this.findTerm(position.index) !== position.term) return;
    this.#head += position.index + 1 - this.offset;
    this.offset = position.index + 1;
    this.#inProgress = Math.max(this.#inProgress, this.offset);
    if (this.#head === this.#entries.length) {
      this.#entries = [];
      this.#head = 0;
    } else if (this.#head > DEAD_SLOTS_MAX && this.#head * 2 > this.#entries.length) {
      this.#entries = this.#entries.slice(this.#head);
      this.#head = 0;
    }
  }

  snapshotStable(index: number): void {
    if (this.snapshot?.meta.index !== index) return;
    this.snapshot = undefined;
    this.#snapshotInProgress = false;
  }

  restore(snapshot: Snapshot): void {
    this.offset = snapshot.meta.index + 1;
    this.#inProgress = this.offset;
    this.#entries = [];
    this.#head = 0;
    this.snapshot = snapshot;
    this.#snapshotInProgress = false;
  }
}
