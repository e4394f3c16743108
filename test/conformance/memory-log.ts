import type {
  ConfState,
  Entry,
  HardState,
  LogView,
  Snapshot,
  SnapshotMeta,
} from "../../src/raft/index.js";
import { entryBytes } from "../../src/raft/entry-size.js";

const NOBODY: ConfState = {
  voters: [],
  learners: [],
  votersOutgoing: [],
  learnersNext: [],
  autoLeave: false,
};

/** A log store in memory whose newest snapshot is always the state after the last applied entry. */
export class MemoryLog implements LogView {
  hardState: HardState = { term: 0, vote: 0, commit: 0 };
  /** One item for each applied entry; the first is what the node started from. */
  readonly history: Snapshot[] = [
    { meta: { index: 0, term: 0, confState: NOBODY }, data: new Uint8Array(0) },
  ];
  /** Of the newest snapshot that was installed, if any. */
  #installed: SnapshotMeta | undefined;
  #preceding = { index: 0, term: 0 };
  #entries: Entry[] = [];

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

  entries(low: number, high: number, bytesMax: number): readonly Entry[] | "compacted" {
    if (low < this.firstIndex()) return "compacted";
    const found: Entry[] = [];
    let bytes = 0;
    for (const entry of this.#entries.slice(low - this.firstIndex(), high - this.firstIndex())) {
      bytes += entryBytes(entry);
      if (bytes > bytesMax && found.length > 0) break;
      found.push(entry);
    }
    return found;
  }

  snapshot(): Snapshot | undefined {
    return this.history.at(-1);
  }

  /** What the state machine has made durable: how far it is, and the membership of then. */
  get state(): SnapshotMeta {
    const applied = this.history.at(-1)?.meta;
    if (applied === undefined) throw new Error("a node has a state");
    return this.#installed !== undefined && this.#installed.index > applied.index
      ? this.#installed
      : applied;
  }

  append(entries: readonly Entry[]): void {
    const first = entries[0];
    if (first === undefined) return;
    this.#entries.length = Math.min(this.#entries.length, first.index - this.firstIndex());
    this.#entries.push(...entries);
  }

  restore(snapshot: Snapshot): void {
    this.#installed = snapshot.meta;
    this.#preceding = { index: snapshot.meta.index, term: snapshot.meta.term };
    this.#entries = [];
  }

  /** Drops everything up to `index`. */
  compact(index: number): void {
    if (index <= this.#preceding.index) {
      throw new Error("requested index is unavailable due to compaction");
    }
    const term = this.term(index);
    if (term === undefined) throw new Error(`compact ${index} is out of bound`);
    this.#entries = this.#entries.slice(index + 1 - this.firstIndex());
    this.#preceding = { index, term };
  }
}
