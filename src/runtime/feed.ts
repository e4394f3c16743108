import { ClusterError } from "../base/index.js";
import type { Clock, FeedPage, FeedReadOptions, FeedRow } from "./ports.js";
import type { FeedBatch } from "./replica-handle.js";

/** Latest changes in memory; readers that are further behind are served from the disk. */
const RING_ROWS_MAX = 4096;
const RING_BYTES_MAX = 8 * 1024 * 1024;
const PAGE_ROWS_MAX = 512;
const PAGE_BYTES_MAX = 128 * 1024;
/** A reader hears this often how far it got, also in silence. */
const BOOKMARK_MS = 1000;

export interface FeedOptions {
  readonly clock: Clock;
  readonly read: (after: number, options: FeedReadOptions) => Promise<FeedPage>;
  /** How old the state may be that the feed is part of. */
  readonly leaderAgeMs: () => number;
}

export interface FollowOptions {
  readonly after: number;
  readonly channels: readonly string[];
  readonly signal: AbortSignal;
}

/** The committed and applied changes of one replica, in memory as far as they are recent. */
export class Feed {
  readonly #options: FeedOptions;
  #ring: FeedRow[] = [];
  #ringBytes = 0;
  #sequence: number;
  #firstSequence: number;
  #epoch: number;
  readonly #waiting = new Set<() => void>();
  #stopped = false;
  #readers = 0;

  constructor(
    options: FeedOptions,
    start: { readonly sequence: number; readonly firstSequence: number; readonly epoch: number },
  ) {
    this.#options = options;
    this.#sequence = start.sequence;
    this.#firstSequence = start.firstSequence;
    this.#epoch = start.epoch;
  }

  /** Somebody follows: it has to be known how old the feed is. */
  get hasReaders(): boolean {
    return this.#readers > 0;
  }

  get sequence(): number {
    return this.#sequence;
  }

  publish(rows: readonly FeedRow[], firstSequence: number): void {
    this.#firstSequence = firstSequence;
    if (rows.length === 0) return;
    for (const row of rows) {
      this.#ring.push(row);
      this.#ringBytes += row.change.length;
      this.#sequence = row.sequence;
    }
    if (this.#ring.length > 2 * RING_ROWS_MAX || this.#ringBytes > 2 * RING_BYTES_MAX) this.#trim();
    this.#wake();
  }

  /** Everything is replaced, as by a snapshot. */
  reset(start: {
    readonly sequence: number;
    readonly firstSequence: number;
    readonly epoch: number;
  }): void {
    this.#ring = [];
    this.#ringBytes = 0;
    this.#sequence = start.sequence;
    this.#firstSequence = start.firstSequence;
    this.#epoch = start.epoch;
    this.#wake();
  }

  stop(): void {
    this.#stopped = true;
    this.#wake();
  }

  async *changes(options: FollowOptions): AsyncGenerator<FeedBatch> {
    this.#readers++;
    try {
      yield* this.#follow(options);
    } finally {
      this.#readers--;
    }
  }

  async *#follow(options: FollowOptions): AsyncGenerator<FeedBatch> {
    const { channels, signal } = options;
    const wanted = new Set(channels);
    let at = options.after;
    yield this.#batch([], Math.min(at, this.#sequence));
    while (!signal.aborted && !this.#stopped) {
      if (at < this.#firstSequence - 1) throw this.#gone(at);
      const page = this.#fromRing(at, wanted) ?? (await this.#fromDisk(at, channels));
      if (page.upTo > at) {
        at = page.upTo;
        yield this.#batch(page.rows, at);
        continue;
      }
      const changed = await this.#changed(at, signal);
      if (!changed) yield this.#batch([], at);
    }
  }

  #batch(rows: readonly FeedRow[], upTo: number): FeedBatch {
    return {
      rows,
      upTo,
      firstSequence: this.#firstSequence,
      epoch: this.#epoch,
      leaderAgeMs: this.#options.leaderAgeMs(),
    };
  }

  /** Undefined where the ring does not reach back far enough. */
  #fromRing(after: number, wanted: ReadonlySet<string>): FeedPage | undefined {
    if (after >= this.#sequence) return { rows: [], upTo: after };
    const first = this.#ring[0]?.sequence;
    if (first === undefined || after < first - 1) return undefined;
    const rows: FeedRow[] = [];
    let upTo = after;
    let bytes = 0;
    let index = 0;
    for (let i = after + 1 - first; i < this.#ring.length; i++) {
      const row = this.#ring[i];
      const isFull = rows.length >= PAGE_ROWS_MAX || bytes >= PAGE_BYTES_MAX;
      // A page ends with a whole entry: positions exist only there.
      if (row === undefined || (isFull && row.index !== index)) break;
      index = row.index;
      upTo = row.sequence;
      if (wanted.size > 0 && !row.channels.some((channel) => wanted.has(channel))) continue;
      rows.push(row);
      bytes += row.change.length;
    }
    return { rows, upTo };
  }

  #fromDisk(after: number, channels: readonly string[]): Promise<FeedPage> {
    return this.#options.read(after, {
      channels,
      limit: PAGE_ROWS_MAX,
      bytesMax: PAGE_BYTES_MAX,
    });
  }

  /** True when there is more than `at`; false when a second passed, or the reader should stop. */
  #changed(at: number, signal: AbortSignal): Promise<boolean> {
    if (this.#sequence > at && this.#ring.length > 0) {
      // Applied but not yet on the disk, and no longer in the ring: the next round brings it there.
      return new Promise((resolve) => {
        this.#options.clock.after(1, () => {
          resolve(true);
        });
      });
    }
    return new Promise((resolve) => {
      const finish = (changed: boolean): void => {
        cancel();
        this.#waiting.delete(wake);
        signal.removeEventListener("abort", abort);
        resolve(changed);
      };
      const wake = (): void => {
        finish(true);
      };
      const abort = (): void => {
        finish(false);
      };
      const cancel = this.#options.clock.after(BOOKMARK_MS, abort);
      this.#waiting.add(wake);
      signal.addEventListener("abort", abort);
    });
  }

  #gone(after: number): ClusterError {
    return new ClusterError(
      "position-gone",
      `changes after ${after} are no longer kept: list again and go on from that list's position`,
      { metadata: { first_sequence: String(this.#firstSequence) } },
    );
  }

  #wake(): void {
    for (const wake of [...this.#waiting]) wake();
  }

  #trim(): void {
    let drop = 0;
    let bytes = this.#ringBytes;
    while (this.#ring.length - drop > RING_ROWS_MAX || bytes > RING_BYTES_MAX) {
      bytes -= this.#ring[drop]?.change.length ?? 0;
      drop++;
    }
    this.#ring = this.#ring.slice(drop);
    this.#ringBytes = bytes;
  }
}
