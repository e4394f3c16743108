import { expect } from "chai";
import { ClusterError } from "../../src/base/index.js";
import type { ConfChange } from "../../src/raft/index.js";
import { eventually } from "../support/eventually.js";
import { getQuery, setCommand, valuesOf } from "../support/register-machine.js";
import { RuntimeCluster } from "../support/runtime-cluster.js";

const READ = { timeoutMs: 5000, minSequence: 0, maxStalenessMs: 0 };

describe("three nodes with two shards", function () {
  this.timeout(60_000);
  let cluster: RuntimeCluster;

  afterEach(async () => {
    await cluster.stop();
    expect(cluster.failures).to.deep.equal([]);
  });

  it("commit what the leader proposes, on every replica, to the same state", async () => {
    cluster = await RuntimeCluster.start();
    for (let n = 0; n < 20; n++) await cluster.set(1, "k", String(n));
    const { replica } = await cluster.leader(1);
    const { reply } = await replica.read(getQuery("k"), READ);
    expect(valuesOf(reply)).to.deep.equal(Array.from({ length: 20 }, (_, n) => String(n)));
    const hashes = await eventually(() => {
      const statuses = cluster.nodes.map((node) => cluster.replica(node, 1).status());
      return new Set(statuses.map(({ applied }) => applied)).size === 1
        ? statuses.map(({ stateHash }) => stateHash)
        : undefined;
    });
    expect(new Set(hashes).size).to.equal(1);
  });

  it("refuse on a follower and say who leads", async () => {
    cluster = await RuntimeCluster.start();
    await cluster.set(1, "k", "first");
    const { node, follower } = await eventually(async () => {
      const { node } = await cluster.leader(1);
      const others = cluster.nodes.filter((name) => name !== node);
      const follower = others.map((name) => cluster.replica(name, 1))[0];
      return follower?.status().leaderNode === node && { node, follower };
    });
    const refusal = await follower
      .execute(setCommand("k", "second"), { timeoutMs: 1000 })
      .catch((error: unknown) => error);
    expect(refusal).to.be.instanceOf(ClusterError);
    expect(refusal).to.include({ code: "not-leader" });
    expect((refusal as ClusterError).details).to.deep.include({
      leaderNode: node,
      outcome: "not_applied",
    });
  });

  it("count what each replica is asked, and what of it is done here", async () => {
    cluster = await RuntimeCluster.start();
    for (let n = 0; n < 20; n++) await cluster.set(1, "k", String(n));
    const { replica, node } = await cluster.leader(1);
    const { reply } = await replica.read(getQuery("k"), READ);
    const follower = cluster.nodes.find((name) => name !== node) ?? "";
    const { requests, bytes, cpuMs } = replica.status().load;
    expect(requests).to.be.at.least(21);
    expect(bytes).to.be.greaterThan(reply.length);
    expect(cpuMs).to.be.greaterThan(0);
    expect(cluster.replica(follower, 1).status().load.cpuMs).to.be.greaterThan(0);
    expect(cluster.replica(node, 2).status().load.bytes).to.be.lessThan(bytes);
  });

  it("do not propose a command of a newer version, which would stop every replica", async () => {
    cluster = await RuntimeCluster.start();
    const newer = Buffer.from(JSON.stringify({ operation: { kind: "unknown" } }));
    const refusal = await cluster
      .askLeader(1, (replica) => replica.execute(newer, { timeoutMs: 1000 }))
      .catch((error: unknown) => error);
    expect(refusal).to.be.instanceOf(ClusterError);
    expect(refusal).to.include({ code: "unimplemented" });
    expect((refusal as ClusterError).details).to.deep.include({ outcome: "not_applied" });
    await cluster.set(1, "k", "after");
  });

  it("answer reads on a follower with everything that was acknowledged before", async () => {
    cluster = await RuntimeCluster.start();
    const { node } = await cluster.leader(1);
    const follower = cluster.nodes.find((name) => name !== node) ?? "";
    for (let n = 0; n < 10; n++) {
      await cluster.set(1, "k", String(n));
      const { reply } = await cluster.replica(follower, 1).read(getQuery("k"), READ);
      expect(valuesOf(reply).at(-1)).to.equal(String(n));
    }
  });

  it("go on when a leader loses power, and it comes back with what was acknowledged", async () => {
    cluster = await RuntimeCluster.start();
    const acknowledged: string[] = [];
    for (let round = 0; round < 4; round++) {
      for (let n = 0; n < 5; n++) {
        const value = `${round}.${n}`;
        await cluster.set(1, "k", value);
        acknowledged.push(value);
      }
      const { node } = await cluster.leader(1);
      cluster.crashNode(node);
      await cluster.set(1, "k", `${round} after`);
      acknowledged.push(`${round} after`);
      await cluster.startNode(node);
    }
    const { replica } = await cluster.leader(1);
    const { reply } = await replica.read(getQuery("k"), READ);
    // A repeated command may stand twice here: this machine does not know request ids.
    expect([...new Set(valuesOf(reply))]).to.deep.equal(acknowledged);
  });

  it("survive that all of them lose power at once", async () => {
    cluster = await RuntimeCluster.start();
    for (let n = 0; n < 10; n++) await cluster.set(2, "k", String(n));
    const nodes = [...cluster.nodes];
    for (const node of nodes) cluster.crashNode(node);
    for (const node of nodes) await cluster.startNode(node);
    await cluster.set(2, "k", "after");
    const { replica } = await cluster.leader(2);
    const { reply } = await replica.read(getQuery("k"), READ);
    expect(valuesOf(reply)).to.deep.equal([
      ...Array.from({ length: 10 }, (_, n) => `${n}`),
      "after",
    ]);
  });

  it("bring a node that was away for long up to date by a snapshot", async () => {
    cluster = await RuntimeCluster.start({ logEntriesMax: 50, logEntriesKept: 10 });
    await cluster.set(1, "k", "start");
    const { node } = await cluster.leader(1);
    const away = cluster.nodes.find((name) => name !== node) ?? "";
    cluster.crashNode(away);
    for (let n = 0; n < 200; n++) await cluster.set(1, `key ${n % 7}`, String(n));
    const leader = (await cluster.leader(1)).replica.status();
    expect(leader.firstIndex).to.be.greaterThan(100);
    await cluster.startNode(away);
    await eventually(() => cluster.replica(away, 1).status().applied >= leader.applied, {
      what: "the node to catch up",
    });
    const back = cluster.replica(away, 1);
    expect(back.status().firstIndex).to.be.greaterThan(1);
    const { reply } = await back.read(getQuery("key 3"), READ);
    const expected = Array.from({ length: 200 }, (_, n) => n).filter((n) => n % 7 === 3);
    expect(valuesOf(reply)).to.deep.equal(expected.map(String));
    await cluster.set(1, "k", "end");
    const there = await cluster.leader(1);
    await eventually(() => back.status().stateHash === there.replica.status().stateHash);
  });

  it("give every change once and in order, also across a crash and from the disk", async () => {
    cluster = await RuntimeCluster.start();
    for (let n = 0; n < 30; n++) await cluster.set(1, `k${n % 3}`, String(n));
    const node = cluster.nodes[0] ?? "";
    await eventually(() => cluster.replica(node, 1).status().sequence >= 30);
    cluster.crashNode(node);
    await cluster.startNode(node);
    await cluster.set(1, "k0", "30");
    const abort = new AbortController();
    const seen: number[] = [];
    const changes = cluster
      .replica(node, 1)
      .changes({ after: 0, channels: [], signal: abort.signal });
    for await (const { rows } of changes) {
      seen.push(...rows.map(({ sequence }) => sequence));
      if (seen.length >= 31) abort.abort();
    }
    expect(seen.slice(0, 31)).to.deep.equal(Array.from({ length: 31 }, (_, n) => n + 1));
    const only: string[] = [];
    const one = new AbortController();
    for await (const { rows, upTo } of cluster
      .replica(node, 1)
      .changes({ after: 0, channels: ["groups/k1"], signal: one.signal })) {
      only.push(...rows.flatMap(({ channels }) => channels));
      if (upTo >= 31) one.abort();
    }
    expect(only).to.deep.equal(Array.from({ length: 10 }, () => "groups/k1"));
  });

  it("say that a position is gone once the feed was trimmed", async () => {
    cluster = await RuntimeCluster.start({
      feedAgeMs: -60_000,
      sweepEntries: 20,
      sweepRowsMax: 10,
    });
    for (let n = 0; n < 100; n++) await cluster.set(1, "k", String(n));
    const { replica } = await cluster.leader(1);
    const read = async (): Promise<unknown> => {
      // Sweeps come with entries, if a tick finds that there were enough.
      await cluster.set(1, "k", "more");
      const abort = new AbortController();
      try {
        for await (const { upTo } of replica.changes({
          after: 0,
          channels: [],
          signal: abort.signal,
        })) {
          if (upTo > 0) abort.abort();
        }
      } catch (error) {
        return error;
      }
      return undefined;
    };
    const failure = await eventually(read, { what: "the feed to be trimmed" });
    expect(failure).to.include({ code: "position-gone" });
  });

  it("hand over leadership when asked, while commands come in", async () => {
    cluster = await RuntimeCluster.start();
    await cluster.set(1, "k", "start");
    let writing = true;
    const writer = (async (): Promise<number> => {
      let n = 0;
      for (; writing; n++) await cluster.set(1, "k", String(n));
      return n;
    })();
    for (let round = 0; round < 5; round++) {
      const [node, next] = await cluster.askLeader(1, async (replica, from) => [
        from,
        await replica.transferLeader(undefined),
      ]);
      expect(next).to.not.equal(node);
    }
    writing = false;
    expect(await writer).to.be.greaterThan(0);
  });

  it("change their members where the leader is asked, and one at a time", async () => {
    cluster = await RuntimeCluster.start();
    await cluster.set(1, "k", "start");
    const { node, replica } = await cluster.leader(1);
    const other = cluster.nodes.find((name) => name !== node) ?? "";
    const leaving = cluster.replica(other, 1).replica;
    const change: ConfChange = {
      transition: "auto",
      changes: [{ kind: "add-learner", replica: leaving }],
      context: new Uint8Array(),
    };
    const [first, second] = await Promise.allSettled([
      replica.changeMembership(change, { timeoutMs: 5000 }),
      replica.changeMembership(change, { timeoutMs: 5000 }),
    ]);
    expect(first).to.have.nested.property("value.learners").deep.equals([leaving]);
    expect(second).to.have.nested.property("reason.code", "failed-precondition");
    const refused = await cluster
      .replica(other, 1)
      .changeMembership(change, { timeoutMs: 5000 })
      .catch((error: unknown) => error);
    expect(refused).to.include({ code: "not-leader" });
    await cluster.set(1, "k", "end");
  });
});
