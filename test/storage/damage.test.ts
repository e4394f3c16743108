import { expect } from "chai";
import { join } from "node:path";
import type { SnapshotSource, Store } from "../../src/runtime/index.js";
import { ClusterError } from "../../src/base/index.js";
import { commit } from "../../src/storage/engine.js";
import type { Engine } from "../../src/storage/engine.js";
import { GenerationKeys, metaKey, numberedKey } from "../../src/storage/keys.js";
import { META_ROWS } from "../../src/storage/meta-rows.js";
import { RocksDbEngine } from "../../src/storage/rocksdb-engine.js";
import { DATABASE_DIRECTORY } from "../../src/storage/rocksdb-store.js";
import { StoreDirectory } from "./rocksdb-directory.js";
import {
  append,
  applyRound,
  copySnapshot,
  entries,
  failureOf,
  logOf,
  MEMBERS,
  stateOf,
  WHOLE,
} from "./samples.js";
import { allRows, deleteRows, flipBit } from "./stored-rows.js";

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

  describe("of the state or the feed", () => {
    const isSecond = (key: Buffer) => key.equals(numberedKey(keys.feed, 2));
    const isState = (key: Buffer) => key.equals(keys.stateKey("key/000002"));
    const page = { limit: 10, bytesMax: 1_000 };
    const readsOfState: Reads = {
      "single keys": () => store.read(R, ["key/000001", "key/000002"], []),
      "a range": () => store.read(R, [], [WHOLE]),
      "a range from its end": () => store.read(R, [], [{ ...WHOLE, reverse: true }]),
      "a snapshot": async () => (await store.openSnapshot(R)).next(1_000_000),
      "a scan": () => store.scanState(R),
    };
    const readsOfFeed: Reads = {
      "the feed": () => store.readFeed(R, 0, { ...page, channels: [] }),
      "the feed of a channel": () => store.readFeed(R, 0, { ...page, channels: ["channel"] }),
    };
    const cases: readonly (readonly [string, (engine: Engine) => Promise<unknown>, Reads])[] = [
      ["a damaged row", (engine) => flipBit(engine, isState), readsOfState],
      ["a damaged feed row", (engine) => flipBit(engine, isSecond), readsOfFeed],
      ["a missing feed row", (engine) => deleteRows(engine, isSecond), readsOfFeed],
    ];

    for (const [what, change, reads] of cases) {
      for (const [how, read] of Object.entries(reads)) {
        it(`never serves ${what} to who reads ${how}, and is over then`, async () => {
          await damage(change);
          await store.openReplica(R, MEMBERS);
          expect(await failureOf(read())).to.satisfy(isCorrupt);
          expect(await failureOf(store.read(R, ["key/000001"], []))).to.satisfy(isCorrupt);
          expect(await failureOf(store.write([applyRound(R, 4)], true))).to.satisfy(isCorrupt);
          await store.close();
          store = await directory.open();
          expect((await store.openReplica(R, MEMBERS)).lost).to.include({ needsSnapshot: true });
        });
      }
    }

    it("opens empty then, with its votes and what it had promised", async () => {
      await damage((engine) => flipBit(engine, isState));
      await store.openReplica(R, MEMBERS);
      const { message } = await failureOf(store.read(R, [], [WHOLE]));
      await store.close();
      store = await directory.open();
      const opened = await store.openReplica(R, MEMBERS);
      expect(opened).to.include({ firstIndex: 1, lastIndex: 0 });
      expect(opened.hardState).to.deep.equal({ term: 2, vote: 1, commit: 0 });
      expect(opened.applied).to.deep.include({ index: 0, confState: MEMBERS });
      expect(opened.lost).to.deep.include({ index: 6, term: 2, promised: { index: 6, term: 2 } });
      expect(opened.lost?.reason).to.equal(message);
      expect(await stateOf(store, R)).to.deep.equal([]);
    });

    it("keeps what is there until a snapshot is installed, over restarts too", async () => {
      await damage((engine) => flipBit(engine, isState));
      await store.openReplica(R, MEMBERS);
      await failureOf(store.read(R, [], [WHOLE]));
      for (let start = 0; start < 2; start++) {
        await damage(async (engine) => {
          expect((await allRows(engine)).filter(([key]) => isState(key))).to.have.length(1);
        });
        await store.openReplica(R, MEMBERS);
        await store.write(
          [{ replica: R, hardState: { term: 3 + start, vote: 2, commit: 0 } }],
          true,
        );
      }
      await installFrom(await intactReplica(store, 9));
      expect(await stateOf(store, R)).to.deep.equal(["key/000001=value 1", "key/000002=value 2"]);
      await append(store, R, entries(3, 4, 4, 4, 4));
      await store.close();
      store = await directory.open();
      const repaired = await store.openReplica(R, MEMBERS);
      expect(repaired).not.to.have.property("lost");
      expect(repaired).to.include({ firstIndex: 3, lastIndex: 6 });
      expect(repaired.hardState).to.include({ term: 4 });
    });

    it("takes no entries before the snapshot", async () => {
      await damage((engine) => flipBit(engine, isState));
      await store.openReplica(R, MEMBERS);
      await failureOf(store.read(R, [], [WHOLE]));
      await store.close();
      store = await directory.open();
      await store.openReplica(R, MEMBERS);
      const failure = await failureOf(append(store, R, entries(1, 4)));
      expect(failure.message).to.match(/snapshot first/);
    });
  });

  for (const name of Object.values(META_ROWS)) {
    for (const [how, change] of [
      ["damaged", (engine: Engine) => flipBit(engine, (key) => key.equals(metaKey(R, name)), 3)],
      ["missing", (engine: Engine) => deleteRows(engine, (key) => key.equals(metaKey(R, name)))],
    ] as const) {
      it(`waits for a snapshot where its ${name} row is ${how}, and knows its vote`, async () => {
        await damage(change);
        const opened = await store.openReplica(R, MEMBERS);
        expect(opened.lost).to.include({ index: 6, term: 2, needsSnapshot: true });
        expect(opened.hardState).to.deep.equal({ term: 2, vote: 1, commit: 0 });
        await installFrom(await intactReplica(store, 9));
        await append(store, R, entries(3, 2, 2, 2, 2));
        await store.close();
        store = await directory.open();
        expect(await store.openReplica(R, MEMBERS)).not.to.have.property("lost");
      });
    }
  }

  it("does not open a damaged replica whose promises nobody knows", async () => {
    await store.close();
    const other = await StoreDirectory.create();
    await (await other.open()).close();
    const engine = await RocksDbEngine.open(join(other.path, DATABASE_DIRECTORY), SIZES);
    const batch = engine.batch();
    const key = metaKey(R, META_ROWS.applied);
    batch.put(key, Buffer.from("nonsense"));
    await commit(batch, true);
    await engine.close();
    store = await other.open();
    const failure = await failureOf(store.openReplica(R, MEMBERS));
    expect(failure.message).to.match(/remove this replica from its group/);
    await store.close();
    await other.dispose();
    store = await directory.open();
  });

  /** A replica with the state of two entries, as a leader would have it. */
  const intactReplica = async (on: Store, replica: number): Promise<SnapshotSource> => {
    await on.openReplica(replica, MEMBERS);
    await append(on, replica, entries(1, 1, 1));
    for (const index of [1, 2]) await on.write([applyRound(replica, index, "channel")], true);
    return on.openSnapshot(replica);
  };

  const installFrom = async (source: SnapshotSource) => {
    const sink = await store.createSnapshotSink(R);
    await copySnapshot(source, sink);
    await source.close();
    await store.write([{ replica: R, install: sink }], true);
  };
});

type Reads = Readonly<Record<string, () => Promise<unknown>>>;
