import { expect } from "chai";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eventually } from "../support/eventually.js";
import { RetryingWriter } from "../support/retrying-writer.js";
import { UpCluster } from "../support/up-cluster.js";
import { Injection } from "./injection.js";
import { findObstacle, LoopDisk } from "./loop-disk.js";

/** Room for the reserve of a node (1 GiB), and as much again; next to nothing of it is ever written. */
const DISK_MIB = 4096;
const LEFT_MIB = 300;
const NODE = "node-1";

describe("a cluster of real processes, one of whose disks", function () {
  this.timeout(300_000);
  let disk: LoopDisk | undefined;
  let dataDir: string;
  let cluster: UpCluster | undefined;
  let writer: RetryingWriter | undefined;

  before(function () {
    const obstacle = findObstacle();
    if (obstacle === undefined) return;
    console.warn(`SKIPPED, nothing was tried on a real disk: ${obstacle}`);
    this.skip();
  });
  beforeEach(() => {
    dataDir = mkdtempSync(join(tmpdir(), "cabildo-disk-"));
  });
  afterEach(async () => {
    await writer?.stop();
    await cluster?.stop();
    disk?.dispose();
    disk = cluster = writer = undefined;
    rmSync(dataDir, { recursive: true, force: true });
  });

  const begin = async (): Promise<UpCluster> => {
    const started = await UpCluster.start({ dataDir });
    cluster = started;
    await started.healthy();
    writer = new RetryingWriter(await started.person("ana"), "ana");
    writer.start();
    return started;
  };
  const ledBy = async (started: UpCluster, node: string): Promise<number> => {
    const { shards } = await started.status();
    if (shards.some(({ leader }) => leader === "")) throw new Error("a shard has no leader");
    return shards.filter(({ leader }) => leader === node).length;
  };
  /** So many writes more were taken. */
  const writes = async (count: number): Promise<void> => {
    const before = writer?.written.length ?? 0;
    await eventually(() => (writer?.written.length ?? 0) >= before + count, { what: "writes" });
    expect(writer?.failures).to.deep.equal([]);
  };

  it("is nearly full: it leads nothing until there is room again, and nobody notices", async () => {
    disk = new LoopDisk(DISK_MIB);
    mkdirSync(join(disk.path, "data"));
    symlinkSync(join(disk.path, "data"), join(dataDir, NODE));
    const started = await begin();
    const { pid } = started.current().nodes.find(({ name }) => name === NODE) ?? { pid: 0 };
    await started.transfer("events-am", NODE);
    await writes(20);
    disk.fill(LEFT_MIB);
    await eventually(async () => (await ledBy(started, NODE)) === 0, {
      what: "all to be led by others",
    });
    await writes(20);
    disk.empty();
    // Asked again until the others have heard that there is room.
    await eventually(async () => {
      await started.transfer("events-am", NODE);
      return (await ledBy(started, NODE)) > 0;
    });
    await writes(20);
    await started.healthy();
    const now = started.current().nodes.find(({ name }) => name === NODE);
    expect(now?.pid, "it was never restarted").to.equal(pid);
  });

  it("hangs: another node leads what it led while it still hangs, and it follows when it is back", async () => {
    const started = await begin();
    await started.transfer("events-am", NODE);
    await writes(20);
    const { pid } = started.current().nodes.find(({ name }) => name === NODE) ?? { pid: 0 };
    const hang = await Injection.into(pid, "fdatasync:delay_enter=5000000");
    try {
      await eventually(async () => (await ledBy(started, NODE)) === 0, {
        what: "all to be led by others",
      });
      await writes(20);
    } finally {
      await hang.end();
    }
    await started.healthy();
    await writes(20);
  });
});
