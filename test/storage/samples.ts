import type { ConfState, Entry } from "../../src/raft/index.js";
import type {
  AppliedState,
  FeedRow,
  ReplicaRound,
  SnapshotRow,
  SnapshotSink,
  SnapshotSource,
  Store,
} from "../../src/runtime/index.js";

export const MEMBERS: ConfState = {
  voters: [1, 2, 3],
  learners: [4],
  votersOutgoing: [],
  learnersNext: [],
  autoLeave: false,
};

export const WHOLE = { start: "", end: "~", limit: 1_000_000 };

export function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

export function text(value: Uint8Array | undefined): string | undefined {
  return value && new TextDecoder().decode(value);
}

/** Entries from `from` on, one for each term given; the data names both. */
export function entries(from: number, ...terms: number[]): Entry[] {
  return terms.map((term, at) => ({
    term,
    index: from + at,
    kind: "normal",
    data: bytes(`entry ${from + at} of term ${term}`),
  }));
}

export function appliedAt(index: number, change: Partial<AppliedState> = {}): AppliedState {
  return {
    index,
    term: 1,
    timeMs: 1_700_000_000_000 + index,
    sequence: index,
    firstSequence: 1,
    confState: MEMBERS,
    stateHash: new Uint8Array(32).fill(index % 256),
    epoch: 0,
    featureLevel: 1 + (index % 3),
    ...change,
  };
}

export function feedRow(sequence: number, ...channels: string[]): FeedRow {
  const change = bytes(`change ${sequence}`);
  return { sequence, index: sequence, timeMs: 1_700_000_000_000 + sequence, channels, change };
}

/** A round that applies `index` with one write and one change. */
export function applyRound(replica: number, index: number, ...channels: string[]): ReplicaRound {
  return {
    replica,
    applied: {
      writes: [{ key: `key/${String(index).padStart(6, "0")}`, value: bytes(`value ${index}`) }],
      feed: [feedRow(index, ...channels)],
      state: appliedAt(index),
    },
  };
}

export async function append(store: Store, replica: number, log: readonly Entry[]): Promise<void> {
  const term = log.at(-1)?.term ?? 0;
  await store.write([{ replica, hardState: { term, vote: 1, commit: 0 }, entries: log }], true);
}

/** The state as "key=value". */
export async function stateOf(store: Store, replica: number): Promise<string[]> {
  const { ranges } = await store.read(replica, [], [WHOLE]);
  return (ranges[0] ?? []).map(({ key, value }) => `${key}=${text(value)}`);
}

export async function logOf(
  store: Store,
  replica: number,
  low: number,
  high: number,
): Promise<string[]> {
  const found = await store.readEntries(replica, low, high, 1_000_000);
  return found.map(({ index, term }) => `${index}/${term}`);
}

/** Takes a source's rows one small page after the other; `between` runs after each. */
export async function copySnapshot(
  source: SnapshotSource,
  sink: SnapshotSink,
  between: () => Promise<void> = () => Promise.resolve(),
): Promise<void> {
  let rows: readonly SnapshotRow[] | undefined;
  while ((rows = await source.next(200)) !== undefined) {
    await sink.write(rows);
    await between();
  }
}

/** What is left of it. */
export async function rowsOf(source: SnapshotSource): Promise<readonly SnapshotRow[]> {
  const all: SnapshotRow[] = [];
  let rows: readonly SnapshotRow[] | undefined;
  while ((rows = await source.next(200)) !== undefined) all.push(...rows);
  return all;
}

export async function failureOf(run: Promise<unknown>): Promise<Error> {
  try {
    await run;
  } catch (error) {
    if (error instanceof Error) return error;
    throw error;
  }
  throw new Error("it did not fail");
}
