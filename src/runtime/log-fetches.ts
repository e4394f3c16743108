import { ClusterError } from "../base/index.js";
import type { Entry, RaftGroup } from "../raft/index.js";
import type { Compaction } from "./compaction.js";
import type { LogId } from "./ports.js";
import type { ReplicaLog } from "./replica-log.js";

export interface LogFetchesOptions {
  readonly log: ReplicaLog;
  readonly group: RaftGroup;
  readonly compaction: Compaction;
  readonly read: (low: number, high: number) => Promise<readonly Entry[]>;
  /** Last entry whose effect is in the state on the disk. */
  readonly persistedIndex: () => number;
  /** The group has something to do. */
  readonly changed: () => void;
  readonly failed: (error: unknown) => void;
}

/**
 * Reads entries back from the disk for the core. Those that cannot be read and whose effect is in the state are not needed:
 * they are compacted away, and whoever asked for them gets a snapshot.
 */
export class LogFetches {
  readonly #options: LogFetchesOptions;
  /** An entry that was asked for and could not be read; 0 if there is none. */
  #unreadable = 0;

  constructor(options: LogFetchesOptions) {
    this.#options = options;
  }

  fetch(low: number, high: number): void {
    const { read, changed, failed } = this.#options;
    read(low, high).then(
      (entries) => {
        this.#fetched(entries);
        changed();
      },
      (error: unknown) => {
        if (!this.#tryRepair(low, error)) failed(error);
      },
    );
  }

  /** Everything up to this entry is gone from the log. */
  compacted(to: LogId): void {
    if (this.#unreadable === 0 || this.#unreadable > to.index) return;
    this.#unreadable = 0;
    this.#fetched([]);
  }

  /** A snapshot replaced the log. */
  reset(): void {
    this.#unreadable = 0;
  }

  #tryRepair(low: number, error: unknown): boolean {
    const { log, compaction, persistedIndex, changed } = this.#options;
    if (!(error instanceof ClusterError) || low > persistedIndex()) return false;
    if (error.code !== "corrupt-storage" && error.code !== "position-gone") return false;
    this.#unreadable = low;
    if (low < log.firstIndex()) this.compacted({ index: low, term: 0 });
    else compaction.force();
    changed();
    return true;
  }

  #fetched(entries: readonly Entry[]): void {
    this.#options.log.fetched(entries);
    this.#options.group.entriesFetched();
  }
}
