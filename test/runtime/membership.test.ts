import { expect } from "chai";
import type { ConfChange } from "../../src/raft/index.js";
import { eventually } from "../support/eventually.js";
import { getQuery, valuesOf } from "../support/register-machine.js";
import { RuntimeCluster } from "../support/runtime-cluster.js";

const READ = { timeoutMs: 5000, minSequence: 0, maxStalenessMs: 0 };
const SHARD = 1;

const change = (...changes: ConfChange["changes"]): ConfChange => ({
  transition: "auto",
  changes,
  context: new Uint8Array(),
});

describe("a node that joins a running group", function () {
  this.timeout(60_000);
  let cluster: RuntimeCluster;

  afterEach(async () => {
    await cluster.stop();
    expect(cluster.failures).to.deep.equal([]);
  });

  /** Keeps on writing; the result ends it and says what was acknowledged. */
  function write(): () => Promise<readonly string[]> {
    const acknowledged: string[] = [];
    let writing = true;
    const done = (async () => {
      for (let n = 0; writing; n++) {
        await cluster.set(SHARD, "k", String(n));
        acknowledged.push(String(n));
      }
    })();
    return async () => {
      writing = false;
      await done;
      return acknowledged;
    };
  }

  async function caughtUp(node: string): Promise<void> {
    await eventually(
      async () => {
        const { replica } = await cluster.leader(SHARD);
        const { commit, applied } = cluster.replica(node, SHARD).status();
        return commit > 0 && replica.status().commit - applied < 50;
      },
      { what: `${node} to catch up` },
    );
  }

  it("takes the place of another one in one change, while commands come in", async () => {
    cluster = await RuntimeCluster.start({ logEntriesMax: 50, logEntriesKept: 10 });
    for (let n = 0; n < 100; n++) await cluster.set(SHARD, "before", String(n));
    const stop = write();
    await cluster.startNode("node-4");
    const joined = await cluster.join("node-4", SHARD);
    await caughtUp("node-4");
    const { leader, node, old } = await cluster.askLeader(SHARD, async (leader, node) => {
      const old = cluster.nodes.find((name) => name !== node && name !== "node-4") ?? "";
      const left = cluster.replica(old, SHARD).replica;
      await leader.changeMembership(
        change({ kind: "add-voter", replica: joined }, { kind: "remove", replica: left }),
        { timeoutMs: 5000 },
      );
      return { leader, node, old };
    });
    await eventually(() => !leader.status().changing, { what: "the joint configuration to end" });
    cluster.crashNode(old);
    const third = cluster.nodes.find((name) => name !== node && name !== "node-4") ?? "";
    // Only with the new one's vote is there a majority now.
    cluster.crashNode(third);
    const acknowledged = await stop();
    await cluster.set(SHARD, "k", "last");
    const { reply } = await cluster.replica("node-4", SHARD).read(getQuery("k"), READ);
    expect(new Set(valuesOf(reply))).to.deep.equal(new Set([...acknowledged, "last"]));
    expect(leader.status().members.map((member) => member.node)).to.have.members([
      node,
      third,
      "node-4",
    ]);
  });

  it("is found again by everyone after all of them restarted", async () => {
    cluster = await RuntimeCluster.start();
    await cluster.set(SHARD, "k", "first");
    await cluster.startNode("node-4");
    const joined = await cluster.join("node-4", SHARD);
    await caughtUp("node-4");
    await cluster.askLeader(SHARD, (leader) =>
      leader.changeMembership(change({ kind: "add-voter", replica: joined }), { timeoutMs: 5000 }),
    );
    await eventually(() =>
      cluster.nodes.every(
        (name) =>
          cluster
            .replica(name, SHARD)
            .status()
            .members.filter((m) => !m.learner).length === 4,
      ),
    );
    const nodes = [...cluster.nodes];
    for (const name of nodes) cluster.crashNode(name);
    for (const name of nodes) await cluster.startNode(name);
    // Three of four are a majority only if the fourth counts.
    const there = await cluster.leader(SHARD);
    const gone = nodes.find((name) => name !== there.node && name !== "node-4") ?? "";
    cluster.crashNode(gone);
    await cluster.set(SHARD, "k", "second");
    const { reply } = await cluster.replica("node-4", SHARD).read(getQuery("k"), READ);
    expect(valuesOf(reply)).to.deep.equal(["first", "second"]);
  });

  it("gets an id that no replica of the shard ever had", async () => {
    cluster = await RuntimeCluster.start();
    await cluster.set(SHARD, "k", "first");
    const remove = (chosen: (leaderNode: string) => number) =>
      cluster.askLeader(SHARD, async (leader, node) => {
        const gone = chosen(node);
        await leader.changeMembership(change({ kind: "remove", replica: gone }), {
          timeoutMs: 5000,
        });
        expect(leader.nextReplicaId).to.be.greaterThan(gone);
      });
    // The one with the highest id of those that can go.
    await remove((node) => {
      const others = cluster.nodes.filter((name) => name !== node);
      return Math.max(...others.map((name) => cluster.replica(name, SHARD).replica));
    });
    await cluster.startNode("node-4");
    const first = await cluster.join("node-4", SHARD);
    await remove(() => first);
  });

  it("is asked twice at once, and hosts one replica", async () => {
    cluster = await RuntimeCluster.start();
    await cluster.set(SHARD, "k", "before");
    await cluster.startNode("node-4");
    const replica = await cluster.addLearner("node-4", SHARD);
    const host = (other = replica) => cluster.hostLearner("node-4", SHARD, other);
    const [first, again, another] = await Promise.allSettled([host(), host(), host(replica + 1)]);
    expect([first.status, again.status]).to.deep.equal(["fulfilled", "fulfilled"]);
    expect(another).to.have.property("reason").that.includes({ code: "failed-precondition" });
    await caughtUp("node-4");
    expect(cluster.replica("node-4", SHARD).replica).to.equal(replica);
    await host();
  });

  it("is repaired where its database forgot that it ever joined", async () => {
    cluster = await RuntimeCluster.start();
    for (let n = 0; n < 20; n++) await cluster.set(SHARD, "k", String(n));
    await cluster.startNode("node-4");
    const before = cluster.copyDisk("node-4");
    await cluster.join("node-4", SHARD);
    await caughtUp("node-4");
    await cluster.set(SHARD, "k", "last");
    cluster.crashNode("node-4");
    cluster.rewindDatabase("node-4", before);
    await cluster.startNode("node-4");
    expect(cluster.replica("node-4", SHARD).status().quarantine).to.not.equal("");
    await eventually(() => cluster.replica("node-4", SHARD).status().quarantine === "");
    const { reply } = await cluster.replica("node-4", SHARD).read(getQuery("k"), READ);
    expect(valuesOf(reply).at(-1)).to.equal("last");
  });

  it("has the same hash of its state at the same entry", async () => {
    cluster = await RuntimeCluster.start();
    for (let n = 0; n < 20; n++) await cluster.set(SHARD, "k", String(n));
    await cluster.startNode("node-4");
    await cluster.join("node-4", SHARD);
    for (let n = 0; n < 20; n++) await cluster.set(SHARD, "k", String(n));
    const { replica: leader } = await cluster.leader(SHARD);
    const { applied } = leader.status();
    const hashes = await eventually(() => {
      const all = cluster.nodes.map((name) => cluster.replica(name, SHARD).stateHash(applied - 5));
      return all.every((one) => one !== undefined) ? all.map(({ hash }) => hash) : undefined;
    });
    expect(new Set(hashes).size).to.equal(1);
    expect(leader.stateHash(applied)?.hash).to.not.equal(hashes[0]);
  });
});
