import { setTimeout as sleep } from "node:timers/promises";
import { CrashWriter, expectAcknowledged } from "./crash-writer.js";
import { StoreDirectory } from "./rocksdb-directory.js";

const KILLS = 5;

describe("a store whose process is killed while it writes", () => {
  let directory: StoreDirectory;

  beforeEach(async () => {
    directory = await StoreDirectory.create();
  });

  afterEach(() => directory.dispose());

  it("holds everything that was acknowledged, and nothing is lost", async () => {
    for (let kill = 1; kill <= KILLS; kill++) {
      const writer = new CrashWriter(directory.path, kill);
      await writer.wrote(1);
      await sleep((kill * 37) % 150);
      await writer.kill();
      const store = await directory.open();
      await expectAcknowledged(store, writer.reported);
      await store.close();
    }
  }).timeout(60_000);
});
