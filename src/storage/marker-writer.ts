import { isAtLeast } from "../raft/index.js";
import type { HardState, ReplicaId } from "../raft/index.js";
import type { LogId } from "../runtime/index.js";
import { encodeSlot, SLOT_BYTES, slotOffset } from "./marker.js";
import type { MarkerImage } from "./marker.js";

/** After a round that no other follows, its last entry is promised within this time. */
export const IDLE_RAISE_MS = 5;

/** Where the two slots lie. */
export interface MarkerMedium {
  /** Undefined where there is no marker. */
  read(): Promise<Buffer | undefined>;
  /** Reserves the bytes of both slots, durably. */
  format(): Promise<void>;
  /** Durable at the callback. The bytes must not change before. */
  write(offset: number, bytes: Buffer, callback: (error: Error | undefined) => void): void;
  close(): Promise<void>;
}

export type After = (delayMs: number, run: () => void) => () => void;

export interface LostLog {
  readonly promised: LogId;
  /** The last entry that may have been acknowledged. */
  readonly attempted: LogId;
}

interface TrackedRow {
  readonly replica: ReplicaId;
  term: number;
  vote: ReplicaId;
  promised: LogId;
  attempted: LogId;
  /** Last entry of the round that finished last: the next write promises it. */
  finished: LogId;
  /** The store lacks `promised`: it stays, across restarts, until the log has come past it. */
  lost: boolean;
}

/**
 * Keeps the marker: rows in memory, one write at a time, slots in turn. A round calls `begin`
 * before its write and `finish` when batch and marker are durable; what it finished is promised by
 * the next write, or by one of its own when none comes.
 */
export class MarkerWriter {
  readonly storeId: string;
  #boot: number;
  #generation: number;
  readonly #rows = new Map<ReplicaId, TrackedRow>();
  readonly #medium: MarkerMedium;
  readonly #after: After;
  readonly #fail: (error: unknown) => void;
  readonly #slot = Buffer.alloc(SLOT_BYTES);
  #inFlight: Promise<void> | undefined;
  #cancelRaise: (() => void) | undefined;
  #closed = false;

  constructor(
    medium: MarkerMedium,
    image: MarkerImage,
    after: After,
    fail: (error: unknown) => void,
  ) {
    this.storeId = image.storeId;
    this.#boot = image.boot;
    this.#generation = image.generation;
    this.#medium = medium;
    this.#after = after;
    this.#fail = fail;
    for (const row of image.rows) {
      this.#rows.set(row.replica, { ...row, finished: row.promised, lost: false });
    }
  }

  get boot(): number {
    return this.#boot;
  }

  get replicas(): readonly ReplicaId[] {
    return [...this.#rows.keys()];
  }

  find(replica: ReplicaId): Readonly<TrackedRow> | undefined {
    return this.#rows.get(replica);
  }

  raiseBoot(boot: number): Promise<void> {
    this.#boot = boot;
    return this.write();
  }

  /**
   * Notes what the store holds of a replica at open; `lost` is what it should hold and does not.
   */
  track(replica: ReplicaId, state: HardState, held: LogId, lost?: LostLog): void {
    this.#rows.set(replica, {
      replica,
      term: state.term,
      vote: state.vote,
      promised: lost?.promised ?? held,
      attempted: lost?.attempted ?? held,
      finished: held,
      lost: lost !== undefined,
    });
  }

  /** `last` is the log's end after the round, where it changes that. */
  begin(replica: ReplicaId, hardState: HardState | undefined, last: LogId | undefined): void {
    const row = this.#require(replica);
    if (hardState !== undefined) {
      row.term = hardState.term;
      row.vote = hardState.vote;
    }
    // What a lost log may have acknowledged is still what its votes are judged by.
    if (last !== undefined) row.attempted = row.lost ? laterOf(row.attempted, last) : last;
  }

  /** Somebody knows of a later acknowledgement than the log holds. */
  lose(replica: ReplicaId, acknowledged: LogId): void {
    const row = this.#require(replica);
    row.promised = laterOf(row.promised, acknowledged);
    row.attempted = laterOf(row.attempted, acknowledged);
    row.lost = true;
  }

  /** What stays true whether or not the round that is about to shorten the log happens. */
  lower(replica: ReplicaId, to: LogId): void {
    const row = this.#require(replica);
    if (to.index < row.finished.index) row.finished = to;
  }

  finish(replica: ReplicaId, last: LogId): void {
    const row = this.#require(replica);
    row.finished = last;
    if (row.lost && hasPassed(last, row.promised)) row.lost = false;
  }

  /** Everything noted so far, durably. Waits for a write that is under way. */
  write(): Promise<void> {
    const before = this.#inFlight;
    const turn = before === undefined ? this.#writeSlot() : before.then(() => this.#writeSlot());
    this.#inFlight = turn;
    const clear = () => {
      if (this.#inFlight === turn) this.#inFlight = undefined;
    };
    turn.then(clear, clear);
    return turn;
  }

  /** Called after `finish`: promises in time even if no round follows. */
  raiseWhenIdle(): void {
    this.#cancelRaise?.();
    this.#cancelRaise = this.#after(IDLE_RAISE_MS, () => {
      this.#cancelRaise = undefined;
      if (!this.#closed && this.#owesPromise()) this.write().catch(this.#fail);
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#cancelRaise?.();
    if (this.#owesPromise()) await this.write();
    await this.#inFlight;
    await this.#medium.close();
  }

  /** After a failure nothing more is written; what is under way still uses the file. */
  async abandon(): Promise<void> {
    this.#closed = true;
    this.#cancelRaise?.();
    await this.#inFlight?.catch(() => undefined);
    await this.#medium.close();
  }

  #writeSlot(): Promise<void> {
    this.#cancelRaise?.();
    this.#cancelRaise = undefined;
    for (const row of this.#rows.values()) if (!row.lost) row.promised = row.finished;
    this.#generation++;
    const image = {
      storeId: this.storeId,
      boot: this.#boot,
      generation: this.#generation,
      rows: [...this.#rows.values()],
    };
    const length = encodeSlot(image, this.#slot);
    return new Promise((resolve, reject) => {
      const bytes = this.#slot.subarray(0, length);
      this.#medium.write(slotOffset(this.#generation), bytes, (error) => {
        if (error) reject(error);
        else resolve();
      });
    });
  }

  #owesPromise(): boolean {
    for (const row of this.#rows.values()) {
      if (!row.lost && row.promised !== row.finished) return true;
    }
    return false;
  }

  #require(replica: ReplicaId): TrackedRow {
    const row = this.#rows.get(replica);
    if (row === undefined) throw new Error(`replica ${replica} is not in the marker`);
    return row;
  }
}

/** Whether a log with this end needs none of what was lost: it was brought there by a leader of that term or a later one. */
export function hasPassed(end: LogId, promised: LogId): boolean {
  return end.index >= promised.index && end.term >= promised.term;
}

/** The end of the more complete log. */
export function laterOf(one: LogId, other: LogId): LogId {
  return isAtLeast(one, other) ? one : other;
}
