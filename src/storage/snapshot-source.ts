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
  #first: SnapshotRow | undefined;
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
    const cursor = engine.cursor({ gte: tables[0] ?? keys.state, lt: keys.end });
    this.#reader = new CursorReader(cursor, slots, keys.replica);
    this.state = state;
    this.#owner = owner;
    this.#first = { key: APPLIED_ROW_KEY, value: encodeApplied(state) };
  }

  async next(bytesMax: number): Promise<readonly SnapshotRow[] | undefined> {
    try {
      return await this.#next(bytesMax);
    } catch (error) {
      throw await this.#owner.failed(error);
    }
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
    if (this.#isClosed) throw new ClusterError("canceled", "the snapshot was closed");
    return this.#page?.[this.#at++];
  }
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
