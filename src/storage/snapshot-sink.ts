import { assert, ClusterError } from "../base/index.js";
import type { AppliedState, SnapshotRow, SnapshotSink } from "../runtime/index.js";
import { putArriving } from "./arriving.js";
import type { Arriving } from "./arriving.js";
import { commit } from "./engine.js";
import type { Engine, EngineBatch } from "./engine.js";
import type { GenerationKeys } from "./keys.js";
import { TABLES, tablePrefix } from "./keys.js";
import { META_ROWS, readAppliedState } from "./meta-rows.js";
import type { RowWriter } from "./row-writer.js";
import type { StoreHealth } from "./store-health.js";
import { SLICE_ROWS } from "./sweeper.js";

/** Bytes that one batch of snapshot rows holds, about. */
export const SLICE_BYTES = 1024 * 1024;

export const SNAPSHOT_TABLES: readonly number[] = [TABLES.state, TABLES.feed, TABLES.feedIndex];

/** The first row of every snapshot. */
export const APPLIED_ROW_KEY = Buffer.concat([
  Buffer.from([TABLES.meta]),
  Buffer.from(META_ROWS.applied),
]);

export interface SinkOwner {
  readonly engine: Engine;
  readonly row: RowWriter;
  readonly health: StoreHealth;
  /** Deletes what came. */
  forget(keys: GenerationKeys): Promise<void>;
  /** What came so far stays, for another sink to go on with. */
  suspended(arriving: Arriving): void;
}

type SinkState = "open" | "installed" | "suspended" | "discarded";

/**
 * Writes a snapshot's rows, unsynced, under a generation that nothing reads before a round installs
 * it. One with a name can be gone on with, after a crash too: batches survive in order.
 */
export class StoreSnapshotSink implements SnapshotSink {
  readonly keys: GenerationKeys;
  readonly #owner: SinkOwner;
  readonly #snapshotId: string | undefined;
  readonly #prefixes: ReadonlyMap<number, Buffer>;
  #stage: SinkState = "open";
  #rows: number;
  #applied: AppliedState | undefined;
  #lastKey: Uint8Array | undefined;
  #writing: Promise<void> = Promise.resolve();
  #writesUnderWay = 0;

  /** `arriving`: what came of the same snapshot before. */
  constructor(
    owner: SinkOwner,
    keys: GenerationKeys,
    snapshotId: string | undefined,
    arriving?: Arriving,
  ) {
    this.#owner = owner;
    this.keys = keys;
    this.#snapshotId = snapshotId;
    this.#rows = arriving?.rows ?? 0;
    this.#applied = arriving?.applied;
    this.#lastKey = arriving?.lastKey;
    this.#prefixes = new Map(
      SNAPSHOT_TABLES.map((table) => [table, tablePrefix(keys.replica, keys.number, table)]),
    );
  }

  get rows(): number {
    return this.#rows;
  }

  get state(): AppliedState | undefined {
    return this.#applied;
  }

  get lastKey(): Uint8Array | undefined {
    return this.#lastKey;
  }

  /** Calls are done one after the other. */
  async write(rows: readonly SnapshotRow[]): Promise<void> {
    const turn = this.#writing.then(() => this.#writeAll(rows));
    this.#writesUnderWay++;
    const ended = () => {
      this.#writesUnderWay--;
    };
    this.#writing = turn.then(ended, ended);
    return turn;
  }

  /** What a round installs: throws unless everything that came was written. */
  require(): AppliedState {
    assert(this.#stage === "open", `the sink was ${this.#stage}: it cannot be installed`);
    assert(this.#writesUnderWay === 0, "rows of the snapshot are still being written");
    assert(this.#applied !== undefined, "the snapshot has no applied row");
    return this.#applied;
  }

  markInstalled(): void {
    this.#stage = "installed";
  }

  /** Idempotent, and without effect on a sink that was installed. The rows go in the background. */
  async discard(): Promise<void> {
    if (this.#stage !== "open") return;
    this.#stage = "discarded";
    await this.#writing;
    await this.#owner.forget(this.keys);
  }

  async suspend(): Promise<void> {
    if (this.#stage !== "open") return;
    await this.#writing;
    const arriving = this.#arriving;
    if (arriving === undefined) return this.discard();
    this.#stage = "suspended";
    this.#owner.suspended(arriving);
  }

  get #arriving(): Arriving | undefined {
    const [snapshotId, lastKey, applied] = [this.#snapshotId, this.#lastKey, this.#applied];
    if (snapshotId === undefined || lastKey === undefined || applied === undefined) {
      return undefined;
    }
    return { snapshotId, keys: this.keys, rows: this.#rows, lastKey, applied };
  }

  async #writeAll(rows: readonly SnapshotRow[]): Promise<void> {
    for (let at = 0; at < rows.length;) {
      this.#owner.health.check();
      if (this.#stage !== "open") {
        throw new ClusterError("canceled", `the snapshot was ${this.#stage}: begin another one`);
      }
      const batch = this.#owner.engine.batch();
      const end = this.#fillSlice(batch, rows, at);
      this.#rows += end - at;
      this.#lastKey = rows[end - 1]?.key;
      const arriving = this.#arriving;
      if (arriving !== undefined) putArriving(this.#owner.row, batch, arriving);
      await this.#owner.health.writing(commit(batch, false));
      at = end;
    }
  }

  #fillSlice(batch: EngineBatch, rows: readonly SnapshotRow[], from: number): number {
    let at = from;
    for (let bytes = 0; at < rows.length && at - from < SLICE_ROWS && bytes < SLICE_BYTES; at++) {
      const row = rows[at];
      if (row === undefined) break;
      this.#put(batch, row);
      bytes += row.key.length + row.value.length;
    }
    return at;
  }

  #put(batch: EngineBatch, { key, value }: SnapshotRow): void {
    if (this.#applied === undefined) {
      if (!APPLIED_ROW_KEY.equals(key)) throw foreignRow("it does not begin with an applied row");
      const bytes = Buffer.from(value);
      this.#applied = readAppliedState(APPLIED_ROW_KEY, bytes);
      return;
    }
    const prefix = this.#prefixes.get(key[0] ?? -1);
    if (prefix === undefined) throw foreignRow(`table ${key[0]} is not part of a snapshot`);
    this.#owner.row.begin(prefix).bytes(key.subarray(1)).endKey().bytes(value).put(batch);
  }
}

function foreignRow(what: string): ClusterError {
  return new ClusterError("invalid-argument", `this is no snapshot of a replica: ${what}`);
}
