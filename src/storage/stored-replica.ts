import type { ConfState, HardState, ReplicaId } from "../raft/index.js";
import { DamageError } from "./damage.js";
import { GenerationKeys, metaKey } from "./keys.js";
import type { LogBounds } from "./log-bounds.js";
import {
  DAMAGE_ROW,
  META_ROWS,
  readAppliedState,
  readHardState,
  readLogBounds,
} from "./meta-rows.js";
import type { ReplicaState } from "./replica-state.js";
import { RowReader } from "./row-reader.js";
import { getRows } from "./state-view.js";
import type { ReadAccess } from "./state-view.js";

/** What the database holds of a replica. */
export type StoredReplica =
  | { readonly kind: "none" }
  | { readonly kind: "intact"; readonly state: ReplicaState }
  | {
      readonly kind: "damaged";
      readonly reason: string;
      /** What could still be read. */
      readonly hardState: HardState | undefined;
      readonly log: LogBounds | undefined;
      readonly confState: ConfState | undefined;
    };

export async function readStoredReplica(
  access: ReadAccess,
  replica: ReplicaId,
): Promise<StoredReplica> {
  const faults: string[] = [];
  let found = 0;
  const read = async <T>(name: string, parse: (key: Buffer, value: Buffer) => T) => {
    const key = metaKey(replica, name);
    try {
      const [value] = await getRows(access, replica, [key]);
      if (value !== undefined) found++;
      return value && parse(key, value);
    } catch (error) {
      if (!(error instanceof DamageError)) throw error;
      found++;
      faults.push(error.message);
      return undefined;
    }
  };
  const number = await read(META_ROWS.generation, (key, row) => new RowReader(key, row).u32());
  const hardState = await read(META_ROWS.hardState, readHardState);
  const log = await read(META_ROWS.log, readLogBounds);
  const applied = await read(META_ROWS.applied, readAppliedState);
  const noted = await read(DAMAGE_ROW, (_key, row) => row.toString("utf8"));
  if (found === 0) return { kind: "none" };

  if (noted !== undefined) faults.push(noted);
  if (log && applied && !doMeet(log, applied.index)) {
    faults.push("its log does not meet its applied state");
  }
  if (faults.length === 0 && number !== undefined && hardState && log && applied) {
    const keys = new GenerationKeys(replica, number);
    const state = { keys, hardState, log, applied };
    return {
      kind: "intact",
      state: { ...state, garbageTo: log.lastIndex, awaitsSnapshot: false },
    };
  }
  if (faults.length === 0) faults.push("a meta row is missing");
  const confState = applied?.confState;
  return { kind: "damaged", reason: faults.join("; "), hardState, log, confState };
}

function doMeet({ firstIndex, lastIndex }: LogBounds, applied: number): boolean {
  return lastIndex >= applied && firstIndex <= applied + 1;
}
