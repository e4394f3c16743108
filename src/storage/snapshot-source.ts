import { ClusterError } from "../base/index.js";
import type { AppliedState, SnapshotRow, SnapshotSource } from "../runtime/index.js";
import { CursorReader } from "./cursor-reader.js";
import type { EngineBatch, EngineRow } from "./engine.js";
import type { GenerationKeys } from "./keys.js";
import { PREFIX_BYTES, tablePrefix } from "./keys.js";
import { writeAppliedState } from "./meta-rows.js";
import { requireIntact } from "./row-checksum.js";
import { RowWriter } from "./row-writer.js";
import { APPLIED_ROW_KEY, SNAPSHOT_TABLES } from "./snapshot-sink.js";
import type { ReadAccess } from "./state-view.js";

export interface SourceOwner {
  /** What a read failed with; gives what to throw. */
  failed(error: unknown): Promise<unknown>;
  closed(source: StoreSnapshotSource): void;
}

/**
 * A replica's applied row, state and feed as of the moment of construction, which must lie between
 * two rounds: one cursor over all tables of a snapshot, as they stand side by side.
 */
export class StoreSnapshotSource implements SnapshotSource {
  readonly state: AppliedState;
  readonly #reader: CursorReader;
  readonly #owner: SourceOwner;
  readonly #applied: SnapshotRow;
  readonly #start: Buffer;
  /** Up to and with the generation: what a row's key in the store begins with. */
  readonly #prefix: Buffer;
  #first: SnapshotRow | undefined;
  #work: Promise<unknown> = Promise.resolve();
  #page: readonly EngineRow[] | undefined = [];
  #at = 0;
  #isClosed = false;

  constructor(
    { engine, slots }: ReadAccess,
    keys: GenerationKeys,
    state: AppliedState,
    owner: SourceOwner,
  ) {
    const tables = SNAPSHOT_TABLES.map((table) => tablePrefix(keys.replica, keys.number, table));
    this.#start = tables[0] ?? keys.state;
    this.#prefix = this.#start.subarray(0, PREFIX_BYTES - 1);
    const cursor = engine.cursor({ gte: this.#start, lt: keys.end });
    this.#reader = new CursorReader(cursor, slots, keys.replica);
    this.state = state;
    this.#owner = owner;
    this.#applied = { key: APPLIED_ROW_KEY, value: encodeApplied(state) };
    this.#first = this.#applied;
  }

  async next(bytesMax: number): Promise<readonly SnapshotRow[] | undefined> {
    try {
      return await this.#afterOthers(() => this.#next(bytesMax));
    } catch (error) {
      throw await this.#owner.failed(error);
    }
  }

  seek(after: Uint8Array | undefined): Promise<void> {
    return this.#afterOthers(() => {
      if (this.#isClosed) throw closed();
      const isStart = after === undefined;
      this.#first = isStart ? this.#applied : undefined;
      // What comes right after a key is the key with a zero behind it; the applied row's key comes before all others.
      const from = isStart || APPLIED_ROW_KEY.equals(after) ? this.#start : this.#behind(after);
      this.#reader.seek(from);
      this.#page = [];
      this.#at = 0;
      return Promise.resolve();
    });
  }

  #behind(key: Uint8Array): Buffer {
    return Buffer.concat([this.#prefix, key, Buffer.from([0])]);
  }

  /** A page that is still being read for a transfer that broke off comes first. */
  #afterOthers<T>(step: () => Promise<T>): Promise<T> {
    const turn = this.#work.then(step);
    this.#work = turn.catch(() => undefined);
    return turn;
  }

  async #next(bytesMax: number): Promise<readonly SnapshotRow[] | undefined> {
    const rows: SnapshotRow[] = [];
    let bytes = 0;
    const add = (row: SnapshotRow) => {
      rows.push(row);
      bytes += row.key.length + row.value.length;
    };
    if (this.#first !== undefined) add(this.#first);
    this.#first = undefined;
    while (bytes < bytesMax) {
      const row = await this.#nextRow();
      if (row === undefined) break;
      const [key, stored] = row;
      add({ key: key.subarray(PREFIX_BYTES - 1), value: requireIntact(key, stored) });
    }
    return rows.length === 0 ? undefined : rows;
  }

  close(): Promise<void> {
    if (!this.#isClosed) {
      this.#isClosed = true;
      this.#page = undefined;
      this.#reader.end();
      this.#owner.closed(this);
    }
    return Promise.resolve();
  }

  async #nextRow(): Promise<EngineRow | undefined> {
    while (this.#page !== undefined && this.#at >= this.#page.length) {
      const page = await this.#reader.nextPage();
      if (this.#isClosed) break;
      this.#page = page;
      this.#at = 0;
    }
    if (this.#isClosed) throw closed();
    return this.#page?.[this.#at++];
  }
}

function closed(): ClusterError {
  return new ClusterError("canceled", "the snapshot was closed");
}

/** The row's value as the sink reads it: laid out like the stored one, without a checksum. */
function encodeApplied(state: AppliedState): Buffer {
  let value = Buffer.alloc(0);
  const take: EngineBatch = {
    put: (key, stored) => (value = Buffer.from(requireIntact(key, stored))),
    del: () => undefined,
    write: () => undefined,
  };
  writeAppliedState(new RowWriter().begin(APPLIED_ROW_KEY).endKey(), state).put(take);
  return value;
}
