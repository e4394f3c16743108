import type { ReplicaId } from "../raft/index.js";
import type { AppliedState } from "../runtime/index.js";
import { DamageError } from "./damage.js";
import type { EngineBatch } from "./engine.js";
import { GenerationKeys, metaKey } from "./keys.js";
import { readAppliedState, writeAppliedState } from "./meta-rows.js";
import { RowReader } from "./row-reader.js";
import type { RowWriter } from "./row-writer.js";
import { getRows } from "./state-view.js";
import type { ReadAccess } from "./state-view.js";

/** Beside a replica's meta rows while a snapshot is on its way: written with each slice of its rows, so that they agree. */
const ARRIVING_ROW = "arriving";

/** The first rows of a snapshot, in a generation that nothing reads. */
export interface Arriving {
  readonly snapshotId: string;
  readonly keys: GenerationKeys;
  readonly rows: number;
  readonly lastKey: Uint8Array;
  /** What the snapshot brings. */
  readonly applied: AppliedState;
}

export function putArriving(row: RowWriter, batch: EngineBatch, arriving: Arriving): void {
  const { snapshotId, keys, rows, lastKey, applied } = arriving;
  row.begin(metaKey(keys.replica, ARRIVING_ROW)).endKey();
  row.u32(keys.number).u64(rows).shortText(snapshotId).u32(lastKey.length).bytes(lastKey);
  writeAppliedState(row, applied).put(batch);
}

/** Before its rows are deleted, or in the batch that installs them: what it says must never be there without them. */
export function forgetArriving(row: RowWriter, batch: EngineBatch, replica: ReplicaId): void {
  row.begin(metaKey(replica, ARRIVING_ROW)).del(batch);
}

/** Undefined where nothing is on its way, or nobody can tell what. */
export async function readArriving(
  access: ReadAccess,
  replica: ReplicaId,
): Promise<Arriving | undefined> {
  const key = metaKey(replica, ARRIVING_ROW);
  try {
    const [value] = await getRows(access, replica, [key]);
    return value && parse(replica, key, value);
  } catch (error) {
    if (!(error instanceof DamageError)) throw error;
    return undefined;
  }
}

function parse(replica: ReplicaId, key: Buffer, value: Buffer): Arriving {
  const row = new RowReader(key, value);
  const keys = new GenerationKeys(replica, row.u32());
  const rows = row.u64();
  const snapshotId = row.shortText();
  const lastKey = row.bytes(row.u32());
  return { snapshotId, keys, rows, lastKey, applied: readAppliedState(key, row.rest()) };
}
