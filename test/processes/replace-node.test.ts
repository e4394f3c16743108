import { spawn, spawnSync } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import path from "node:path";
import { expect } from "chai";
import { eventually } from "../support/eventually.js";
import { RetryingWriter } from "../support/retrying-writer.js";
import { CABILDO, UpCluster } from "../support/up-cluster.js";

/** Of the ports that a cluster reserves for itself. */
const PORT_OFFSET = 70;

describe("a node of a cluster that serves", function () {
  this.timeout(240_000);
  let cluster: UpCluster;
  let node4: ChildProcess | undefined;

  afterEach(async () => {
    node4?.kill("SIGTERM");
    await cluster.stop();
  });

  const run = (...args: readonly string[]) => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [CABILDO, ...args], {
      encoding: "utf8",
      timeout: 120_000,
    });
    return { status, stdout, stderr };
  };

  /** The same without blocking this process, whose writers go on. */
  const runBeside = (
    ...args: readonly string[]
  ): Promise<{ code: number | null; output: string }> =>
    new Promise((resolve) => {
      const child = spawn(process.execPath, [CABILDO, ...args], {
        stdio: ["ignore", "pipe", "pipe"],
      });
      let output = "";
      child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
      child.stderr.on("data", (chunk: Buffer) => (output += chunk.toString()));
      child.on("exit", (code) => resolve({ code, output }));
    });

  function startNode4(): ChildProcess {
    const { dataDir } = cluster.ready;
    const ports = cluster.basePort + PORT_OFFSET;
    const child = spawn(
      process.execPath,
      [
        CABILDO,
        "node",
        ...["--name", "node-4", "--cluster", path.join(dataDir, "cluster.json")],
        ...["--certs", path.join(dataDir, "certs"), "--data", path.join(dataDir, "node-4")],
        ...["--host", "127.0.0.1", "--port", String(ports), "--metrics-port", String(ports + 1)],
        "--join",
      ],
      { stdio: "ignore" },
    );
    return child;
  }

  it("is replaced by another one while people write, and none of them notices", async () => {
    cluster = await UpCluster.start({ extra: ["--no-restart"] });
    const { dataDir } = cluster.ready;
    const ana = await cluster.person("ana");
    const zoe = await cluster.person("zoe");
    const writers = [new RetryingWriter(ana, "ana"), new RetryingWriter(zoe, "zoe")];
    for (const writer of writers) writer.start();

    const certs = path.join(dataDir, "certs");
    // Beside: a call that blocked this process would time out the writers in it.
    const issued = await runBeside(
      "certs",
      "issue",
      "node-4",
      "--role",
      "node",
      "--dir",
      certs,
      "--host",
      "127.0.0.1",
    );
    expect(issued.code, issued.output).to.equal(0);
    node4 = startNode4();
    await eventually(
      async () => {
        const { shards } = await cluster.status();
        return shards.every(({ replicas }) =>
          replicas.some(({ node, learner }) => node === "node-4" && learner),
        );
      },
      { what: "node-4 to follow every shard" },
    );
    const replaced = await runBeside("replica", "replace", "node-1", "node-4", "--data", dataDir);
    expect(replaced.code, replaced.output).to.equal(0);
    const { shards } = await cluster.status();
    for (const { name, replicas } of shards) {
      expect(
        replicas.map(({ node }) => node),
        name,
      ).to.have.members(["node-2", "node-3", "node-4"]);
      expect(replicas.filter(({ learner }) => learner)).to.deep.equal([]);
    }
    await cluster.kill("node-1");
    const again = await runBeside("replica", "replace", "node-1", "node-4", "--data", dataDir);
    expect(again.code, again.output).to.equal(0);
    // The old node is gone; now only the new one and one other are left, and that is a majority.
    await cluster.kill("node-2");
    const before = writers.map(({ written }) => written.length);
    await eventually(
      () => writers.every(({ written }, i) => written.length > (before[i] ?? 0) + 5),
      {
        what: "writes with node-3 and node-4 alone",
      },
    );
    await Promise.all(writers.map((writer) => writer.stop()));
    expect(writers.flatMap(({ failures }) => failures)).to.deep.equal([]);
    const retries = writers.reduce((sum, writer) => sum + writer.retries, 0);
    const written = writers.reduce((sum, writer) => sum + writer.written.length, 0);
    console.log(`      ${written} events written, ${retries} client retries`);
    for (const [i, person] of [ana, zoe].entries()) {
      const { events } = await person.events.listEvents({
        parent: `calendars/${person.user}`,
        pageSize: 1000,
      });
      const acknowledged = writers[i]?.written.map(({ title }) => title).slice(0, events.length);
      expect(events.map(({ title }) => title)).to.include.members(acknowledged ?? []);
    }
    const hash = run("shard", "hash", "users", "--data", dataDir, "-o", "json");
    expect(hash.status, hash.stderr).to.equal(0);
    const compared: unknown = JSON.parse(hash.stdout);
    expect(compared).to.have.property("equal", true);
    expect(compared).to.have.property("nodes").with.lengthOf(3);
  });
});
