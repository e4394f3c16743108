import { acknowledgedIndex } from "../raft/index.js";
import type { AppendWork, Entry, HardState } from "../raft/index.js";

/** What one round writes of a replica's log, and the works that it completes. */
export interface MergedAppend {
  readonly works: readonly AppendWork[];
  readonly entries: readonly Entry[];
  readonly hardState: HardState | undefined;
  readonly mustSync: boolean;
}

/**
 * Works for the log in the order in which the core gave them. Those that arrive while a round is being written are merged
 * into the next one; what a later work overwrites is never written at all, and no longer acknowledged.
 */
export class AppendQueue {
  #works: AppendWork[] = [];
  #writing = false;
  #urgent = false;

  get isEmpty(): boolean {
    return this.#works.length === 0;
  }

  /** Something waits for the next round. A commit index alone does not: nothing depends on its being durable. */
  get isUrgent(): boolean {
    return this.#urgent;
  }

  /** True if what the work promises is durable already. */
  isFree(work: AppendWork): boolean {
    return !this.#writing && !this.#urgent && !hasContent(work);
  }

  get hasSnapshot(): boolean {
    return this.#works.some((work) => work.snapshot !== undefined);
  }

  push(work: AppendWork): void {
    this.#works.push(work);
    this.#urgent ||= hasContent(work) || work.responses.length > 0;
  }

  /** The next works for one round; a snapshot stands alone. */
  take(): MergedAppend {
    this.#writing = true;
    const until = this.#works.findIndex((work) => work.snapshot !== undefined);
    const count = until < 0 ? this.#works.length : Math.max(until, 1);
    const works = this.#works.splice(0, count);
    this.#urgent = this.#works.length > 0;
    const entries: Entry[] = [];
    let hardState: HardState | undefined;
    let mustSync = false;
    let acknowledged = 0;
    for (const [at, work] of works.entries()) {
      const first = work.entries[0]?.index;
      if (first !== undefined && first <= acknowledged) {
        withdraw(works, at, first);
        acknowledged = first - 1;
      }
      const start = entries[0]?.index;
      if (first !== undefined && start !== undefined) entries.length = Math.max(first - start, 0);
      for (const entry of work.entries) entries.push(entry);
      hardState = work.hardState ?? hardState;
      mustSync ||= work.mustSync;
      for (const message of work.responses) {
        acknowledged = Math.max(acknowledged, acknowledgedIndex(message));
      }
    }
    return { works, entries, hardState, mustSync };
  }

  written(): void {
    this.#writing = false;
  }
}

/** The works before the one at `until` acknowledge nothing from `first` on: it is replaced. */
function withdraw(works: AppendWork[], until: number, first: number): void {
  for (const [at, work] of works.slice(0, until).entries()) {
    const responses = work.responses.filter((message) => acknowledgedIndex(message) < first);
    works[at] = { ...work, responses };
  }
}

function hasContent({ entries, snapshot, mustSync }: AppendWork): boolean {
  return mustSync || entries.length > 0 || snapshot !== undefined;
}
