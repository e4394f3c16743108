import { expect } from "chai";
import type { Store } from "../../src/runtime/index.js";
import { MemoryDisk, openMemoryStore } from "../../src/storage/index.js";
import { GenerationKeys, generationOfKey, numberOfKey, TABLES } from "../../src/storage/keys.js";
import { append, appliedAt, applyRound, copySnapshot, entries, MEMBERS } from "./samples.js";
import { allRows } from "./stored-rows.js";

const R = 7;
const OTHER = 8;
const keys = new GenerationKeys(R, 1);
const tableOf = (key: Buffer) => key.readUInt8(9);
const many = (count: number, term = 1) => Array.from({ length: count }, () => term);

describe("a store that made rows useless", () => {
  let disk: MemoryDisk;
  let store: Store;

  beforeEach(async () => {
    disk = new MemoryDisk();
    store = await openMemoryStore({ disk });
    await store.openReplica(R, MEMBERS);
    await append(store, R, entries(1, ...many(2_500)));
  });

  afterEach(() => store.close());

  /** Row keys as they are now. */
  const rowsNow = async (wanted: (key: Buffer) => boolean) => {
    await store.close();
    const engine = disk.openEngine();
    const found = (await allRows(engine)).map(([key]) => key).filter(wanted);
    await engine.close();
    store = await openMemoryStore({ disk });
    await store.openReplica(R, MEMBERS);
    return found;
  };

  /** Row keys once the background is done with what is known now. */
  const rowsLeft = async (wanted: (key: Buffer) => boolean) => {
    let before = -1;
    for (;;) {
      const found = await rowsNow(wanted);
      if (found.length === before) return found;
      before = found.length;
      await new Promise((resolve) => setTimeout(resolve, 30));
    }
  };
  const inTable = (table: number) => (key: Buffer) =>
    key.subarray(0, 9).equals(keys.log.subarray(0, 9)) && tableOf(key) === table;

  it("deletes compacted entries, all of them and no other", async () => {
    await store.write([{ replica: R, applied: applyRound(R, 2_400).applied ?? never() }], true);
    await store.write([{ replica: R, compactTo: { index: 2_400, term: 1 } }], true);
    const left = await rowsLeft(inTable(TABLES.log));
    expect(left.map(numberOfKey)).to.deep.equal([...many(100).keys()].map((at) => 2_401 + at));
  });

  it("deletes a truncated tail, whatever is appended meanwhile", async () => {
    await append(store, R, entries(10, 2));
    for (let index = 11; index < 40; index++) await append(store, R, entries(index, 2));
    const left = await rowsNow(inTable(TABLES.log));
    expect(left.map(numberOfKey)).to.deep.equal([...many(39).keys()].map((at) => 1 + at));
  });

  it("deletes at open what is left of a truncated tail", async () => {
    await append(store, R, entries(10, 2));
    expect(await rowsNow(inTable(TABLES.log))).to.have.length.above(1_000);
    expect(await rowsNow(inTable(TABLES.log))).to.have.length(10);
  });

  it("deletes trimmed changes with their index rows", async () => {
    for (let index = 1; index <= 30; index++) {
      await store.write([applyRound(R, index, "a", `b${index % 3}`)], false);
    }
    const state = appliedAt(30, { firstSequence: 21 });
    await store.write([{ replica: R, applied: { writes: [], feed: [], state } }], true);
    expect(await rowsLeft(inTable(TABLES.feed))).to.have.length(10);
    expect(await rowsLeft(inTable(TABLES.feedIndex))).to.have.length(20);
  });

  it("deletes what a snapshot replaced, and snapshots that came to nothing", async () => {
    await store.openReplica(OTHER, MEMBERS);
    await append(store, OTHER, entries(1, ...many(50)));
    for (let index = 1; index <= 50; index++) {
      await store.write([applyRound(OTHER, index, "a")], false);
    }
    for (const fate of ["discarded", "forgotten", "installed"]) {
      const source = await store.openSnapshot(OTHER);
      const sink = await store.createSnapshotSink(R);
      await copySnapshot(source, sink);
      if (fate === "discarded") await sink.discard();
      if (fate === "installed") await store.write([{ replica: R, install: sink }], true);
    }
    const left = await rowsLeft((key) => key.readUInt32BE(1) === R && tableOf(key) > 0);
    expect(left).to.have.length(150);
    expect(new Set(left.map(generationOfKey)).size).to.equal(1);
    expect((await store.scanState(R)).index).to.equal(50);
  });
});

function never(): never {
  throw new Error("it has no applied part");
}
