import { expect } from "chai";
import type { Store } from "../../src/runtime/index.js";
import { MemoryDisk, openMemoryStore } from "../../src/storage/index.js";
import { GenerationKeys, numberedKey } from "../../src/storage/keys.js";
import { eventually } from "../support/eventually.js";
import { append, applyRound, entries, failureOf, logOf, MEMBERS, WHOLE } from "./samples.js";
import { flipBit } from "./stored-rows.js";

const R = 7;
const keys = new GenerationKeys(R, 1);
const FAST = { bytesPerSecond: 1e9, pauseMs: 1 };

describe("a store that scrubs", () => {
  let disk: MemoryDisk;
  let store: Store;
  let fatal: Error | undefined;

  beforeEach(async () => {
    disk = new MemoryDisk();
    fatal = undefined;
    const onFatal = (error: Error) => (fatal = error);
    store = await openMemoryStore({ disk, scrub: FAST, onFatal });
    await store.openReplica(R, MEMBERS);
    await append(store, R, entries(1, 1, 1, 1, 2, 2, 2));
    for (const index of [1, 2, 3]) await store.write([applyRound(R, index, "channel")], true);
  });

  afterEach(() => store.close());

  /** Rot, under the feet of the open store. */
  const rot = async (chosen: Buffer) => {
    const rotten = disk.copy();
    expect(await flipBit(rotten.openEngine(), (key) => key.equals(chosen), 3)).to.equal(1);
    disk.copyRowsFrom(rotten);
  };

  const rows = {
    state: keys.stateKey("key/000002"),
    feed: numberedKey(keys.feed, 2),
    "feed index": keys.feedIndexKey("channel", 2),
  };
  for (const [table, key] of Object.entries(rows)) {
    it(`finds damage of the ${table} that nobody reads, and waits for a snapshot from then on`, async () => {
      await rot(key);
      const found = await eventually(() => fatal, { what: "the damage to be found" });
      expect(found.message).to.match(/is damaged: its checksum/);
      expect(await failureOf(store.read(R, [], [WHOLE]))).to.equal(found);
      await store.close();
      store = await openMemoryStore({ disk });
      expect((await store.openReplica(R, MEMBERS)).lost).to.include({ needsSnapshot: true });
    });
  }

  it("compacts a damaged entry away that is applied, and goes on", async () => {
    await rot(numberedKey(keys.log, 2));
    expect(await failureOf(store.readEntries(R, 1, 7, 1_000))).to.have.property(
      "code",
      "corrupt-storage",
    );
    let last = 6;
    await eventually(
      async () => {
        await append(store, R, entries(++last, 2));
        const failure = await failureOf(store.readEntries(R, 1, 7, 1_000));
        return "code" in failure && failure.code === "position-gone";
      },
      { what: "the log to begin later" },
    );
    expect(await logOf(store, R, 3, 6)).to.deep.equal(["3/1", "4/2", "5/2"]);
    expect(fatal).to.equal(undefined);
  });
});
