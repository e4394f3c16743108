import { expect } from "chai";
import type { Entry } from "../../src/raft/index.js";
import type { OpenedReplica, ReplicaRound, Store } from "../../src/runtime/index.js";
import { MemoryDisk, openMemoryStore } from "../../src/storage/index.js";
import { appliedAt, copySnapshot, entries, MEMBERS, stateOf, text } from "./samples.js";

const SEEDS = 150;
const LIVES = 4;
const ROUNDS_MAX = 12;
const REPLICAS = [3, 4];

/** What has been acknowledged of a replica: the store may not know less. */
interface Model {
  term: number;
  vote: number;
  log: Entry[];
  firstIndex: number;
  applied: number;
}

/** Everything below is a function of the seed. */
class Chance {
  #state: number;

  constructor(seed: number) {
    this.#state = seed * 2654435761 + 1;
  }

  readonly next = (): number => {
    this.#state = (Math.imul(this.#state ^ (this.#state >>> 15), 0x2c1b3c6d) + 0x9e3779b9) | 0;
    const mixed = Math.imul(this.#state ^ (this.#state >>> 13), 0x297a2d39);
    return ((mixed ^ (mixed >>> 16)) >>> 0) / 2 ** 32;
  };

  below(bound: number): number {
    return Math.floor(this.next() * bound);
  }
}

/** Ends the disk's operations in any order, so that marker and batch race. */
class Shuffler {
  readonly #chance: Chance;
  #waiting: (() => void)[] = [];

  constructor(chance: Chance) {
    this.#chance = chance;
  }

  readonly schedule = (run: () => void): void => {
    this.#waiting.push(run);
  };

  /** False if nothing was left to end. */
  step(): boolean {
    const [run] = this.#waiting.splice(this.#chance.below(this.#waiting.length), 1);
    run?.();
    return run !== undefined;
  }

  forget(): void {
    this.#waiting = [];
  }
}

/** Lets the disk work until `run` ends, or for `steps` operations of the disk. */
async function drive<T>(
  shuffler: Shuffler,
  run: Promise<T>,
  steps = Infinity,
): Promise<T | undefined> {
  const call = { ended: false };
  const mark = () => (call.ended = true);
  run.then(mark, mark);
  for (let step = 0; step < steps; step++) {
    await new Promise((resolve) => setImmediate(resolve));
    if (call.ended) return run;
    shuffler.step();
  }
  return undefined;
}

function nextRound(chance: Chance, replica: number, model: Model): ReplicaRound {
  const { log, firstIndex, applied } = model;
  const term = model.term + (chance.next() < 0.3 ? 1 : 0);
  const vote = term > model.term ? 1 + chance.below(3) : model.vote;
  const lastIndex = firstIndex + log.length - 1;
  const round = { replica, hardState: { term, vote, commit: applied } };
  const kind = chance.next();
  if (kind < 0.7) {
    const shorten = chance.next() < 0.3 && lastIndex > applied;
    const from = shorten ? applied + 1 + chance.below(lastIndex - applied) : lastIndex + 1;
    const terms = Array.from({ length: 1 + chance.below(3) }, () => Math.max(term, 1));
    return { ...round, entries: entries(from, ...terms) };
  }
  if (kind < 0.9 && applied < lastIndex) {
    const index = applied + 1 + chance.below(lastIndex - applied);
    const entryTerm = log[index - firstIndex]?.term ?? 0;
    const state = appliedAt(index, { term: entryTerm, sequence: 0 });
    const value = new TextEncoder().encode(`${index}`);
    const compactTo = chance.next() < 0.5 ? { compactTo: { index, term: entryTerm } } : {};
    const writes = [{ key: "last", value }];
    return { ...round, applied: { writes, feed: [], state }, ...compactTo };
  }
  return round;
}

function follow(model: Model, round: ReplicaRound): void {
  const { hardState, entries: added, applied, compactTo } = round;
  if (hardState !== undefined) ({ term: model.term, vote: model.vote } = hardState);
  const first = added?.[0];
  if (first !== undefined) {
    model.log = [...model.log.slice(0, first.index - model.firstIndex), ...(added ?? [])];
  }
  if (applied !== undefined) model.applied = applied.state.index;
  if (compactTo !== undefined) {
    model.log = model.log.slice(compactTo.index + 1 - model.firstIndex);
    model.firstIndex = compactTo.index + 1;
  }
}

const emptyModel = (): Model => ({ term: 0, vote: 0, log: [], firstIndex: 1, applied: 0 });

/** True where the store holds exactly this. */
async function matches(opened: OpenedReplica, store: Store, replica: number, model: Model) {
  const { hardState, firstIndex, lastIndex, applied } = opened;
  const end = model.firstIndex + model.log.length;
  if (hardState.term !== model.term || hardState.vote !== model.vote) return false;
  if (firstIndex !== model.firstIndex || lastIndex !== end - 1) return false;
  if (applied.index !== model.applied) return false;
  const expected = model.applied === 0 ? [] : [`last=${model.applied}`];
  expect(await stateOf(store, replica)).to.deep.equal(expected);
  const found = await store.readEntries(replica, firstIndex, end, 1_000_000);
  return textOf(found) === textOf(model.log);
}

const textOf = (log: readonly Entry[]) => log.map((entry) => text(entry.data)).join();

describe("a store whose power is cut at any moment", () => {
  it("holds every acknowledged round, and of the interrupted one all or nothing", async () => {
    let interrupted = 0;
    for (let seed = 1; seed <= SEEDS; seed++) {
      const chance = new Chance(seed);
      const shuffler = new Shuffler(chance);
      const disk = new MemoryDisk({ schedule: shuffler.schedule });
      const models = new Map(REPLICAS.map((replica) => [replica, emptyModel()]));
      let attempted: readonly ReplicaRound[] = [];

      for (let life = 0; life < LIVES; life++) {
        const store = await drive(
          shuffler,
          openMemoryStore({ disk, after: () => () => undefined }),
        );
        if (store === undefined) throw new Error("it did not open");
        expect(store.boot, `seed ${seed}`).to.equal(life + 1);
        let allOrNothing: boolean | undefined;
        for (const replica of REPLICAS) {
          const opened = await drive(shuffler, store.openReplica(replica, MEMBERS));
          const model = models.get(replica);
          if (opened === undefined || model === undefined) throw new Error("it did not open");
          expect(opened.lost, `seed ${seed}: ${opened.lost?.reason}`).to.equal(undefined);
          const after = structuredClone(model);
          const round = attempted.find((tried) => tried.replica === replica);
          if (round !== undefined) follow(after, round);
          const changesLog = textOf(after.log) !== textOf(model.log);
          // The marker alone may know the vote of the interrupted round.
          const voted = { ...model, term: after.term, vote: after.vote };
          const is = (wanted: Model) => drive(shuffler, matches(opened, store, replica, wanted));
          if (await is(after)) {
            if (changesLog) expect(allOrNothing, `seed ${seed}`).not.to.equal(false);
            if (changesLog) allOrNothing = true;
            models.set(replica, after);
          } else {
            const known = (await is(model)) === true || (await is(voted)) === true;
            expect(known, `seed ${seed}, life ${life}, replica ${replica}`).to.equal(true);
            if (changesLog) expect(allOrNothing, `seed ${seed}`).not.to.equal(true);
            if (changesLog) allOrNothing = false;
            models.set(replica, opened.hardState.term === after.term ? voted : model);
          }
        }
        attempted = [];
        for (let count = chance.below(ROUNDS_MAX); count >= 0; count--) {
          const rounds = REPLICAS.flatMap((replica) => {
            const model = models.get(replica);
            return model && chance.next() < 0.8 ? [nextRound(chance, replica, model)] : [];
          });
          const steps = count === 0 ? chance.below(4) : Infinity;
          const write = store.write(rounds, true).then(() => true);
          if ((await drive(shuffler, write, steps)) === undefined) {
            attempted = rounds;
            interrupted++;
            break;
          }
          for (const round of rounds) {
            const model = models.get(round.replica);
            if (model !== undefined) follow(model, round);
          }
        }
        shuffler.forget();
        disk.crash(chance.next);
      }
    }
    expect(interrupted).to.be.greaterThan(SEEDS);
  }).timeout(60_000);

  it("forgets unsynced rounds from the newest back, never one between", async () => {
    for (let seed = 1; seed <= 50; seed++) {
      const chance = new Chance(seed);
      const disk = new MemoryDisk();
      const store = await openMemoryStore({ disk });
      await store.openReplica(3, MEMBERS);
      const log = entries(1, ...Array.from({ length: 10 }, () => 1));
      await store.write([{ replica: 3, entries: log }], true);
      for (let index = 1; index <= 10; index++) {
        const value = new TextEncoder().encode(`${index}`);
        const writes = [{ key: `key/${index}`, value }];
        const state = appliedAt(index, { sequence: 0 });
        await store.write([{ replica: 3, applied: { writes, feed: [], state } }], index === 4);
      }
      disk.crash(chance.next);
      const again = await openMemoryStore({ disk });
      const { applied } = await again.openReplica(3, MEMBERS);
      const rows = [...Array(10).keys()].map((at) => `key/${at + 1}`);
      const { values } = await again.read(3, rows, []);
      const present = rows.filter((key) => values.get(key) !== undefined).length;
      expect(present).to.equal(applied.index).and.to.be.at.least(4);
    }
  });

  it("shows the old replica or the new one when a snapshot is cut off, and goes on with it", async () => {
    let resumed = 0;
    for (let seed = 1; seed <= 60; seed++) {
      const chance = new Chance(seed);
      const shuffler = new Shuffler(chance);
      const disk = new MemoryDisk({ schedule: shuffler.schedule });
      const run = async <T>(call: Promise<T>): Promise<T> => {
        const value = await drive(shuffler, call);
        if (value === undefined) throw new Error("it did not end");
        return value;
      };
      const store = await run(openMemoryStore({ disk }));
      await run(store.openReplica(3, MEMBERS));
      await run(store.openReplica(4, MEMBERS));
      const put = (replica: number, count: number): ReplicaRound => {
        const writes = Array.from({ length: count }, (_, at) => {
          return { key: `key/${at}`, value: new TextEncoder().encode(`${replica}`) };
        });
        const state = appliedAt(count, { sequence: 0 });
        const log = entries(1, ...Array.from({ length: count }, () => 1));
        return { replica, entries: log, applied: { writes, feed: [], state } };
      };
      await drive(shuffler, store.write([put(3, 30), put(4, 2)], true));
      const transfer = (async () => {
        const source = await store.openSnapshot(3);
        const sink = await store.createSnapshotSink(4, "at-30");
        await copySnapshot(source, sink);
        await store.write([{ replica: 4, install: sink }], true);
        return true;
      })();
      const installed = (await drive(shuffler, transfer, chance.below(40))) ?? false;
      shuffler.forget();
      disk.crash(chance.next);

      const again = await run(openMemoryStore({ disk }));
      const opened = await run(again.openReplica(4, MEMBERS));
      expect(opened).not.to.have.property("lost");
      const state = await run(stateOf(again, 4));
      if (installed) expect(state).to.have.length(30);
      expect(state.length, `seed ${seed}`).to.equal(opened.applied.index);
      expect(opened.lastIndex).to.equal(opened.applied.index);

      await run(again.openReplica(3, MEMBERS));
      const sink = await run(again.createSnapshotSink(4, "at-30"));
      if (sink.rows > 0) resumed++;
      const rest = async () => {
        const source = await again.openSnapshot(3);
        await source.seek(sink.lastKey);
        await copySnapshot(source, sink);
        await again.write([{ replica: 4, install: sink }], true);
        return stateOf(again, 4);
      };
      expect(await run(rest()), `seed ${seed}`).to.deep.equal(await run(stateOf(again, 3)));
    }
    expect(resumed).to.be.greaterThan(0);
  }).timeout(30_000);
});
