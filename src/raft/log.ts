import { ApplyWindow } from "./apply-window.js";
import type { LogPosition } from "./config.js";
import { entriesBytes } from "./entry-size.js";
import type { Entry, LogView, Snapshot } from "./types.js";
import { Unstable } from "./unstable.js";
import { assert } from "../base/index.js";

/** Whether a log that ends at `last` is at least as complete as one that ends at `other` (Raft paper, 5.4.1). */
export function isAtLeast(last: LogPosition, other: LogPosition): boolean {
  return last.term > other.term || (last.term === other.term && last.index >= other.index);
}

/** The log as the protocol sees it: the stored part and, over it, what is not yet durable. */
export class RaftLog {
  readonly unstable: Unstable;
  readonly applying: ApplyWindow;
  /** Highest index known to be committed; never decreases. */
  commit: number;
  readonly #view: LogView;
  /** The next entries to apply are not in memory. */
  #applyFetching = false;

  constructor(view: LogView, options: { applied: number; commit: number; applyBytesMax: number }) {
    const preceding = view.firstIndex() - 1;
    const applied = Math.max(preceding, options.applied);
    assert(
      Math.max(applied, options.commit) <= Math.max(view.lastIndex(), preceding),
      `State ends at ${applied} and commit at ${options.commit}: the log is shorter`,
    );
    this.#view = view;
    this.commit = Math.max(applied, options.commit);
    this.applying = new ApplyWindow(applied, options.applyBytesMax);
    this.unstable = new Unstable(view.lastIndex() + 1);
  }

  get firstIndex(): number {
    const snapshot = this.unstable.snapshot;
    return snapshot === undefined ? this.#view.firstIndex() : snapshot.meta.index + 1;
  }

  get lastIndex(): number {
    return this.unstable.findLastIndex() ?? this.#view.lastIndex();
  }

  get lastTerm(): number {
    const term = this.findTerm(this.lastIndex);
    assert(term !== undefined, "the last entry has no term");
    return term;
  }

  /** Everything up to here is durable; 0 while a snapshot is about to replace the log. */
  get stableIndex(): number {
    return this.unstable.snapshot === undefined ? this.unstable.offset - 1 : 0;
  }

  /** Undefined before the entry that precedes the first and after the last. */
  findTerm(index: number): number | undefined {
    const term = this.unstable.findTerm(index);
    if (term !== undefined) return term;
    if (index + 1 < this.firstIndex || index > this.lastIndex) return undefined;
    return index === 0 ? 0 : this.#view.term(index);
  }

  holds(position: LogPosition): boolean {
    return this.findTerm(position.index) === position.term;
  }

  /** Whether a log that ends at `last` is at least as complete as this one (Raft paper, 5.4.1). */
  isUpToDate(last: LogPosition): boolean {
    return isAtLeast(last, { index: this.lastIndex, term: this.lastTerm });
  }

  /** From `low` to the end as far as bytesMax allows, at least one if there is one. */
  entriesFrom(low: number, bytesMax: number): readonly Entry[] | "compacted" | "fetching" {
    return low > this.lastIndex ? [] : this.entries(low, this.lastIndex + 1, bytesMax);
  }

  entries(
    low: number,
    high: number,
    bytesMax: number,
  ): readonly Entry[] | "compacted" | "fetching" {
    if (low < this.firstIndex) return "compacted";
    const offset = this.unstable.offset;
    if (low >= offset) return this.unstable.slice(low, high, bytesMax);
    const cut = Math.min(high, offset);
    const stored = this.#view.entries(low, cut, bytesMax);
    if (typeof stored === "string" || high <= offset || stored.length < cut - low) return stored;
    const room = bytesMax - entriesBytes(stored);
    if (room <= 0) return stored;
    const rest = this.unstable.slice(offset, high, room);
    if (rest.length === 1 && entriesBytes(rest) > room) return stored;
    return stored.concat(rest);
  }

  /** Newest state that a follower could be given. */
  findSnapshot(): Snapshot | undefined {
    const snapshot = this.unstable.snapshot ?? this.#view.snapshot();
    return snapshot?.meta.index === 0 ? undefined : snapshot;
  }

  /**
   * Largest index up to `index` whose entry could be one of term `term` or before: above it, entries here and in a log
   * whose entry at `index` has that term cannot match, so a whole term is skipped at once (Raft paper, end of 5.3).
   */
  findPossibleMatch(index: number, term: number): LogPosition {
    for (let at = index; at > 0; at--) {
      const ours = this.findTerm(at);
      if (ours === undefined) return { index: at, term: 0 };
      if (ours <= term) return { index: at, term: ours };
    }
    return { index: 0, term: 0 };
  }

  append(entries: readonly Entry[]): void {
    const first = entries[0];
    if (first === undefined) return;
    assert(first.index > this.commit, "a committed entry would be overwritten");
    this.unstable.append(entries);
  }

  /**
   * Appends what a leader sent, from the first entry that this log does not hold: an old message never shortens the log.
   * Undefined if the entry before the first is not here. What this log held from `cutFrom` on is replaced, if anything is.
   */
  tryAppend(
    prev: LogPosition,
    entries: readonly Entry[],
  ): { readonly lastIndex: number; readonly cutFrom: number | undefined } | undefined {
    if (!this.holds(prev)) return undefined;
    const lastIndex = prev.index + entries.length;
    const known = entries.findIndex((entry) => !this.holds(entry));
    if (known === -1) return { lastIndex, cutFrom: undefined };
    const first = prev.index + 1 + known;
    const cutFrom = first <= this.lastIndex ? first : undefined;
    this.append(known === 0 ? entries : entries.slice(known));
    return { lastIndex, cutFrom };
  }

  commitTo(index: number): boolean {
    if (index <= this.commit) return false;
    assert(index <= this.lastIndex, `commit ${index} is beyond the last entry ${this.lastIndex}`);
    this.commit = index;
    return true;
  }

  restore(snapshot: Snapshot): void {
    this.commit = snapshot.meta.index;
    this.unstable.restore(snapshot);
  }

  /** With asynchronous storage, only durable entries are applied: a crash must not leave state ahead of the log. */
  hasNextCommitted(allowUnstable: boolean): boolean {
    if (this.applying.bytesFree <= 0 || this.#applyFetching) return false;
    if (this.unstable.snapshot !== undefined) return false;
    return this.applying.handedOut < this.#appliable(allowUnstable);
  }

  takeNextCommitted(allowUnstable: boolean): readonly Entry[] {
    if (!this.hasNextCommitted(allowUnstable)) return [];
    const low = this.applying.handedOut + 1;
    const appliable = this.#appliable(allowUnstable);
    const entries = this.entries(low, appliable + 1, this.applying.bytesFree);
    assert(entries !== "compacted", "entries were compacted before they were applied");
    if (entries === "fetching") {
      this.#applyFetching = true;
      return [];
    }
    this.applying.handOut(entries, appliable);
    return entries;
  }

  entriesFetched(): void {
    this.#applyFetching = false;
  }

  #appliable(allowUnstable: boolean): number {
    return allowUnstable ? this.commit : Math.min(this.commit, this.unstable.offset - 1);
  }
}
