import { assert } from "../base/index.js";
import type { ConfState, Entry, LogView, Snapshot } from "../raft/index.js";
import type { LogId, OpenedReplica } from "./ports.js";

/** Entries kept in memory for followers that are close; older ones are read back from the disk on demand. */
const TAIL_BYTES_MAX = 16 * 1024 * 1024;
/** Entries read back for followers that lag; replaced by the next range that is fetched. */
const ENTRY_OVERHEAD_BYTES = 32;

export interface ReplicaLogOptions {
  readonly opened: OpenedReplica;
  /** Called when the core asked for entries that are not in memory; the owner reads them and calls `fetched`. */
  readonly fetch: (low: number, high: number) => void;
  /** What a snapshot taken now would hold. */
  readonly snapshotState: () => LogId & { readonly confState: ConfState };
}

/**
 * The stable log as the core sees it. Invariant: terms of all of [firstIndex - 1, lastIndex] are in memory as runs; entries
 * of a tail bounded in bytes, and of at most one range that was fetched.
 */
export class ReplicaLog implements LogView {
  readonly #options: ReplicaLogOptions;
  #first: number;
  #last: number;
  #precedingTerm: number;
  /** Where each run of equal term begins, ascending. */
  #runs: { from: number; term: number }[];
  /** Entries [#tailFrom, #last]. */
  #tail: Entry[] = [];
  #tailFrom: number;
  #tailBytes = 0;
  #fetched: readonly Entry[] = [];
  #fetching = false;

  constructor(options: ReplicaLogOptions) {
    const { opened } = options;
    this.#options = options;
    this.#first = opened.firstIndex;
    this.#last = opened.lastIndex;
    this.#precedingTerm = opened.precedingTerm;
    this.#runs = opened.termRuns.map((run) => ({ ...run }));
    this.#tailFrom = opened.lastIndex + 1;
  }

  firstIndex(): number {
    return this.#first;
  }

  lastIndex(): number {
    return this.#last;
  }

  term(index: number): number | undefined {
    if (index === this.#first - 1) return this.#precedingTerm;
    if (index < this.#first || index > this.#last) return undefined;
    for (let i = this.#runs.length - 1; i >= 0; i--) {
      const run = this.#runs[i];
      if (run !== undefined && run.from <= index) return run.term;
    }
    return undefined;
  }

  entries(
    low: number,
    high: number,
    bytesMax: number,
  ): readonly Entry[] | "compacted" | "fetching" {
    if (low < this.#first) return "compacted";
    if (low >= this.#tailFrom) {
      return takeUpTo(this.#tail, low - this.#tailFrom, high - this.#tailFrom, bytesMax);
    }
    const cached = this.#fetched[0];
    if (cached !== undefined && low >= cached.index && low < cached.index + this.#fetched.length) {
      return takeUpTo(this.#fetched, low - cached.index, high - cached.index, bytesMax);
    }
    if (!this.#fetching) {
      this.#fetching = true;
      this.#options.fetch(low, Math.min(high, this.#tailFrom));
    }
    return "fetching";
  }

  snapshot(): Snapshot {
    return { meta: this.#options.snapshotState(), data: new Uint8Array() };
  }

  /** Entries of a former fetch arrived; an empty list says that it failed. */
  fetched(entries: readonly Entry[]): void {
    this.#fetching = false;
    this.#fetched = entries;
  }

  /** Entries became durable: everything from the first one's index on is replaced. */
  append(entries: readonly Entry[]): void {
    const start = entries[0]?.index;
    if (start === undefined) return;
    assert(start >= this.#first && start <= this.#last + 1, `append at ${start} leaves a gap`);
    if (start <= this.#last) this.#truncate(start);
    for (const entry of entries) {
      if (this.#runs.at(-1)?.term !== entry.term) {
        this.#runs.push({ from: entry.index, term: entry.term });
      }
      this.#tail.push(entry);
      this.#tailBytes += sizeOf(entry);
    }
    this.#last = start + entries.length - 1;
    this.#trimTail();
  }

  /** Entries up to here are in the applied state and gone from the log. */
  compact(to: LogId): void {
    if (to.index < this.#first) return;
    assert(to.index <= this.#last, "compaction past the end of the log");
    this.#first = to.index + 1;
    this.#precedingTerm = to.term;
    while ((this.#runs[1]?.from ?? Infinity) <= this.#first) this.#runs.shift();
    const run = this.#runs[0];
    if (run !== undefined && run.from < this.#first) run.from = this.#first;
    if (this.#first > this.#last) this.#runs = [];
    this.#dropTailBefore(this.#first);
    this.#fetched = [];
  }

  /** The log is empty and continues after an installed snapshot. */
  reset(to: LogId): void {
    this.#first = to.index + 1;
    this.#last = to.index;
    this.#precedingTerm = to.term;
    this.#runs = [];
    this.#tail = [];
    this.#tailBytes = 0;
    this.#tailFrom = this.#first;
    this.#fetched = [];
  }

  #truncate(from: number): void {
    this.#last = from - 1;
    while ((this.#runs.at(-1)?.from ?? 0) >= from) this.#runs.pop();
    if (from <= this.#tailFrom) {
      this.#tail = [];
      this.#tailBytes = 0;
      this.#tailFrom = from;
    } else {
      for (const gone of this.#tail.splice(from - this.#tailFrom)) this.#tailBytes -= sizeOf(gone);
    }
    this.#fetched = [];
  }

  #trimTail(): void {
    if (this.#tailBytes <= TAIL_BYTES_MAX) return;
    let drop = 0;
    // Down to half, so that the array is not shifted at each append.
    while (this.#tailBytes > TAIL_BYTES_MAX / 2 && drop < this.#tail.length - 1) {
      const entry = this.#tail[drop++];
      if (entry !== undefined) this.#tailBytes -= sizeOf(entry);
    }
    this.#tail = this.#tail.slice(drop);
    this.#tailFrom += drop;
  }

  #dropTailBefore(index: number): void {
    const drop = Math.min(index - this.#tailFrom, this.#tail.length);
    if (drop > 0) {
      for (const gone of this.#tail.splice(0, drop)) this.#tailBytes -= sizeOf(gone);
      this.#tailFrom += drop;
    }
    if (this.#tail.length === 0) this.#tailFrom = Math.max(this.#tailFrom, index);
  }
}

function sizeOf(entry: Entry): number {
  return entry.data.length + ENTRY_OVERHEAD_BYTES;
}

function takeUpTo(
  entries: readonly Entry[],
  from: number,
  to: number,
  bytesMax: number,
): readonly Entry[] {
  const end = Math.min(to, entries.length);
  let bytes = 0;
  let at = from;
  while (at < end) {
    const entry = entries[at];
    if (entry === undefined) break;
    bytes += sizeOf(entry);
    if (bytes > bytesMax && at > from) break;
    at++;
  }
  return entries.slice(from, at);
}
