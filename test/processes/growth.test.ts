import { rmSync } from "node:fs";
import path from "node:path";
import { expect } from "chai";
import { eventually } from "../support/eventually.js";
import { ExtraNode } from "../support/extra-node.js";
import { RetryingWriter, writesGoOn } from "../support/retrying-writer.js";
import { operate, runCabildo } from "../support/run-cabildo.js";
import { UpCluster } from "../support/up-cluster.js";

/** Of the ports that a cluster reserves for itself. */
const PORT_OFFSET = 70;
const FORMED = ["node-1", "node-2", "node-3"];
const ADDED = ["node-4", "node-5"];
/** A writer waits as long as a failover may take on a machine that runs everything at once. */
const DEADLINE_MS = 30_000;

describe("a cluster of three replicas a shard, under load", function () {
  this.timeout(240_000);
  let cluster: UpCluster;
  let writers: readonly RetryingWriter[];
  const extra = new Map<string, ExtraNode>();
  const started: ExtraNode[] = [];

  before(async () => {
    cluster = await UpCluster.start({ extra: ["--no-restart"] });
    const people = [await cluster.person("ana"), await cluster.person("zoe")];
    writers = people.map((person) => new RetryingWriter(person, person.user, [], DEADLINE_MS));
    for (const writer of writers) writer.start();
  });

  after(async () => {
    await Promise.all(writers.map((writer) => writer.stop()));
    for (const node of started) await node.end();
    await cluster.stop();
  });

  const keep = (node: ExtraNode): void => {
    started.push(node);
    extra.set(node.name, node);
  };
  /** All shards have exactly these voters, all of them there. */
  const votes = (names: readonly string[]) =>
    eventually(
      async () => {
        const { shards } = await cluster.status();
        return shards.every(
          ({ replicas, leader }) =>
            leader !== "" &&
            replicas.length === names.length &&
            names.every((name) =>
              replicas.some(
                ({ node, learner, reachable }) => node === name && !learner && reachable,
              ),
            ),
        );
      },
      { what: `${names.join(", ")} to vote` },
    );

  it("grows to five", async () => {
    for (const [i, name] of ADDED.entries()) {
      keep(await ExtraNode.join(cluster, name, cluster.basePort + PORT_OFFSET + 2 * i));
    }
    await eventually(
      async () => {
        const { shards } = await cluster.status();
        return shards.every(({ replicas }) =>
          ADDED.every((name) => replicas.some(({ node, reachable }) => node === name && reachable)),
        );
      },
      { what: "the new nodes to follow every shard" },
    );
    for (const name of ADDED) await operate(cluster, "replica", "promote", "all", name);
    await votes([...FORMED, ...ADDED]);
    await writesGoOn(writers);
  });

  it("is looked at and backed up while a node hangs", async () => {
    await cluster.kill("node-3", "SIGSTOP");
    try {
      await eventually(async () => (await cluster.status()).unreachable.includes("node-3"), {
        what: "node-3 to be missed",
      });
      const hashed: unknown = JSON.parse(
        await operate(cluster, "shard", "hash", "users", "-o", "json"),
      );
      expect(hashed).to.have.property("equal", true);
      const hung = await runCabildo(
        ...["replica", "drain", "node-3", "--data", cluster.ready.dataDir],
      );
      expect(hung).to.include({
        code: 1,
        err: "cabildo: node-3 does not answer: see cabildo status\n",
      });
      await operate(cluster, "backup", path.join(cluster.ready.dataDir, "copy"));
    } finally {
      await cluster.kill("node-3", "SIGCONT");
    }
    await writesGoOn(writers);
  });

  it("works on when two of five die", async () => {
    await cluster.kill("node-1");
    await cluster.kill("node-2");
    await writesGoOn(writers);
    for (const dry of [["--dry-run"], []]) {
      const remove = ["replica", "remove", "groups", "node-3", ...dry];
      const refused = await runCabildo(...remove, "--data", cluster.ready.dataDir);
      expect(refused.code).to.equal(1);
      expect(refused.err).to.contain("no majority would answer in groups (2 of 4 votes)");
    }
    const groups = (await cluster.status()).shards.find(({ name }) => name === "groups");
    expect(groups?.replicas.map(({ node }) => node)).to.include("node-3");
  });

  it("does not take back a node that joined, and whose directory was emptied", async () => {
    for (const name of ["node-1", "node-2"]) keep(ExtraNode.restart(cluster, name));
    await votes([...FORMED, ...ADDED]);
    await extra.get("node-5")?.end("SIGKILL");
    rmSync(path.join(cluster.ready.dataDir, "node-5"), { recursive: true });
    const wiped = ExtraNode.joinAgain(cluster, "node-5", cluster.basePort + PORT_OFFSET + 2);
    started.push(wiped);
    await eventually(() => wiped.exitCode !== null, { what: "the emptied node to give up" });
    expect(wiped.exitCode).to.not.equal(0);
    expect(wiped.said).to.match(/another disk.*(join|start it).*(new|another) name/s);
    await writesGoOn(writers);
  });

  it("shrinks to three again, a dead one included, and all replicas agree", async () => {
    for (const name of ADDED) await operate(cluster, "replica", "remove", "all", name);
    await votes(FORMED);
    await extra.get("node-4")?.end();
    await writesGoOn(writers);
    await Promise.all(writers.map((writer) => writer.stop()));
    for (const shard of ["events-am", "events-nz", "users"]) {
      const compared: unknown = JSON.parse(
        await operate(cluster, "shard", "hash", shard, "-o", "json"),
      );
      expect(compared).to.have.property("equal", true);
      expect(compared).to.have.property("nodes").with.lengthOf(3);
    }
    const written = writers.reduce((sum, writer) => sum + writer.written.length, 0);
    const longest = Math.max(...writers.map(({ longestWaitMs }) => longestWaitMs));
    console.log(`      ${written} events written, the slowest in ${Math.round(longest)} ms`);
  });
});
