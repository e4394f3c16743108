import { ClusterError } from "../base/index.js";
import type { ConfState, ReplicaId } from "../raft/index.js";
import { MEMBER_ROWS } from "./members.js";
import type { AppliedState, SnapshotRow, Store } from "./ports.js";

export interface ReplicaCopy {
  readonly replica: ReplicaId;
  /** Of the new group. */
  readonly members: ConfState;
  readonly rows: AsyncIterable<readonly SnapshotRow[]>;
}

export interface RestoredReplica {
  /** As it was copied. */
  readonly state: AppliedState;
  /** What the disk holds now, in order. */
  readonly rows: AsyncIterable<readonly SnapshotRow[]>;
  /** Makes it a member of the new group, whose log begins here; who was in the old one is forgotten. */
  admit(): Promise<void>;
}

const READ_BYTES = 256 * 1024;

/** Fills a store that has never heard of a replica with a copy. Nothing votes before it is admitted. */
export async function restoreReplica(
  store: Store,
  { replica, members, rows }: ReplicaCopy,
): Promise<RestoredReplica> {
  const opened = await store.openReplica(replica, members);
  if (opened.lastIndex > 0 || opened.applied.index > 0 || opened.hardState.term > 0) {
    throw new ClusterError(
      "failed-precondition",
      `replica ${replica} holds something already: restore into an empty directory`,
    );
  }
  const sink = await store.createSnapshotSink(replica);
  try {
    for await (const some of rows) await sink.write(some);
  } catch (cause) {
    await sink.discard();
    throw cause;
  }
  const { state } = sink;
  if (state === undefined) {
    throw new ClusterError("invalid-argument", `the copy of replica ${replica} is empty`);
  }
  const hardState = { term: state.term, vote: 0, commit: state.index };
  await store.write([{ replica, hardState, install: sink }], true);
  return {
    state,
    rows: readBack(store, replica),
    admit: async () => {
      const { ranges } = await store.read(replica, [], [MEMBER_ROWS]);
      const writes = ranges.flat().map(({ key }) => ({ key, value: undefined }));
      const applied = { writes, feed: [], state: { ...state, confState: members } };
      await store.write([{ replica, applied }], true);
    },
  };
}

async function* readBack(store: Store, replica: ReplicaId): AsyncGenerator<readonly SnapshotRow[]> {
  const source = await store.openSnapshot(replica);
  try {
    for (;;) {
      const rows = await source.next(READ_BYTES);
      if (rows === undefined) return;
      yield rows;
    }
  } finally {
    await source.close();
  }
}
