import { expect } from "chai";
import { RaftGroup } from "../../src/raft/index.js";
import type { LogView } from "../../src/raft/index.js";
import type { OpenedReplica, Store } from "../../src/runtime/index.js";
import { MemoryDisk, openMemoryStore } from "../../src/storage/index.js";
import { appliedAt, bytes, copySnapshot, entries, MEMBERS, stateOf } from "./samples.js";

const REPLICA = 3;
const RECEIVER = 4;
/** More than the history below has operations of the disk. */
const STEPS_MAX = 500;

/** A disk that does one operation each time it is told to. */
class SteppedDisk {
  #waiting: (() => void)[] = [];
  readonly disk = new MemoryDisk({ schedule: (run) => this.#waiting.push(run) });

  /** Lets `run` go on for so many operations; true if it ended. */
  async drive(run: Promise<unknown>, steps: number): Promise<boolean> {
    const call = { ended: false };
    const mark = (): boolean => (call.ended = true);
    run.then(mark, mark);
    for (let step = 0; step <= steps;) {
      await new Promise((resolve) => setImmediate(resolve));
      if (call.ended) return true;
      const next = this.#waiting.shift();
      if (next === undefined) continue;
      if (step === steps) return false;
      next();
      step += 1;
    }
    return false;
  }

  /** Of what was begun and not synced, all is there afterwards or nothing. */
  cutPower(keeps: boolean): void {
    this.#waiting = [];
    this.disk.crash(() => (keeps ? 0.999 : 0));
  }
}

/** Appends, votes, commits, applies, and gives the other replica a snapshot, one round after the other. */
async function live(disk: MemoryDisk): Promise<void> {
  const store = await openMemoryStore({ disk, after: () => () => undefined });
  for (const replica of [REPLICA, RECEIVER]) await store.openReplica(replica, MEMBERS);
  const replica = REPLICA;
  const first = { term: 1, vote: 1, commit: 0 };
  await store.write([{ replica, hardState: first, entries: entries(1, 1, 1, 1) }], true);
  for (let index = 1; index <= 3; index++) {
    const state = appliedAt(index, { sequence: 0 });
    const writes = [{ key: "applied", value: bytes(String(index)) }];
    const hardState = { ...first, commit: index };
    await store.write([{ replica, hardState, applied: { writes, feed: [], state } }], index === 2);
  }
  const second = { term: 2, vote: 2, commit: 3 };
  await store.write([{ replica, hardState: second, entries: entries(4, 2, 2) }], true);
  const source = await store.openSnapshot(REPLICA);
  const sink = await store.createSnapshotSink(RECEIVER);
  await copySnapshot(source, sink);
  const hardState = { term: 2, vote: 0, commit: 3 };
  await store.write([{ replica: RECEIVER, hardState, install: sink }], true);
}

/** The state after a power cut at each operation of the disk in turn, until none is left. */
async function afterEachCut(
  check: (store: Store, opened: ReadonlyMap<number, OpenedReplica>, cut: string) => Promise<void>,
): Promise<void> {
  for (let half = 0; half < 2 * STEPS_MAX; half++) {
    const steps = half >> 1;
    const stepped = new SteppedDisk();
    const ended = await stepped.drive(live(stepped.disk), steps);
    stepped.cutPower(half % 2 === 1);
    const again = (async () => {
      const store = await openMemoryStore({ disk: stepped.disk, after: () => () => undefined });
      const opened = new Map<number, OpenedReplica>();
      for (const replica of [REPLICA, RECEIVER]) {
        opened.set(replica, await store.openReplica(replica, MEMBERS));
      }
      await check(store, opened, `cut after ${steps} operations`);
    })();
    await stepped.drive(again, Infinity);
    await again;
    if (ended) {
      expect(steps, "the history has operations").to.be.above(10);
      return;
    }
  }
  throw new Error("the history never ends");
}

function viewOf({ firstIndex, lastIndex, precedingTerm, termRuns }: OpenedReplica): LogView {
  return {
    firstIndex: () => firstIndex,
    lastIndex: () => lastIndex,
    term: (index) =>
      index === firstIndex - 1
        ? precedingTerm
        : termRuns.findLast((run) => run.from <= index && index <= lastIndex)?.term,
    entries: () => "fetching",
    snapshot: () => undefined,
  };
}

describe("known bugs of what a crash leaves on the disk", () => {
  // https://github.com/etcd-io/etcd/issues/13766 https://github.com/etcd-io/etcd/pull/13854
  it("etcd#13766: the applied index is never ahead of the state nor behind it, wherever the power fails", async () => {
    const seen = new Set<number>();
    await afterEachCut(async (store, opened, cut) => {
      for (const [replica, { applied }] of opened) {
        const expected = applied.index === 0 ? [] : [`applied=${applied.index}`];
        expect(await stateOf(store, replica), `${cut}, replica ${replica}`).to.deep.equal(expected);
        seen.add(applied.index);
      }
    });
    expect([...seen].sort((a, b) => a - b)).to.deep.equal([0, 1, 2, 3]);
  }).timeout(30_000);

  // https://github.com/etcd-io/etcd/issues/8455
  // https://github.com/etcd-io/etcd/issues/10219
  // https://github.com/etcd-io/etcd/issues/11888
  it("etcd#10219, etcd#8455: a replica starts again wherever the power failed: no commit index is beyond its log", async () => {
    let installed = 0;
    await afterEachCut((_, opened, cut) => {
      for (const [id, replica] of opened) {
        const { hardState, applied, lastIndex, lost } = replica;
        expect(lost, cut).to.equal(undefined);
        expect(hardState.commit, cut).to.be.at.most(Math.max(lastIndex, applied.index));
        const config = { id, hardState, confState: applied.confState, applied: applied.index };
        const group = new RaftGroup({ ...config, randomTicks: (min) => min }, viewOf(replica));
        expect(group.status().commit).to.be.at.least(applied.index);
        if (id === RECEIVER && applied.index > 0) installed += 1;
      }
      return Promise.resolve();
    });
    expect(installed).to.be.above(0);
  }).timeout(30_000);
});
