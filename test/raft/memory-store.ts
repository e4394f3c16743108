import type {
  AppendWork,
  ConfState,
  Entry,
  HardState,
  LogView,
  Snapshot,
} from "../../src/raft/index.js";

/** The durable part of a replica, in memory: log, hard state, and the index and membership of the applied state. */
export class MemoryStore implements LogView {
  hardState: HardState = { term: 0, vote: 0, commit: 0 };
  applied = 0;
  confState: ConfState;
  /** Stands for the state machine: what a snapshot carries. */
  state = new Uint8Array(0);
  /** Entries before this index are on disk only. */
  memoryFrom = 0;
  #preceding = { index: 0, term: 0 };
  #entries: Entry[] = [];

  constructor(confState: ConfState) {
    this.confState = confState;
  }

  firstIndex(): number {
    return this.#preceding.index + 1;
  }

  lastIndex(): number {
    return this.#preceding.index + this.#entries.length;
  }

  term(index: number): number | undefined {
    if (index === this.#preceding.index) return this.#preceding.term;
    return this.#entries[index - this.firstIndex()]?.term;
  }

  entries(
    low: number,
    high: number,
    bytesMax: number,
  ): readonly Entry[] | "compacted" | "fetching" {
    if (low < this.firstIndex()) return "compacted";
    if (low < this.memoryFrom) return "fetching";
    const found: Entry[] = [];
    let bytes = 0;
    for (const entry of this.#entries.slice(low - this.firstIndex(), high - this.firstIndex())) {
      bytes += entry.data.length;
      if (bytes > bytesMax && found.length > 0) break;
      found.push(entry);
    }
    return found;
  }

  snapshot(): Snapshot | undefined {
    const term = this.term(this.applied);
    if (this.applied === 0 || term === undefined) return undefined;
    return { meta: { index: this.applied, term, confState: this.confState }, data: this.state };
  }

  /** As a new group starts: with a position before its first entry, so that only a snapshot can bring in a newcomer. */
  bootstrap(index: number): void {
    this.#preceding = { index, term: 1 };
    this.applied = index;
    this.hardState = { term: 1, vote: 0, commit: index };
  }

  persist(work: AppendWork): void {
    if (work.hardState !== undefined) this.hardState = work.hardState;
    if (work.snapshot !== undefined) {
      const { index, term, confState } = work.snapshot.meta;
      this.#preceding = { index, term };
      this.#entries = [];
      this.applied = index;
      this.confState = confState;
      this.state = new Uint8Array(work.snapshot.data);
    }
    this.append(work.entries);
  }

  append(entries: readonly Entry[]): void {
    const first = entries[0];
    if (first === undefined) return;
    this.#entries.length = Math.min(this.#entries.length, first.index - this.firstIndex());
    this.#entries.push(...entries);
  }

  /** Drops everything up to `index`, which the applied state covers. */
  compact(index: number): void {
    const term = this.term(index);
    if (term === undefined || index > this.applied) return;
    this.#entries = this.#entries.slice(index + 1 - this.firstIndex());
    this.#preceding = { index, term };
  }

  copy(): MemoryStore {
    const copy = new MemoryStore(this.confState);
    copy.hardState = this.hardState;
    copy.applied = this.applied;
    copy.state = this.state;
    copy.#preceding = this.#preceding;
    copy.#entries = [...this.#entries];
    return copy;
  }
}
