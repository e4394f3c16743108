import { expect } from "chai";
import { copyFile, cp, open, readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Store } from "../../src/runtime/index.js";
import { DATABASE_DIRECTORY, MARKER_FILE } from "../../src/storage/rocksdb-store.js";
import { StoreDirectory } from "./rocksdb-directory.js";
import { append, appliedAt, entries, failureOf, logOf, MEMBERS } from "./samples.js";

const R = 7;
const never = () => () => undefined;

describe("a store on RocksDB", () => {
  let directory: StoreDirectory;
  let store: Store;

  beforeEach(async () => {
    directory = await StoreDirectory.create();
    store = await directory.open();
  });

  afterEach(async () => {
    await store.close();
    await directory.dispose();
  });

  const database = () => join(directory.path, DATABASE_DIRECTORY);
  const marker = () => join(directory.path, MARKER_FILE);
  const older = () => join(directory.path, "older");

  const reopen = async (between: () => Promise<unknown> = () => Promise.resolve()) => {
    await store.close();
    await between();
    store = await directory.open();
  };
  const copyDatabase = () => cp(database(), older(), { recursive: true });
  const restoreDatabase = async () => {
    await rm(database(), { recursive: true });
    await cp(older(), database(), { recursive: true });
  };
  const writeAheadLogs = async () => {
    const names = await readdir(database());
    return names.filter((name) => name.endsWith(".log")).map((name) => join(database(), name));
  };

  describe("whose database forgot synced writes", () => {
    beforeEach(async () => {
      await store.openReplica(R, MEMBERS);
      await append(store, R, entries(1, 1, 1, 1));
    });

    it("says what is lost after the newest write-ahead log was deleted", async () => {
      await reopen();
      await store.openReplica(R, MEMBERS);
      await append(store, R, entries(4, 2, 2, 2));
      await reopen(async () => {
        for (const path of await writeAheadLogs()) await rm(path);
      });
      const opened = await store.openReplica(R, MEMBERS);
      expect(opened.lastIndex).to.equal(3);
      expect(opened.lost).to.deep.include({ index: 6, term: 2 });
      expect(opened.hardState).to.deep.include({ term: 2, vote: 1 });
    });

    it("says what is lost after a bit flipped in the middle of the write-ahead log", async () => {
      for (let index = 4; index < 40; index++) await append(store, R, entries(index, 2));
      await reopen(async () => {
        for (const path of await writeAheadLogs()) {
          const file = await open(path, "r+");
          const middle = Math.floor((await stat(path)).size / 2);
          const byte = Buffer.alloc(1);
          await file.read(byte, 0, 1, middle);
          byte.writeUInt8(byte.readUInt8(0) ^ 16, 0);
          await file.write(byte, 0, 1, middle);
          await file.close();
        }
      });
      const opened = await store.openReplica(R, MEMBERS);
      expect(opened.lastIndex).to.be.lessThan(39);
      expect(opened.lost).to.deep.include({ index: 39, term: 2 });
    });

    it("says what is lost when the database is an older copy, and who got the vote", async () => {
      await reopen(copyDatabase);
      await store.openReplica(R, MEMBERS);
      await append(store, R, entries(4, 2));
      await store.write([{ replica: R, hardState: { term: 5, vote: 3, commit: 4 } }], true);
      await reopen(restoreDatabase);
      const opened = await store.openReplica(R, MEMBERS);
      expect(opened.hardState).to.deep.include({ term: 5, vote: 3 });
      expect(opened.lost).to.deep.include({ index: 4, term: 5 });
      expect(opened.lost?.reason).to.match(/entry 4 of term 2 was acknowledged/);
    });

    it("promises what it finds beyond the marker before anyone hears of it", async () => {
      await reopen(async () => {
        await copyDatabase();
        await copyFile(marker(), `${marker()}.older`);
      });
      await store.openReplica(R, MEMBERS);
      await append(store, R, entries(4, 2));
      await store.write([{ replica: R, hardState: { term: 5, vote: 3, commit: 4 } }], true);
      await reopen(() => copyFile(`${marker()}.older`, marker()));
      const whole = await store.openReplica(R, MEMBERS);
      expect(whole.lastIndex).to.equal(4);
      expect(whole).not.to.have.property("lost");
      await reopen(restoreDatabase);
      const opened = await store.openReplica(R, MEMBERS);
      expect(opened.hardState).to.deep.include({ term: 5, vote: 3 });
      expect(opened.lost).to.deep.include({ index: 4 });
    });

    it("compares entries and not lengths: an older log may be longer", async () => {
      await append(store, R, entries(4, 1, 1, 1, 1));
      await reopen(copyDatabase);
      await store.openReplica(R, MEMBERS);
      await append(store, R, entries(3, 2, 2));
      await reopen(restoreDatabase);
      const opened = await store.openReplica(R, MEMBERS);
      expect(opened.lastIndex).to.equal(7);
      expect(opened.lost).to.deep.include({ index: 4, term: 2 });
    });

    it("loses nothing that an applied state covers", async () => {
      await store.write(
        [
          {
            replica: R,
            applied: { writes: [], feed: [], state: appliedAt(3) },
            compactTo: { index: 3, term: 1 },
          },
        ],
        true,
      );
      await reopen();
      expect(await store.openReplica(R, MEMBERS)).not.to.have.property("lost");
    });

    it("knows a replica that the database has never heard of", async () => {
      const other = 9;
      await reopen(copyDatabase);
      await store.openReplica(other, MEMBERS);
      await append(store, other, entries(1, 4, 4));
      await reopen(restoreDatabase);
      const opened = await store.openReplica(other, MEMBERS);
      expect(opened.lastIndex).to.equal(0);
      expect(opened.lost).to.deep.include({ index: 2, term: 4 });
      await reopen();
      expect((await store.openReplica(other, MEMBERS)).lost?.index).to.equal(2);
    });

    it("is sound again once the log came past what was lost", async () => {
      await reopen(copyDatabase);
      await store.openReplica(R, MEMBERS);
      await append(store, R, entries(4, 2, 2));
      await reopen(restoreDatabase);
      await store.openReplica(R, MEMBERS);
      await append(store, R, entries(4, 2));
      await reopen();
      expect((await store.openReplica(R, MEMBERS)).lost?.index).to.equal(5);
      await append(store, R, entries(5, 6));
      await reopen();
      expect(await store.openReplica(R, MEMBERS)).not.to.have.property("lost");
    });

    it("is sound if the log came past it and the process ended before the marker said so, and only then", async () => {
      await reopen(copyDatabase);
      await store.openReplica(R, MEMBERS);
      await append(store, R, entries(4, 2, 2));
      await store.close();
      await restoreDatabase();
      store = await directory.open({ after: never });
      await store.openReplica(R, MEMBERS);
      await append(store, R, entries(4, 6, 6));
      const interrupted = join(directory.path, "interrupted");
      await copyFile(marker(), interrupted);
      await reopen(() => copyFile(interrupted, marker()));
      expect(await store.openReplica(R, MEMBERS)).not.to.have.property("lost");
      await reopen(async () => {
        await restoreDatabase();
        await copyFile(interrupted, marker());
      });
      const { lost } = await store.openReplica(R, MEMBERS);
      expect(lost?.reason).to.match(/entry 5 of term 2 was acknowledged/u);
    });
  });

  it("loses nothing when only the marker of an interrupted round was written", async () => {
    await store.openReplica(R, MEMBERS);
    await append(store, R, entries(1, 1, 1, 1));
    await store.close();
    await copyDatabase();
    store = await directory.open({ after: never });
    await store.openReplica(R, MEMBERS);
    await append(store, R, entries(4, 2, 2));
    const interrupted = join(directory.path, "interrupted");
    await copyFile(marker(), interrupted);
    await reopen(async () => {
      await restoreDatabase();
      await copyFile(interrupted, marker());
    });
    const opened = await store.openReplica(R, MEMBERS);
    expect(opened).not.to.have.property("lost");
    expect(opened.lastIndex).to.equal(3);
    expect(opened.hardState).to.deep.include({ term: 2, vote: 1 });
    expect(await logOf(store, R, 3, 9)).to.deep.equal(["3/1"]);
  });

  it("loses nothing when a round that shortens the log was interrupted after its marker", async () => {
    await store.openReplica(R, MEMBERS);
    await append(store, R, entries(1, 1, 1, 1, 1, 1));
    await store.close();
    await copyDatabase();
    store = await directory.open({ after: never });
    await store.openReplica(R, MEMBERS);
    await append(store, R, entries(3, 2));
    const interrupted = join(directory.path, "interrupted");
    await copyFile(marker(), interrupted);
    await reopen(async () => {
      await restoreDatabase();
      await copyFile(interrupted, marker());
    });
    expect(await store.openReplica(R, MEMBERS)).not.to.have.property("lost");
  });

  describe("whose halves do not belong together", () => {
    let other: StoreDirectory;

    beforeEach(async () => {
      other = await StoreDirectory.create();
      await (await other.open()).close();
      await store.openReplica(R, MEMBERS);
      await store.close();
    });

    afterEach(() => other.dispose());

    const refusal = async () => {
      const failure = await failureOf(directory.open());
      expect(failure).to.have.property("code", "corrupt-storage");
      expect(failure.message).to.include(directory.path);
      expect(failure.message).to.match(/put back the whole directory|remove all of it/);
      return failure.message;
    };

    it("is refused without its marker", async () => {
      await rm(marker());
      expect(await refusal()).to.match(/marker file is missing or damaged/);
    });

    it("is refused with the marker of another store", async () => {
      await copyFile(join(other.path, MARKER_FILE), marker());
      expect(await refusal()).to.match(/belongs to another database/);
    });

    it("is refused with an empty database beside a marker", async () => {
      await rm(database(), { recursive: true });
      expect(await refusal()).to.match(/database is empty/);
    });

    it("can be opened again when both halves are back", async () => {
      await copyFile(marker(), older());
      await rm(marker());
      await refusal();
      await copyFile(older(), marker());
      store = await directory.open();
      expect(store.boot).to.equal(2);
    });
  });

  it("never counts a boot twice, whichever half is older", async () => {
    await copyFile(marker(), older());
    await reopen();
    await reopen(() => copyFile(older(), marker()));
    expect(store.boot).to.equal(3);
  });
});
