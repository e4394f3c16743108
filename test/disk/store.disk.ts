import { expect } from "chai";
import type { Store } from "../../src/runtime/index.js";
import { openRocksDbStore } from "../../src/storage/index.js";
import { CRASH_REPLICA, CrashWriter, expectAcknowledged } from "../storage/crash-writer.js";
import { MEMBERS } from "../storage/samples.js";
import { Injection } from "./injection.js";
import { findObstacle, LoopDisk } from "./loop-disk.js";

const CUTS = 5;
const DISK_MIB = 128;
const SMALL_BYTES = 4 * 1024 * 1024;

describe("a store on a disk of its own", function () {
  this.timeout(120_000);
  let disk: LoopDisk;

  before(function () {
    const obstacle = findObstacle();
    if (obstacle === undefined) return;
    console.warn(`SKIPPED, nothing was tried on a real disk: ${obstacle}`);
    this.skip();
  });
  beforeEach(() => {
    disk = new LoopDisk(DISK_MIB);
  });
  afterEach(() => disk.dispose());

  const open = (): Promise<Store> =>
    openRocksDbStore({ directory: disk.path, cacheBytes: SMALL_BYTES });

  it("holds what was acknowledged when its power is cut, again and again", async () => {
    for (let cut = 1; cut <= CUTS; cut++) {
      const writer = new CrashWriter(disk.path, cut);
      await writer.wrote(5 * cut);
      // Where the cut meets an fsync, ext4 may say that it succeeded; a disk without power says nothing.
      await writer.pause();
      disk.cutPower();
      await writer.kill();
      disk.unmount();
      disk.mount();
      const store = await open();
      await expectAcknowledged(store, writer.reported);
      await store.close();
    }
  });

  it("knows what it lost when the disk lied about fsync and its power was cut", async () => {
    const writer = new CrashWriter(disk.path, 7);
    await writer.wrote(5);
    const lie = await Injection.into(writer.pid, "fdatasync:retval=0");
    await writer.wrote(20);
    disk.cutPower();
    expect(await writer.ended(), "a disk that is gone ends the process").to.not.equal(0);
    await lie.end();
    disk.unmount();
    disk.mount();
    const store = await open();
    const opened = await store.openReplica(CRASH_REPLICA, MEMBERS);
    expect(opened.lost?.reason).to.match(/was acknowledged and is not in the log|is damaged/);
    await store.close();
  });

  for (const [call, what] of [
    ["fdatasync", "database"],
    ["pwrite64", "marker"],
  ] as const) {
    it(`ends its process with the first error of its ${what}, and holds what was acknowledged`, async () => {
      const writer = new CrashWriter(disk.path, 3);
      await writer.wrote(10);
      const injection = await Injection.into(writer.pid, `${call}:error=EIO`);
      expect(await writer.ended()).to.not.equal(0);
      await injection.end();
      expect(writer.errors).to.match(/whether the last write is there is unknown/);
      const store = await open();
      await expectAcknowledged(store, writer.reported);
      await store.close();
    });
  }

  it("ends its process when the disk is full, and holds what was acknowledged", async () => {
    const writer = new CrashWriter(disk.path, 5);
    await writer.wrote(10);
    disk.fill(0);
    expect(await writer.ended()).to.not.equal(0);
    expect(writer.errors).to.match(/whether the last write is there is unknown/);
    disk.empty();
    const store = await open();
    await expectAcknowledged(store, writer.reported);
    await store.close();
  });
});
