import type { ConfState, HardState, ReplicaId } from "../raft/index.js";
import type { LogId, OpenedReplica } from "../runtime/index.js";
import { forgetArriving, readArriving } from "./arriving.js";
import type { Arriving } from "./arriving.js";
import { CursorReader } from "./cursor-reader.js";
import { commit } from "./engine.js";
import { damagedReplica } from "./damage.js";
import {
  FIRST_GENERATION,
  GenerationKeys,
  generationOfKey,
  numberedKey,
  tablePrefix,
} from "./keys.js";
import { emptyLog, lastLogId, termAt } from "./log-bounds.js";
import { checkLog } from "./log-check.js";
import type { MarkerRow } from "./marker.js";
import { hasPassed, laterOf } from "./marker-writer.js";
import type { LostLog, MarkerWriter } from "./marker-writer.js";
import { initialApplied } from "./replica-state.js";
import type { ReplicaState } from "./replica-state.js";
import { putMetaRows } from "./round-plan.js";
import type { RowWriter } from "./row-writer.js";
import type { StoreHealth } from "./store-health.js";
import type { ReadAccess } from "./state-view.js";
import { readStoredReplica } from "./stored-replica.js";
import type { StoredReplica } from "./stored-replica.js";
import { sweepSlice } from "./sweeper.js";
import type { Garbage, Sweeper } from "./sweeper.js";

const NOTHING: LogId = { index: 0, term: 0 };

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
  readonly arriving: Arriving | undefined;
}

interface Lost extends LostLog {
  readonly reason: string;
  readonly needsSnapshot: boolean;
}

/**
 * Loads a replica, compares it with the marker, and removes what an earlier process left behind.
 */
export async function loadReplica(
  ports: OpenPorts,
  replica: ReplicaId,
  initial: ConfState,
): Promise<LoadedReplica> {
  const stored = await readStoredReplica(ports, replica);
  if (stored.kind === "damaged") return loadDamaged(ports, replica, initial, stored);
  const found = stored.kind === "intact" ? stored.state : newReplica(replica, initial);
  const checked = await checkLog(ports, found.keys, found.log, found.applied);
  const { log } = checked;
  const noted = ports.marker.find(replica);
  const lost = findLoss({ ...found, log }, noted, checked.cut, checked.reason);
  const hardState = laterHardState(replica, found.hardState, noted, log.lastIndex);
  const state = { ...found, log, hardState, garbageTo: log.lastIndex };

  ports.marker.track(replica, hardState, lastLogId(log), lost);
  // What was lost must be known for good before the log forgets that it was there. What the database holds beyond the
  // marker, after a crash between the two, may be acknowledged from now on without another write.
  await ports.health.writing(ports.marker.write());
  if (stored.kind === "none" || log !== found.log || hardState !== found.hardState) {
    const batch = ports.engine.batch();
    putMetaRows(ports.row, batch, stored.kind === "intact" ? stored.state : undefined, state);
    await ports.health.writing(commit(batch, true));
  }
  const nextGeneration = await findNextGeneration(ports, replica, state.keys.number);
  await removeTail(ports, state);
  const arriving = await findArriving(ports, state);
  for (const garbage of orphans(state, nextGeneration, arriving)) ports.sweeper.add(garbage);
  return { opened: describe(state, lost), state, nextGeneration, arriving };
}

/** What may still be of use of a snapshot that was on its way when the process ended. */
async function findArriving(
  ports: OpenPorts,
  { keys, applied }: ReplicaState,
): Promise<Arriving | undefined> {
  const arriving = await readArriving(ports, keys.replica);
  if (arriving === undefined) return undefined;
  if (arriving.keys.number > keys.number && arriving.applied.index > applied.index) return arriving;
  const batch = ports.engine.batch();
  forgetArriving(ports.row, batch, keys.replica);
  await ports.health.writing(commit(batch, false));
  return undefined;
}

function newReplica(replica: ReplicaId, initial: ConfState): ReplicaState {
  return {
    keys: new GenerationKeys(replica, FIRST_GENERATION),
    hardState: { term: 0, vote: 0, commit: 0 },
    log: emptyLog(NOTHING),
    applied: initialApplied(initial),
    garbageTo: 0,
    awaitsSnapshot: false,
  };
}

/**
 * An empty replica in a generation of its own, that knows its term, its vote and what it had promised from the marker.
 * Nothing is written or removed: as long as no snapshot came, what is on the disk may be all that there is.
 */
async function loadDamaged(
  ports: OpenPorts,
  replica: ReplicaId,
  initial: ConfState,
  stored: Extract<StoredReplica, { kind: "damaged" }>,
): Promise<LoadedReplica> {
  const noted = ports.marker.find(replica);
  if (noted === undefined) throw damagedReplica(replica, stored.reason);
  const nextGeneration = await findNextGeneration(ports, replica, FIRST_GENERATION);
  const end = stored.log === undefined ? NOTHING : lastLogId(stored.log);
  const lost = {
    promised: laterOf(noted.promised, end),
    attempted: laterOf(noted.attempted, laterOf(noted.promised, end)),
    reason: stored.reason,
    needsSnapshot: true,
  };
  const before = stored.hardState ?? { term: 0, vote: 0, commit: 0 };
  const state = {
    ...newReplica(replica, stored.confState ?? initial),
    keys: new GenerationKeys(replica, nextGeneration),
    hardState: laterHardState(replica, before, noted, 0),
    awaitsSnapshot: true,
  };
  ports.marker.track(replica, state.hardState, NOTHING, lost);
  // What was arriving stands among the generations that a repair deletes.
  return {
    ...{ opened: describe(state, lost), state, nextGeneration: nextGeneration + 1 },
    arriving: undefined,
  };
}

/** The store must hold what the marker promised: the same entry, not a log of the same length. */
function findLoss(
  { log, applied }: ReplicaState,
  noted: Pick<MarkerRow, "promised" | "attempted"> | undefined,
  cut: LogId | undefined,
  reason = "",
): Lost | undefined {
  const { promised, attempted } = noted ?? { promised: NOTHING, attempted: NOTHING };
  const reasons: string[] = [];
  let must = NOTHING;
  if (cut !== undefined) {
    must = cut;
    reasons.push(reason);
  }
  const holds = ({ index, term }: LogId): boolean =>
    index <= applied.index || termAt(log, index) === term;
  // The round that brought a lost log past its promise is durable before the marker says so.
  if (!holds(promised) && !(hasPassed(attempted, promised) && holds(attempted))) {
    must = laterOf(must, promised);
    const name = `entry ${promised.index} of term ${promised.term}`;
    reasons.push(`${name} was acknowledged and is not in the log`);
  }
  if (reasons.length === 0) return undefined;
  const lost = { promised: must, attempted: laterOf(must, attempted) };
  return { ...lost, reason: reasons.join("; "), needsSnapshot: false };
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
  replica: ReplicaId,
  atLeast: number,
): Promise<number> {
  let highest = atLeast;
  const cursor = engine.cursor({
    gte: tablePrefix(replica, atLeast, 0),
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
function orphans(
  { keys, log, applied }: ReplicaState,
  nextGeneration: number,
  arriving: Arriving | undefined,
): Garbage[] {
  const { replica, number } = keys;
  return [
    { from: keys.log, to: numberedKey(keys.log, log.firstIndex) },
    { from: keys.feed, to: numberedKey(keys.feed, applied.firstSequence), feedOf: keys },
    { from: tablePrefix(replica, FIRST_GENERATION, 0), to: tablePrefix(replica, number, 0) },
    { from: keys.end, to: arriving?.keys.log ?? tablePrefix(replica, nextGeneration, 0) },
    ...(arriving === undefined
      ? []
      : [{ from: arriving.keys.end, to: tablePrefix(replica, nextGeneration, 0) }]),
  ];
}

function describe(
  { hardState, applied, log }: ReplicaState,
  lost: Lost | undefined,
): OpenedReplica {
  const { firstIndex, lastIndex, precedingTerm, termRuns } = log;
  const opened = { hardState, applied, firstIndex, lastIndex, precedingTerm, termRuns };
  if (lost === undefined) return opened;
  const { promised, attempted, reason, needsSnapshot } = lost;
  const term = Math.max(promised.term, hardState.term);
  return {
    ...opened,
    lost: { index: promised.index, term, promised: attempted, reason, needsSnapshot },
  };
}
