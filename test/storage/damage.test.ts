import { expect } from "chai";
import { join } from "node:path";
import type { Store } from "../../src/runtime/index.js";
import { ClusterError } from "../../src/base/index.js";
import type { Engine } from "../../src/storage/engine.js";
import { GenerationKeys, metaKey, numberedKey } from "../../src/storage/keys.js";
import { META_ROWS } from "../../src/storage/meta-rows.js";
import { RocksDbEngine } from "../../src/storage/rocksdb-engine.js";
import { DATABASE_DIRECTORY } from "../../src/storage/rocksdb-store.js";
import { StoreDirectory } from "./rocksdb-directory.js";
import { append, applyRound, entries, failureOf, logOf, MEMBERS, WHOLE } from "./samples.js";
import { deleteRows, flipBit } from "./stored-rows.js";

const R = 7;
const SIZES = { writeBufferBytes: 4 * 1024 * 1024, cacheBytes: 1024 * 1024 };
const keys = new GenerationKeys(R, 1);
const entryKey = (index: number) => (key: Buffer) => key.equals(numberedKey(keys.log, index));
const isCorrupt = (error: unknown) =>
  error instanceof ClusterError && error.code === "corrupt-storage";

describe("a store of which a row was damaged", () => {
  let directory: StoreDirectory;
  let store: Store;

  beforeEach(async () => {
    directory = await StoreDirectory.create();
    store = await directory.open();
    await store.openReplica(R, MEMBERS);
    await append(store, R, entries(1, 1, 1, 1, 2, 2, 2));
    for (const index of [1, 2, 3]) await store.write([applyRound(R, index, "channel")], true);
  });

  afterEach(async () => {
    await store.close();
    await directory.dispose();
  });

  /** Does something to the closed database, then opens the store again. */
  const damage = async (change: (engine: Engine) => Promise<unknown>) => {
    await store.close();
    const engine = await RocksDbEngine.open(join(directory.path, DATABASE_DIRECTORY), SIZES);
    await change(engine);
    await engine.close();
    store = await directory.open();
  };

  describe("an entry that was not applied yet", () => {
    it("cuts the log before it and says that entries were lost", async () => {
      await damage((engine) => flipBit(engine, entryKey(5)));
      const opened = await store.openReplica(R, MEMBERS);
      expect(opened.lastIndex).to.equal(4);
      expect(opened.lost).to.deep.include({ index: 6, term: 2 });
      expect(opened.lost?.reason).to.match(/entry 5 of the log is damaged/);
      expect(await logOf(store, R, 1, 9)).to.deep.equal(["1/1", "2/1", "3/1", "4/2"]);
    });

    it("notices every bit of the row", async () => {
      for (let bit = 0; bit < 8 * 12; bit += 7) {
        await damage((engine) => flipBit(engine, entryKey(6), bit));
        const opened = await store.openReplica(R, MEMBERS);
        expect(opened.lost?.index, `bit ${bit}`).to.equal(6);
        await append(store, R, entries(6, 2));
      }
    });

    it("notices one that is missing", async () => {
      await damage((engine) => deleteRows(engine, entryKey(6)));
      const opened = await store.openReplica(R, MEMBERS);
      expect(opened.lastIndex).to.equal(5);
      expect(opened.lost?.index).to.equal(6);
    });

    it("stays lost over restarts until the log has come past it", async () => {
      await damage((engine) => flipBit(engine, entryKey(5)));
      const reopened = async () => {
        await store.openReplica(R, MEMBERS).catch(() => undefined);
        await store.close();
        store = await directory.open();
        return store.openReplica(R, MEMBERS);
      };
      expect((await reopened()).lost?.index).to.equal(6);
      await append(store, R, entries(5, 2));
      expect((await reopened()).lost?.index).to.equal(6);
      await append(store, R, entries(6, 3));
      expect(await reopened()).not.to.have.property("lost");
    });
  });

  describe("an entry that is applied already", () => {
    it("compacts it away and loses nothing", async () => {
      await damage((engine) => flipBit(engine, entryKey(2)));
      const opened = await store.openReplica(R, MEMBERS);
      expect(opened).not.to.have.property("lost");
      expect(opened.firstIndex).to.equal(3);
      expect(opened.precedingTerm).to.equal(1);
      expect(await logOf(store, R, 3, 9)).to.deep.equal(["3/1", "4/2", "5/2", "6/2"]);
    });
  });

  it("fails every read of a damaged state row", async () => {
    await damage((engine) => flipBit(engine, (key) => key.equals(keys.stateKey("key/000002"))));
    await store.openReplica(R, MEMBERS);
    const reads = [
      () => store.read(R, ["key/000001", "key/000002"], []),
      () => store.read(R, [], [WHOLE]),
      () => store.read(R, [], [{ ...WHOLE, reverse: true }]),
      async () => (await store.openSnapshot(R)).next(1_000_000),
    ];
    for (const read of reads) expect(await failureOf(read())).to.satisfy(isCorrupt);
    const { values } = await store.read(R, ["key/000001"], []);
    expect(values.get("key/000001")).not.to.equal(undefined);
  });

  it("fails every read of a damaged or missing feed row", async () => {
    const isSecond = (key: Buffer) => key.equals(numberedKey(keys.feed, 2));
    const options = { limit: 10, bytesMax: 1_000 };
    const reads = [["channel"], []].map((channels) => {
      return () => store.readFeed(R, 0, { ...options, channels });
    });
    await damage((engine) => flipBit(engine, isSecond));
    await store.openReplica(R, MEMBERS);
    for (const read of reads) expect(await failureOf(read())).to.satisfy(isCorrupt);
    await damage((engine) => deleteRows(engine, isSecond));
    await store.openReplica(R, MEMBERS);
    for (const read of reads) expect(await failureOf(read())).to.satisfy(isCorrupt);
  });

  for (const name of Object.values(META_ROWS)) {
    it(`does not open a replica whose ${name} row is damaged or missing`, async () => {
      const isRow = (key: Buffer) => key.equals(metaKey(R, name));
      await damage(async (engine) => expect(await flipBit(engine, isRow, 3)).to.equal(1));
      expect(await failureOf(store.openReplica(R, MEMBERS))).to.satisfy(isCorrupt);
      await damage((engine) => deleteRows(engine, isRow));
      expect(await failureOf(store.openReplica(R, MEMBERS))).to.satisfy(isCorrupt);
    });
  }
});
