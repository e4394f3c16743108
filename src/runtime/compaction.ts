import type { Entry } from "../raft/index.js";
import type { AppliedState, LogId } from "./ports.js";
import type { RuntimeLimits } from "./limits.js";
import type { ReplicaLog } from "./replica-log.js";

/** The log's bytes are known to about this much: one place is remembered for each. */
const STRIDE_BYTES = 256 * 1024;

interface Place {
  /** Last entry of a stretch of the log. */
  readonly index: number;
  readonly bytes: number;
}

/**
 * Decides what of a replica's log may go: what is applied, beyond a tail for followers that are a little behind, which is
 * bounded in entries and bytes. What the log held at start counts as nothing until it is compacted.
 */
export class Compaction {
  readonly #limits: RuntimeLimits;
  readonly #log: ReplicaLog;
  /** Stretches of the log, in order; the last one grows. */
  #places: Place[] = [];
  #bytes = 0;
  #isForced = false;

  constructor(limits: RuntimeLimits, log: ReplicaLog) {
    this.#limits = limits;
    this.#log = log;
  }

  /** Somebody asked for it: everything that is applied goes with the next round. */
  get isForced(): boolean {
    return this.#isForced;
  }

  force(): void {
    this.#isForced = true;
  }

  appended(entries: readonly Entry[]): void {
    const first = entries[0];
    const last = entries.at(-1);
    if (first === undefined || last === undefined) return;
    while ((this.#places.at(-1)?.index ?? 0) >= first.index) this.#drop(this.#places.pop());
    let bytes = 0;
    for (const { data } of entries) bytes += data.length;
    const open = this.#places.at(-1);
    if (open !== undefined && open.bytes + bytes <= STRIDE_BYTES) {
      this.#places[this.#places.length - 1] = { index: last.index, bytes: open.bytes + bytes };
    } else {
      this.#places.push({ index: last.index, bytes });
    }
    this.#bytes += bytes;
  }

  /** What may go with a round after which `applied` is on the disk. */
  plan(applied: AppliedState): LogId | undefined {
    const { logEntriesMax, logBytesMax } = this.#limits;
    const forced = this.#isForced;
    this.#isForced = false;
    const first = this.#log.firstIndex();
    const isLong = applied.index - first >= logEntriesMax || this.#bytes > logBytesMax;
    if (!forced && !isLong) return undefined;
    const kept = forced ? applied.index : this.#keptFrom(applied.index);
    const index = Math.min(kept, applied.index, this.#log.lastIndex());
    const term = this.#log.term(index);
    return term === undefined || index < first ? undefined : { index, term };
  }

  compacted(to: LogId): void {
    let gone = 0;
    while ((this.#places[gone]?.index ?? Infinity) <= to.index) this.#drop(this.#places[gone++]);
    this.#places.splice(0, gone);
  }

  reset(): void {
    this.#places = [];
    this.#bytes = 0;
  }

  /** Everything up to the result goes. */
  #keptFrom(applied: number): number {
    const { logEntriesKept, logBytesKept } = this.#limits;
    let bytes = 0;
    let index = 0;
    for (let i = this.#places.length - 1; i >= 0; i--) {
      const place = this.#places[i];
      if (place === undefined) break;
      bytes += place.bytes;
      if (bytes <= logBytesKept) continue;
      index = place.index;
      break;
    }
    return Math.max(applied - logEntriesKept, index);
  }

  #drop(place: Place | undefined): void {
    this.#bytes -= place?.bytes ?? 0;
  }
}
