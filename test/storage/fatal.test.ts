import { expect } from "chai";
import type { ClusterError } from "../../src/base/index.js";
import type { Store } from "../../src/runtime/index.js";
import { MemoryDisk, openMemoryStore } from "../../src/storage/index.js";
import { append, entries, failureOf, MEMBERS, WHOLE } from "./samples.js";

const R = 7;

describe("a store whose disk failed a write", () => {
  let disk: MemoryDisk;
  let store: Store;
  let told: ClusterError[];

  beforeEach(async () => {
    disk = new MemoryDisk();
    told = [];
    store = await openMemoryStore({ disk, onFatal: (error) => told.push(error) });
    await store.openReplica(R, MEMBERS);
    await append(store, R, entries(1, 1));
    disk.writeFault = new Error("EIO: i/o error, fdatasync");
  });

  afterEach(() => store.close());

  it("says once that the outcome is unknown", async () => {
    const failure = await failureOf(append(store, R, entries(2, 1)));
    expect(failure.message).to.match(/EIO.*whether the last write is there is unknown/);
    expect(failure).to.deep.include({ code: "corrupt-storage", details: { outcome: "unknown" } });
    await failureOf(append(store, R, entries(2, 1)));
    expect(told).to.deep.equal([failure]);
  });

  it("does not try that write again: an fsync that succeeds then says nothing of what failed before", async () => {
    const fault = disk.writeFault;
    disk.writeFault = undefined;
    await store.close();
    let isArmed = false;
    const flaky = new MemoryDisk({
      schedule: (run) =>
        queueMicrotask(() => {
          flaky.writeFault = isArmed ? fault : undefined;
          isArmed = false;
          run();
        }),
    });
    store = await openMemoryStore({ disk: flaky });
    await store.openReplica(R, MEMBERS);
    isArmed = true;
    expect(await failureOf(append(store, R, entries(1, 1)))).to.have.property(
      "code",
      "corrupt-storage",
    );
  });

  it("fails every later call, even if the disk works again", async () => {
    await failureOf(append(store, R, entries(2, 1)));
    disk.writeFault = undefined;
    const calls = [
      () => append(store, R, entries(2, 1)),
      () => store.read(R, [], [WHOLE]),
      () => store.readEntries(R, 1, 2, 100),
      () => store.writeFact("a", new Uint8Array()),
      () => store.openSnapshot(R),
    ];
    for (const call of calls) expect(await failureOf(call())).to.equal(told[0]);
  });

  for (const name of ["a fact", "a snapshot's rows", "another replica", "a promise when idle"]) {
    it(`does so too when it was writing ${name}`, async () => {
      if (name === "a fact") await failureOf(store.writeFact("a", new Uint8Array()));
      if (name === "another replica") await failureOf(store.openReplica(R + 1, MEMBERS));
      if (name === "a snapshot's rows") {
        disk.writeFault = undefined;
        const rows = await (await store.openSnapshot(R)).next(1_000);
        const sink = await store.createSnapshotSink(R);
        disk.writeFault = new Error("ENOSPC");
        await failureOf(sink.write(rows ?? []));
      }
      if (name === "a promise when idle") await new Promise((resolve) => setTimeout(resolve, 30));
      expect(told).to.have.length(1);
      expect(await failureOf(store.readFact("a"))).to.equal(told[0]);
    });
  }
});
