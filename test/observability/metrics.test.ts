import { expect } from "chai";
import type { ReplicaStatus } from "../../src/runtime/index.js";
import {
  countLogins,
  createFanoutObserver,
  createLog,
  createPeerObserver,
  createRegistry,
  createRpcMetrics,
  createRuntimeObserver,
  createShardObserver,
  observeBacklog,
  observeReplicas,
  observeStorage,
} from "../../src/observability/index.js";
import { IDLE } from "../support/fake-shard.js";

const STATUS: ReplicaStatus = {
  shard: 1,
  replica: 65_537,
  role: "leader",
  term: 3,
  leader: 65_537,
  leaderNode: "node-1",
  commit: 10,
  applied: 9,
  firstIndex: 1,
  lastIndex: 12,
  sequence: 4,
  epoch: 1,
  featureLevel: 1,
  stateHash: "",
  quarantine: "",
  followers: [
    {
      replica: 65_538,
      node: "node-2",
      state: "replicate",
      match: 7,
      next: 8,
      learner: false,
      active: true,
      inflight: 0,
    },
  ],
  members: [],
  changing: false,
  pending: 2,
  readsPending: 0,
  leaderAgeMs: 20,
  load: IDLE,
};

function nodeRegistry(statuses: () => readonly ReplicaStatus[]) {
  const registry = createRegistry({ name: "node-1", version: "0.0.1" });
  const shardName = (): string => "events-am";
  observeReplicas(registry, { statuses, shardName });
  const log = createLog("node-1", "error");
  return { registry, log, runtime: createRuntimeObserver({ registry, log, shardName }) };
}

describe("the metrics of a node", () => {
  it("tell of each replica by shard", async () => {
    const { registry } = nodeRegistry(() => [STATUS]);
    const text = await registry.metrics();
    expect(text).to.contain('cabildo_raft_is_leader{shard="events-am"} 1');
    expect(text).to.contain('cabildo_raft_commit_index{shard="events-am"} 10');
    expect(text).to.contain('cabildo_raft_follower_lag_entries{shard="events-am",to="node-2"} 5');
  });

  it("forget a replica that is gone", async () => {
    let statuses: readonly ReplicaStatus[] = [STATUS];
    const { registry } = nodeRegistry(() => statuses);
    await registry.metrics();
    statuses = [];
    expect(await registry.metrics()).to.not.contain("cabildo_raft_is_leader{");
  });

  it("count commits from the start of the process, and not what the log held before", async () => {
    let commit = 1000;
    const { registry } = nodeRegistry(() => [{ ...STATUS, commit }]);
    await registry.metrics();
    commit = 1007;
    const name = "cabildo_raft_proposals_committed_total";
    expect(await registry.metrics()).to.contain(`${name}{shard="events-am"} 7`);
  });

  it("count what a shard is asked, and what that costs", async () => {
    let load = IDLE;
    const { registry } = nodeRegistry(() => [{ ...STATUS, load }]);
    await registry.metrics();
    load = { ...IDLE, requests: 3, bytes: 500, cpuMs: 20 };
    const text = await registry.metrics();
    expect(text).to.contain('cabildo_shard_requests_total{shard="events-am"} 3');
    expect(text).to.contain('cabildo_shard_bytes_total{shard="events-am"} 500');
    expect(text).to.contain('cabildo_shard_cpu_seconds_total{shard="events-am"} 0.02');
  });

  it("count the snapshots under way, and how they end", async () => {
    const { registry, runtime } = nodeRegistry(() => []);
    const told = async (metric: string): Promise<string | undefined> =>
      new RegExp(`^cabildo_raft_snapshot_${metric}\\{shard="events-am"\\} (.+)$`, "mu").exec(
        await registry.metrics(),
      )?.[1];
    runtime.snapshotBegan(1, "receive");
    runtime.snapshotInstalling(1);
    expect(await told("receive_inflights")).to.equal("1");
    expect(await told("apply_in_progress")).to.equal("1");
    runtime.snapshotEnded(1, "receive", { installed: false, seconds: 2 });
    expect(await told("receive_inflights")).to.equal("0");
    expect(await told("apply_in_progress")).to.equal("0");
    expect(await told("receive_failures_total")).to.equal("1");
    expect(await told("receive_success_total")).to.equal(undefined);
  });

  it("measure the disk in seconds", async () => {
    const { registry, runtime } = nodeRegistry(() => []);
    runtime.roundWritten({ seconds: 0.004, handOverSeconds: 0.001, sync: true, logBytes: 700 });
    const text = await registry.metrics();
    expect(text).to.contain('cabildo_raft_log_fsync_duration_seconds_bucket{le="0.002"} 0');
    expect(text).to.contain('cabildo_raft_log_fsync_duration_seconds_bucket{le="0.004"} 1');
  });
});

const NO_BACKLOG = {
  unsentBytesEach: [] as readonly number[],
  connectionsBehind: 0,
  changesBehind: new Map<number, number>(),
};

describe("the metrics of a fan-out", () => {
  it("count sockets, what they hear, and how old it is", async () => {
    const registry = createRegistry({ name: "fanout-1", version: "0.0.1" });
    const tell = createFanoutObserver(registry, () => "users");
    tell({ kind: "connection-opened" });
    tell({ kind: "connection-opened" });
    tell({ kind: "connection-closed", code: 1000, cause: undefined });
    tell({ kind: "pushed", path: "topic", deliveries: 7, bytes: 100 });
    tell({ kind: "feed", shard: 4, sequence: 12, changes: 1, ageMs: 3 });
    const text = await registry.metrics();
    expect(text).to.contain("cabildo_ws_connections 1");
    expect(text).to.contain('cabildo_ws_messages_sent_total{path="topic"} 7');
    expect(text).to.contain(
      'cabildo_fanout_commit_to_client_seconds_bucket{le="0.004",shard="users"} 1',
    );
  });

  it("say how many bytes went out: to each socket, or to one that reads at its own pace", async () => {
    const registry = createRegistry({ name: "fanout-1", version: "0.0.1" });
    const tell = createFanoutObserver(registry, () => "users");
    tell({ kind: "pushed", path: "topic", deliveries: 7, bytes: 100 });
    tell({ kind: "pushed", path: "replay", deliveries: 7, bytes: 100 });
    tell({ kind: "caught-up", ms: 30 });
    const text = await registry.metrics();
    expect(text).to.contain('cabildo_ws_bytes_sent_total{path="topic"} 700');
    expect(text).to.contain('cabildo_ws_bytes_sent_total{path="replay"} 100');
    expect(text).to.contain('cabildo_ws_caught_up_seconds_bucket{le="0.04"} 1');
  });

  it("say what waits for clients when they are asked", async () => {
    const registry = createRegistry({ name: "fanout-1", version: "0.0.1" });
    let backlog = NO_BACKLOG;
    observeBacklog(
      registry,
      () => "users",
      () => backlog,
    );
    await registry.metrics();
    const changesBehind = new Map([[4, 9]]);
    backlog = { unsentBytesEach: [0, 5, 2000], connectionsBehind: 2, changesBehind };
    const text = await registry.metrics();
    expect(text).to.contain("cabildo_ws_backpressure_bytes 2005");
    expect(text).to.contain("cabildo_ws_backpressure_max_bytes 2000");
    const depths = [...text.matchAll(/^cabildo_ws_backpressure_each_bytes_bucket.* (\d+)$/gmu)];
    expect(depths.map(([, sockets]) => Number(sockets))).to.deep.equal([
      1,
      2,
      ...Array<number>(8).fill(3),
    ]);
    expect(text).to.contain("cabildo_ws_behind 2");
    expect(text).to.contain('cabildo_ws_behind_changes{shard="users"} 9');
  });
});

describe("the metrics of a door", () => {
  it("count a call when it begins and when it ends", async () => {
    const registry = createRegistry({ name: "coordinator-1", version: "0.0.1" });
    const metrics = createRpcMetrics(registry);
    const call = { service: "a.B", method: "C", type: "unary", protocol: "grpc" } as const;
    const counted = metrics.started(call);
    counted.received();
    counted.ended("NotFound");
    metrics.started(call).sent();
    const text = await registry.metrics();
    const labels = 'grpc_type="unary",grpc_service="a.B",grpc_method="C",protocol="grpc"';
    expect(text).to.contain(`grpc_server_started_total{${labels}} 2`);
    expect(text).to.contain(`grpc_server_msg_received_total{${labels}} 1`);
    expect(text).to.contain(`grpc_server_msg_sent_total{${labels}} 1`);
    expect(text).to.contain(`grpc_server_handled_total{${labels},grpc_code="NotFound"} 1`);
    expect(text).to.contain(`grpc_server_handling_seconds_count{${labels}} 1`);
  });
});

describe("the metrics of logins", () => {
  it("tell a wrong password from a cluster that cannot say", async () => {
    const registry = createRegistry({ name: "coordinator-1", version: "0.0.1" });
    const metrics = countLogins(registry, createRpcMetrics(registry));
    const call = { service: "cabildo.v1.AuthService", type: "unary", protocol: "rest" } as const;
    for (const code of ["OK", "Unauthenticated", "Unauthenticated", "Unavailable"]) {
      metrics.started({ ...call, method: "Login" }).ended(code);
    }
    metrics.started({ ...call, method: "Logout" }).ended("OK");
    const text = await registry.metrics();
    expect(text).to.contain('cabildo_auth_logins_total{result="ok"} 1');
    expect(text).to.contain('cabildo_auth_logins_total{result="refused"} 2');
    expect(text).to.contain('cabildo_auth_logins_total{result="throttled"} 0');
    expect(text).to.contain('cabildo_auth_logins_total{result="failed"} 1');
  });
});

describe("every metric", () => {
  it("counts every call to a shard and its time, however often it is asked meanwhile", async () => {
    const registry = createRegistry({ name: "coordinator-1", version: "0.0.1" });
    const { ended } = createShardObserver(registry, (shard) => `shard-${shard}`);
    const many = 700;
    for (let n = 0; n < many; n++) {
      ended?.(1, "ok", 0.003);
      if (n % 100 === 0) {
        ended?.(2, "overloaded", 5);
        await registry.metrics();
      }
    }
    const asked = await registry.getMetricsAsJSON();
    const valueOf = (metricName: string, labels: Readonly<Record<string, string | number>>) =>
      asked
        .flatMap(({ name, values }) => values.map((value) => ({ metricName: name, ...value })))
        .find(
          (value) =>
            value.metricName === metricName &&
            Object.entries(labels).every(([label, is]) => value.labels[label] === is),
        )?.value;
    const total = "cabildo_router_requests_total";
    expect(valueOf(total, { shard: "shard-1", outcome: "ok" })).to.equal(many);
    expect(valueOf(total, { shard: "shard-2", outcome: "overloaded" })).to.equal(7);
    const seconds = "cabildo_router_request_duration_seconds";
    expect(valueOf(`${seconds}_count`, { shard: "shard-1" })).to.equal(many);
    expect(valueOf(`${seconds}_bucket`, { shard: "shard-1", le: 0.002 })).to.equal(0);
    expect(valueOf(`${seconds}_bucket`, { shard: "shard-1", le: 0.004 })).to.equal(many);
    expect(valueOf(`${seconds}_sum`, { shard: "shard-2" })).to.equal(35);
  });

  it("is a counter if and only if its name ends in _total", async () => {
    const { registry, log } = nodeRegistry(() => [STATUS]);
    countLogins(registry, createRpcMetrics(registry));
    createPeerObserver({ registry, log, shardName: String });
    observeBacklog(registry, String, () => NO_BACKLOG);
    createFanoutObserver(registry, String);
    createShardObserver(registry, String);
    observeStorage(registry, () =>
      Promise.resolve({ freeBytes: 1, storeBytes: 1, reserveBytes: 1 }),
    );
    const types = [...(await registry.metrics()).matchAll(/^# TYPE (\S+) (\S+)$/gmu)];
    const wrong = types
      .map(([, name = "", type = ""]) => ({ name, type }))
      .filter(({ name }) => /^(cabildo|grpc)_/u.test(name))
      .filter(({ name, type }) => name.endsWith("_total") !== (type === "counter"));
    expect(wrong).to.deep.equal([]);
  });
});
