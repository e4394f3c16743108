import { ClusterError } from "../base/index.js";
import type { ConfState, HardState, ReplicaId } from "../raft/index.js";
import type { LogId, OpenedReplica } from "../runtime/index.js";
import { CursorReader } from "./cursor-reader.js";
import { commit } from "./engine.js";
import { GenerationKeys, generationOfKey, metaKey, numberedKey, tablePrefix } from "./keys.js";
import { emptyLog, lastLogId, termAt } from "./log-bounds.js";
import { checkLog } from "./log-check.js";
import type { MarkerRow } from "./marker.js";
import type { MarkerWriter } from "./marker-writer.js";
import { META_ROWS, readAppliedState, readHardState, readLogBounds } from "./meta-rows.js";
import { initialApplied } from "./replica-state.js";
import type { ReplicaState } from "./replica-state.js";
import { putMetaRows } from "./round-plan.js";
import { RowReader } from "./row-reader.js";
import type { RowWriter } from "./row-writer.js";
import type { StoreHealth } from "./store-health.js";
import { getRows } from "./state-view.js";
import type { ReadAccess } from "./state-view.js";
import { sweepSlice } from "./sweeper.js";
import type { Garbage, Sweeper } from "./sweeper.js";

const FIRST_GENERATION = 1;

export interface OpenPorts extends ReadAccess {
  readonly marker: MarkerWriter;
  readonly row: RowWriter;
  readonly sweeper: Sweeper;
  readonly health: StoreHealth;
}

export interface LoadedReplica {
  readonly opened: OpenedReplica;
  readonly state: ReplicaState;
  /** Above every generation that has rows. */
  readonly nextGeneration: number;
}

type Lost = LogId & { readonly reason: string };

/**
 * Loads a replica, compares it with the marker, and removes what an earlier process left behind.
 */
export async function loadReplica(
  ports: OpenPorts,
  replica: ReplicaId,
  initial: ConfState,
): Promise<LoadedReplica> {
  const stored = await readMeta(ports, replica);
  const found = stored ?? newReplica(replica, initial);
  const checked = await checkLog(ports, found.keys, found.log, found.applied);
  const { log } = checked;
  const noted = ports.marker.find(replica);
  const lost = findLoss({ ...found, log }, noted, checked.cut, checked.reason);
  const hardState = laterHardState(replica, found.hardState, noted, log.lastIndex);
  const state = { ...found, log, hardState, garbageTo: log.lastIndex };

  ports.marker.track(replica, hardState, lastLogId(log), lost);
  const changed = log !== found.log || hardState !== found.hardState;
  if (stored === undefined || changed) {
    // What was lost must be known for good before the log forgets that it was there.
    await ports.health.writing(ports.marker.write());
    const batch = ports.engine.batch();
    putMetaRows(ports.row, batch, stored, state);
    await ports.health.writing(commit(batch, true));
  }
  const nextGeneration = await findNextGeneration(ports, state.keys);
  await removeTail(ports, state);
  for (const garbage of orphans(state, nextGeneration)) ports.sweeper.add(garbage);
  return { opened: describe(state, lost), state, nextGeneration };
}

function newReplica(replica: ReplicaId, initial: ConfState): ReplicaState {
  return {
    keys: new GenerationKeys(replica, FIRST_GENERATION),
    hardState: { term: 0, vote: 0, commit: 0 },
    log: emptyLog({ index: 0, term: 0 }),
    applied: initialApplied(initial),
    garbageTo: 0,
  };
}

async function readMeta(ports: ReadAccess, replica: ReplicaId): Promise<ReplicaState | undefined> {
  const key = {
    generation: metaKey(replica, META_ROWS.generation),
    hardState: metaKey(replica, META_ROWS.hardState),
    log: metaKey(replica, META_ROWS.log),
    applied: metaKey(replica, META_ROWS.applied),
  };
  const keys = [key.generation, key.hardState, key.log, key.applied];
  const [generation, hardState, log, applied] = await getRows(ports, replica, keys);
  if (!generation && !hardState && !log && !applied) return undefined;
  if (!generation || !hardState || !log || !applied) {
    throw damagedReplica(replica, "a meta row is missing");
  }
  const number = new RowReader(key.generation, generation).u32();
  const bounds = readLogBounds(key.log, log);
  const state = readAppliedState(key.applied, applied);
  if (bounds.lastIndex < state.index || bounds.firstIndex > state.index + 1) {
    throw damagedReplica(replica, "its log does not meet its applied state");
  }
  return {
    keys: new GenerationKeys(replica, number),
    hardState: readHardState(key.hardState, hardState),
    log: bounds,
    applied: state,
    garbageTo: bounds.lastIndex,
  };
}

/** The store must hold what the marker promised: the same entry, not a log of the same length. */
function findLoss(
  { log, applied }: ReplicaState,
  noted: Pick<MarkerRow, "promised"> | undefined,
  cut: LogId | undefined,
  reason = "",
): Lost | undefined {
  const promised = noted?.promised ?? { index: 0, term: 0 };
  const reasons: string[] = [];
  let index = 0;
  let term = 0;
  const miss = (id: LogId, reason: string) => {
    index = Math.max(index, id.index);
    term = Math.max(term, id.term);
    reasons.push(reason);
  };
  if (cut !== undefined) miss(cut, reason);
  if (promised.index > applied.index && termAt(log, promised.index) !== promised.term) {
    const name = `entry ${promised.index} of term ${promised.term}`;
    miss(promised, `${name} was acknowledged and is not in the log`);
  }
  return reasons.length === 0 ? undefined : { index, term, reason: reasons.join("; ") };
}

/** Whichever of database and marker is ahead: a vote that either knows was given. */
function laterHardState(
  replica: ReplicaId,
  stored: HardState,
  noted: Pick<MarkerRow, "term" | "vote"> | undefined,
  lastIndex: number,
): HardState {
  const commit = Math.min(stored.commit, lastIndex);
  let { term, vote } = stored;
  if (noted !== undefined && noted.term >= term) {
    if (noted.term === term && noted.vote !== 0 && vote !== 0 && noted.vote !== vote) {
      throw damagedReplica(replica, `database and marker name two votes in term ${term}`);
    }
    if (noted.term > term || vote === 0) vote = noted.vote;
    term = noted.term;
  }
  if (term === stored.term && vote === stored.vote && commit === stored.commit) return stored;
  return { term, vote, commit };
}

async function findNextGeneration(
  { engine, slots }: ReadAccess,
  { replica, number }: GenerationKeys,
): Promise<number> {
  let highest = number;
  const cursor = engine.cursor({
    gte: tablePrefix(replica, number, 0),
    lt: tablePrefix(replica + 1, 0, 0),
    limit: 1,
    reverse: true,
    values: false,
  });
  await new CursorReader(cursor, slots, replica).drain(([key]) => {
    highest = generationOfKey(key);
    return false;
  });
  return highest + 1;
}

/**
 * Rows of a truncated log: done before a round can append, because a round may write the same keys.
 */
async function removeTail({ engine, slots }: ReadAccess, { keys, log }: ReplicaState) {
  let from: Buffer | undefined = numberedKey(keys.log, log.lastIndex + 1);
  while (from !== undefined) from = await sweepSlice(engine, slots, { from, to: keys.state });
}

/** What compaction, trimming and snapshots of an earlier process did not get to delete. */
function orphans({ keys, log, applied }: ReplicaState, nextGeneration: number): Garbage[] {
  const { replica, number } = keys;
  return [
    { from: keys.log, to: numberedKey(keys.log, log.firstIndex) },
    { from: keys.feed, to: numberedKey(keys.feed, applied.firstSequence), feedOf: keys },
    { from: tablePrefix(replica, FIRST_GENERATION, 0), to: tablePrefix(replica, number, 0) },
    { from: keys.end, to: tablePrefix(replica, nextGeneration, 0) },
  ];
}

function describe(
  { hardState, applied, log }: ReplicaState,
  lost: Lost | undefined,
): OpenedReplica {
  const { firstIndex, lastIndex, precedingTerm, termRuns } = log;
  const opened = { hardState, applied, firstIndex, lastIndex, precedingTerm, termRuns };
  if (lost === undefined) return opened;
  const term = Math.max(lost.term, hardState.term);
  return { ...opened, lost: { index: lost.index, term, reason: lost.reason } };
}

function damagedReplica(replica: ReplicaId, what: string): ClusterError {
  return new ClusterError(
    "corrupt-storage",
    `replica ${replica} is damaged: ${what}; remove this replica from its group and let the ` +
      "cluster make a new one",
  );
}
