import { create } from "@bufbuild/protobuf";
import { expect } from "chai";
import { StatusResponseSchema } from "../../gen/cabildo/shard/v1/shard_pb.js";
import { ClusterError } from "../../src/base/index.js";
import type { Command, Query } from "../../src/domain/index.js";
import type { Executed } from "../../src/runtime/index.js";
import { SYSTEM_CLOCK } from "../../src/shards/clock.js";
import type { ShardClient } from "../../src/shards/index.js";
import { encodeCommand } from "../../src/wire/index.js";
import { createTestAuthority, type TestAuthority } from "../support/certificates.js";
import { eventually } from "../support/eventually.js";
import type { FakeReplica } from "../support/fake-shard.js";
import {
  CLUSTER,
  JSON_CODEC,
  openNodeCluster,
  RANGE_MAP,
  RANGE_MAP_KEPT,
  type NodeCluster,
} from "../support/node-cluster.js";

const GROUPS = 1;

function command(requestId: string): Command {
  return {
    caller: { kind: "system" },
    requestId,
    fingerprint: "",
    operation: { kind: "revoke-session", user: "ana", session: "s1" },
  };
}

const QUERY: Query = {
  caller: { kind: "system" },
  question: { kind: "get-group", group: "choir" },
};

async function failureOf(call: Promise<unknown>): Promise<ClusterError> {
  try {
    await call;
  } catch (error) {
    if (error instanceof ClusterError) return error;
    throw error;
  }
  throw new Error("the call was answered");
}

function silent(): Promise<Executed> {
  return new Promise(() => undefined);
}

describe("the shard client", () => {
  let authority: TestAuthority;
  let cluster: NodeCluster;
  let client: ShardClient;
  const retried: [string, string][] = [];
  const framed: number[] = [];
  let aheadMs = 0;

  before(async () => {
    authority = await createTestAuthority();
  });

  beforeEach(async () => {
    retried.length = 0;
    framed.length = 0;
    aheadMs = 0;
    cluster = await openNodeCluster(authority);
    client = await cluster.client({
      clock: { ...SYSTEM_CLOCK, monotonicMs: () => performance.now() + aheadMs },
      observer: {
        retried: (_, node, reason) => retried.push([node, reason]),
        framed: (_, calls) => framed.push(calls),
      },
    });
  });

  afterEach(() => cluster.close());

  const groups = () => {
    const shard = cluster.shards.find(({ number }) => number === GROUPS);
    if (shard === undefined) throw new Error("no such shard");
    return shard;
  };

  const replica = (node: string): FakeReplica => {
    const found = cluster.node(node).replicas.find(({ shard }) => shard === GROUPS);
    if (found === undefined) throw new Error("no such replica");
    return found;
  };

  /** Others tell their callers where to go, and lose what was sent (github.com/LiaLopezRosales/Agenda_Distribuida). */
  it("finds the leader by its hint, brings it the whole call, and remembers it", async () => {
    groups().leader = "node-3";
    const first = await client.execute(GROUPS, command("a"), { timeoutMs: 5000 });
    expect(first.reply).to.deep.equal(command("a"));
    expect(first.position).to.deep.equal({ shard: GROUPS, epoch: 1, sequence: 1 });
    expect(retried).to.deep.equal([["node-1", "not-leader"]]);
    await client.execute(GROUPS, command("b"), { timeoutMs: 5000 });
    expect(retried).to.have.length(1);
  });

  it("answers a read with where the feed stood", async () => {
    groups().append(new Uint8Array(1));
    const { reply, position } = await client.read(GROUPS, QUERY, { timeoutMs: 5000 });
    expect(reply).to.deep.equal(QUERY);
    expect(position).to.deep.equal({ shard: GROUPS, epoch: 1, sequence: 1 });
  });

  it("brings reads to the leader though any replica would answer them", async () => {
    const answered: string[] = [];
    for (const { name } of cluster.nodes) {
      replica(name).intercept = () => {
        answered.push(name);
        return Promise.resolve({ reply: Buffer.from("{}"), sequence: 1, epoch: 1 });
      };
    }
    groups().leader = "node-3";
    const last = () => answered.slice(-5).join();
    while (last() !== "node-3,node-3,node-3,node-3,node-3") {
      await client.read(GROUPS, QUERY, { timeoutMs: 5000 });
    }
  });

  it("puts the calls of one turn into one frame", async () => {
    await client.execute(GROUPS, command("first"), { timeoutMs: 5000 });
    framed.length = 0;
    const calls = Array.from({ length: 100 }, (_, i) =>
      client.execute(GROUPS, command(String(i)), { timeoutMs: 5000 }),
    );
    const results = await Promise.all(calls);
    expect(framed).to.deep.equal([100]);
    expect(new Set(results.map(({ position }) => position.sequence)).size).to.equal(100);
  });

  it("goes on at another node when the leader's dies", async () => {
    await client.execute(GROUPS, command("a"), { timeoutMs: 5000 });
    await cluster.node("node-1").kill();
    const later = client.execute(GROUPS, command("b"), { timeoutMs: 10_000 });
    await eventually(() => retried.length > 3);
    groups().leader = "node-2";
    expect((await later).reply).to.deep.equal(command("b"));
  });

  it("repeats a command that was under way when its node died, as the same command", async () => {
    await client.execute(GROUPS, command("a"), { timeoutMs: 5000 });
    let reached = false;
    replica("node-1").intercept = () => {
      reached = true;
      return silent();
    };
    const call = client.execute(GROUPS, command("b"), { timeoutMs: 10_000 });
    await eventually(() => reached);
    groups().leader = "node-2";
    await cluster.node("node-1").kill();
    await call;
    expect(
      groups().commands.map((bytes) => JSON.parse(Buffer.from(bytes).toString()) as unknown),
    ).to.deep.equal([command("a"), command("b")]);
  });

  it("does not wait out its deadline on a node that says nothing", async () => {
    replica("node-1").intercept = silent;
    const call = client.read(GROUPS, QUERY, { timeoutMs: 15_000 });
    await eventually(() => retried.length > 0);
    expect(retried[0]).to.deep.equal(["node-1", "silent"]);
    groups().leader = "node-2";
    await call;
  });

  it("returns to a node that was restarted", async () => {
    await client.execute(GROUPS, command("a"), { timeoutMs: 5000 });
    await cluster.node("node-1").kill();
    const call = client.execute(GROUPS, command("b"), { timeoutMs: 10_000 });
    await eventually(() => retried.length > 2);
    await cluster.node("node-1").restart();
    await call;
  });

  it("waits for a leader, and tells that nothing was proposed where none came", async () => {
    groups().leader = "";
    const refused = failureOf(client.execute(GROUPS, command("a"), { timeoutMs: 60_000 }));
    await eventually(() => retried.length > 3);
    // Not by a short deadline: on a busy machine the last attempt would not be answered in what is left of it.
    aheadMs = 60_000;
    const error = await refused;
    expect(error.code).to.equal("deadline-exceeded");
    expect(error.details.outcome).to.equal("not_applied");
    const call = client.execute(GROUPS, command("b"), { timeoutMs: 5000 });
    groups().leader = "node-2";
    await call;
  });

  it("tells that the outcome is unknown once a command may have been proposed", async () => {
    for (const { name } of cluster.nodes) replica(name).intercept = silent;
    const error = await failureOf(client.execute(GROUPS, command("a"), { timeoutMs: 300 }));
    expect(error.code).to.equal("deadline-exceeded");
    expect(error.details.outcome).to.equal("unknown");
  });

  it("tells that nothing was proposed where no node can be reached", async () => {
    await Promise.all(cluster.nodes.map((node) => node.kill()));
    const error = await failureOf(client.execute(GROUPS, command("a"), { timeoutMs: 300 }));
    expect(error.code).to.equal("deadline-exceeded");
    expect(error.details.outcome).to.equal("not_applied");
  });

  it("repeats after an unknown outcome, since the request id makes it safe", async () => {
    let times = 0;
    replica("node-1").intercept = () =>
      times++ > 0 ? undefined : Promise.reject(new ClusterError("outcome-unknown", "deposed"));
    await client.execute(GROUPS, command("a"), { timeoutMs: 5000 });
    expect(groups().commands).to.have.length(1);
  });

  it("surfaces a refusal that repeating would not change", async () => {
    replica("node-1").intercept = () =>
      Promise.reject(
        new ClusterError("entry-too-large", "too large: send less", { outcome: "not_applied" }),
      );
    const error = await failureOf(client.execute(GROUPS, command("a"), { timeoutMs: 5000 }));
    expect([error.code, error.message]).to.deep.equal(["entry-too-large", "too large: send less"]);
    expect(error.details.outcome).to.equal("not_applied");
  });

  it("says no more than internal of an error that nobody expected, and whose it was in the log", async () => {
    const fault = new Error("secret path");
    replica("node-1").intercept = () => Promise.reject(fault);
    const coordinator = await cluster.client({ codec: { ...JSON_CODEC, encodeCommand } });
    const options = { timeoutMs: 5000, traceparent: "00-1-2-01" };
    const error = await failureOf(coordinator.execute(GROUPS, command("a"), options));
    expect([error.code, error.message]).to.deep.equal(["internal", "internal error"]);
    expect(cluster.node("node-1").unexpected).to.deep.equal([
      { error: fault, facts: { shard: GROUPS, requestId: "a", traceparent: "00-1-2-01" } },
    ]);
  });

  it("repeats an overloaded call a bounded number of times", async () => {
    let times = 0;
    replica("node-1").intercept = () => {
      times++;
      return Promise.reject(
        new ClusterError("overloaded", "busy", { outcome: "not_applied", retryAfterMs: 5 }),
      );
    };
    const error = await failureOf(client.execute(GROUPS, command("a"), { timeoutMs: 10_000 }));
    expect(error.code).to.equal("overloaded");
    expect(error.details.retryAfterMs).to.equal(5);
    expect(times).to.equal(6);
  });

  it("repeats the fewer of many calls, the more of them fail", async () => {
    let times = 0;
    replica("node-1").intercept = () => {
      times++;
      return Promise.reject(
        new ClusterError("overloaded", "busy", { outcome: "not_applied", retryAfterMs: 1 }),
      );
    };
    const calls = Array.from({ length: 200 }, (_, n) =>
      failureOf(client.execute(GROUPS, command(`flood-${n}`), { timeoutMs: 10_000 })),
    );
    const codes = new Set((await Promise.all(calls)).map(({ code }) => code));
    expect([...codes]).to.deep.equal(["overloaded"]);
    // What is saved at first, and a fifth of a repetition for each call.
    expect(times).to.be.within(201, 200 + 100 + 200 / 5);
  });

  it("never lets a wrong shard or a missing leader out", async () => {
    const other = await cluster.client({ rangeMap: { ...RANGE_MAP, version: 6 } });
    const error = await failureOf(other.execute(GROUPS, command("a"), { timeoutMs: 200 }));
    expect(error.code).to.equal("deadline-exceeded");
    expect(groups().commands).to.deep.equal([]);
  });

  describe("of a cluster whose system shard keeps the range map", () => {
    let kept: NodeCluster;

    beforeEach(async () => {
      kept = await openNodeCluster(authority, RANGE_MAP_KEPT);
    });
    afterEach(() => kept.close());

    /** What the system shard answers, whoever asks. */
    const publish = (version: number): void => {
      const map = { ...RANGE_MAP_KEPT, version };
      const reply = Buffer.from(
        JSON.stringify({ kind: "answered", answer: { kind: "range-map", map } }),
      );
      const system = kept.nodes.flatMap(({ replicas }) => replicas);
      for (const keeper of system.filter(({ shard }) => shard === 3)) {
        keeper.intercept = () => Promise.resolve({ reply, sequence: 1, epoch: 1 });
      }
    };
    const clientWith = (version: number): Promise<ShardClient> =>
      kept.client({ rangeMap: { ...RANGE_MAP_KEPT, version } });

    it("asks for the map when it is refused for an older one, and goes on", async () => {
      publish(7);
      const old = await clientWith(6);
      await old.execute(GROUPS, command("a"), { timeoutMs: 10_000 });
      expect(old.rangeMap.version).to.equal(7);
      expect(kept.shards[0]?.commands).to.have.length(1);
    });

    it("tells nodes of a map that is later than theirs by calling them", async () => {
      publish(8);
      const later = await clientWith(8);
      await later.execute(GROUPS, command("a"), { timeoutMs: 10_000 });
      const older = await clientWith(7);
      await older.execute(GROUPS, command("b"), { timeoutMs: 10_000 });
      expect(older.rangeMap.version).to.equal(8);
    });

    it("learns of a later map by looking who leads", async () => {
      publish(7);
      const old = await clientWith(6);
      await old.probe(5000);
      await eventually(() => old.rangeMap.version === 7);
    });

    it("lets nobody by without a map but to read it", async () => {
      publish(7);
      const without = await clientWith(0);
      await without.refreshRangeMap(5000);
      expect(without.rangeMap.version).to.equal(7);
      const stubborn = await kept.client({ rangeMap: { version: 0, shards: RANGE_MAP.shards } });
      const refused = failureOf(stubborn.execute(GROUPS, command("a"), { timeoutMs: 300 }));
      expect((await refused).code).to.equal("deadline-exceeded");
      expect(kept.shards[0]?.commands).to.deep.equal([]);
    });
  });

  it("goes to nodes that it was told of, where those that it began with are gone", async () => {
    const gone = {
      name: "node-0",
      address: "127.0.0.1:1",
      replicas: cluster.node("node-1").replicas,
    };
    const other = await cluster.client({ nodes: [gone] });
    const members = cluster.nodes.map(({ name: node }) => ({ node }));
    const nodes = cluster.directory.map(({ name, address }) => ({ name, address }));
    const replicas = [{ shard: GROUPS, members }];
    other.learn([create(StatusResponseSchema, { node: "node-2", nodes, replicas })]);
    await other.execute(GROUPS, command("a"), { timeoutMs: 5000 });
    expect(groups().commands).to.have.length(1);
  });

  it("gives up when its caller does", async () => {
    replica("node-1").intercept = silent;
    const controller = new AbortController();
    const { signal } = controller;
    const call = failureOf(client.execute(GROUPS, command("a"), { timeoutMs: 5000, signal }));
    setTimeout(() => controller.abort(), 50);
    expect((await call).code).to.equal("canceled");
  });

  it("fails what is under way when it is closed", async () => {
    groups().leader = "";
    const call = failureOf(client.execute(GROUPS, command("a"), { timeoutMs: 10_000 }));
    await eventually(() => retried.length > 0);
    await client.close();
    await client.close();
    expect((await call).code).to.equal("stopping");
  });

  it("knows which shards have a leader", async () => {
    groups().leader = "";
    await cluster.node("node-3").kill();
    const probed = await client.probe(1000);
    expect(probed.map(({ ready }) => ready)).to.deep.equal([false, true]);
    const roles = probed.map(({ replicas }) => replicas.map(({ role }) => role));
    expect(roles).to.deep.equal([
      ["follower", "follower", "unreachable"],
      ["leader", "follower", "unreachable"],
    ]);
  });

  it("does not speak to a server that is not the node it meant", async () => {
    const impostor = cluster.directory.map((node) => ({ ...node }));
    const [first, second] = impostor;
    if (first === undefined || second === undefined) throw new Error("three nodes were opened");
    first.address = second.address;
    const other = await cluster.client({ nodes: [first] });
    const error = await failureOf(other.execute(GROUPS, command("a"), { timeoutMs: 200 }));
    expect(error.code).to.equal("deadline-exceeded");
    expect(groups().commands).to.deep.equal([]);
  });

  it("is not served with a certificate of role operator", async () => {
    const other = await cluster.client({ role: "operator" });
    const error = await failureOf(other.execute(GROUPS, command("a"), { timeoutMs: 200 }));
    expect(error.code).to.equal("deadline-exceeded");
    expect(groups().commands).to.deep.equal([]);
  });

  it("is served with a node's certificate: shards carry things to each other", async () => {
    const other = await cluster.client({ role: "node" });
    await other.execute(GROUPS, command("a"), { timeoutMs: 5000 });
    expect(groups().commands).to.have.length(1);
  });

  it("is not served with a certificate of another cluster", async () => {
    const tls = await authority.process("elsewhere", "coordinator", "coordinator-1");
    const other = await cluster.client({ tls, clusterName: CLUSTER });
    const error = await failureOf(other.execute(GROUPS, command("a"), { timeoutMs: 200 }));
    expect(error.code).to.equal("deadline-exceeded");
    expect(groups().commands).to.deep.equal([]);
  });

  it("answers calls to a shard while another one's crowd waits or is refused", async () => {
    const [busy, quiet] = cluster.shards;
    if (busy === undefined || quiet === undefined) throw new Error("two shards are needed");
    const crowdedMs = { targetMs: 60_000, burstMs: 60_000, openMs: 60_000 };
    const admission = { openMax: 8, openMin: 8, waitingMax: 100, ...crowdedMs };
    const crowded = await cluster.client({ admission });
    let release: (executed: Executed) => void = () => undefined;
    const released = new Promise<Executed>((resolve) => (release = resolve));
    let begun = 0;
    for (const replica of cluster.nodes.flatMap(({ replicas }) => replicas)) {
      if (replica.shard !== busy.number) continue;
      replica.intercept = () => {
        begun++;
        return released;
      };
    }
    const refusals: ClusterError[] = [];
    const served: unknown[] = [];
    const crowd = Array.from({ length: 400 }, async (_, n) => {
      try {
        served.push(await crowded.execute(busy.number, command(`c${n}`), { timeoutMs: 60_000 }));
      } catch (error) {
        if (error instanceof ClusterError) refusals.push(error);
      }
    });
    await eventually(() => begun >= 8 && refusals.length === 292);
    for (let n = 0; n < 40; n++) {
      await crowded.execute(quiet.number, command(`q${n}`), { timeoutMs: 10_000 });
    }
    expect(served).to.deep.equal([]);
    expect(quiet.commands.length).to.be.at.least(40);
    release({ reply: Buffer.from("{}"), sequence: 1, epoch: 1 });
    await Promise.all(crowd);
    expect(served).to.have.length(108);
    for (const { code, details } of refusals) {
      expect(code).to.equal("overloaded");
      expect(details).to.include({ outcome: "not_applied" }).and.have.property("retryAfterMs");
    }
  });
});
