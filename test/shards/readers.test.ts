import { expect } from "chai";
import { ClusterError } from "../../src/base/index.js";
import type { Query } from "../../src/domain/index.js";
import type { Executed, ReplicaHandle } from "../../src/runtime/index.js";
import { createShardClient } from "../../src/shards/index.js";
import type { ReadOptions, ShardClient } from "../../src/shards/index.js";
import { createTestAuthority, type TestAuthority } from "../support/certificates.js";
import { eventually } from "../support/eventually.js";
import {
  CLUSTER,
  JSON_CODEC,
  openNode,
  openNodeCluster,
  RANGE_MAP,
} from "../support/node-cluster.js";
import type { ClusterNode, NodeCluster } from "../support/node-cluster.js";
import { RuntimeCluster } from "../support/runtime-cluster.js";

const GROUPS = 1;
const QUERY: Query = {
  caller: { kind: "system" },
  question: { kind: "get-group", group: "choir" },
};
const ANSWER: Executed = { reply: Buffer.from("{}"), sequence: 1, epoch: 1 };

/** A call that is answered when the test says so. */
interface Held {
  readonly node: string;
  readonly answer: () => void;
}

describe("reads of a shard", () => {
  let authority: TestAuthority;
  let cluster: NodeCluster;
  let client: ShardClient;
  let held: Held[];

  before(async () => {
    authority = await createTestAuthority();
  });

  beforeEach(async () => {
    cluster = await openNodeCluster(authority);
    client = await cluster.client();
    held = [];
  });

  afterEach(() => cluster.close());

  const replica = (node: string) => {
    const found = cluster.node(node).replicas.find(({ shard }) => shard === GROUPS);
    if (found === undefined) throw new Error("no such replica");
    return found;
  };

  const read = (maxStalenessMs = 0) =>
    client.read(GROUPS, QUERY, { timeoutMs: 10_000, maxStalenessMs });

  /** From now on every replica keeps its callers waiting. */
  const hold = () => {
    for (const { name } of cluster.nodes) {
      replica(name).intercept = () =>
        new Promise((resolve) => {
          held.push({ node: name, answer: () => resolve(ANSWER) });
        });
    }
  };

  const answering = () => {
    const nodes = held.map(({ node }) => node);
    return cluster.nodes.map(({ name }) => nodes.filter((node) => node === name).length);
  };

  /** Until a command has told the client who leads. */
  const meetLeader = async (node: string) => {
    for (const shard of cluster.shards) shard.leader = node;
    const operation = { kind: "revoke-session", user: "ana", session: "s" } as const;
    const command = { ...QUERY, requestId: "a", fingerprint: "", operation };
    await client.execute(GROUPS, command, { timeoutMs: 5000 });
  };

  it("stay with the leader while they are few, and are shared by all replicas when they are many", async () => {
    await meetLeader("node-2");
    hold();
    const reads = Array.from({ length: 4 }, () => read());
    await eventually(() => held.length === 4);
    expect(answering()).to.deep.equal([0, 4, 0]);
    reads.push(...Array.from({ length: 26 }, () => read()));
    await eventually(() => held.length === 30);
    const [first = 0, leader = 0, third = 0] = answering();
    expect([first + third + leader, leader - first <= 5, leader - third <= 5]).to.deep.equal([
      30,
      true,
      true,
    ]);
    for (const { answer } of held) answer();
    await Promise.all(reads);
  });

  it("go to whoever has fewest open where they may be old", async () => {
    await meetLeader("node-2");
    hold();
    const reads = Array.from({ length: 9 }, () => read(1000));
    await eventually(() => held.length === 9);
    expect(answering()).to.deep.equal([3, 3, 3]);
    for (const { answer } of held) answer();
    await Promise.all(reads);
  });

  it("leave a replica alone for a while that cannot reach its leader", async () => {
    await meetLeader("node-1");
    hold();
    let refused = 0;
    replica("node-3").intercept = () => {
      refused++;
      return Promise.reject(new ClusterError("no-leader", "cut off"));
    };
    const reads = Array.from({ length: 15 }, () => read());
    await eventually(() => held.length === 15);
    const before = refused;
    expect(before).to.be.greaterThan(0);
    reads.push(...Array.from({ length: 15 }, () => read()));
    await eventually(() => held.length === 30);
    expect(refused).to.equal(before);
    for (const { answer } of held) answer();
    await Promise.all(reads);
  });
});

describe("reads over the replicas of a real group", function () {
  this.timeout(30_000);
  let group: RuntimeCluster;
  let client: ShardClient;
  let nodes: readonly ClusterNode<ReplicaHandle>[];
  const answered = new Map<string, number>();

  before(async () => {
    const authority = await createTestAuthority();
    group = await RuntimeCluster.start();
    const directory = group.nodes.map((name) => ({
      name,
      address: "",
      replicas: [counted(name, group.replica(name, GROUPS))],
    }));
    const serving = [];
    for (const entry of directory) {
      const tls = await authority.process(CLUSTER, "node", entry.name);
      serving.push(await openNode(entry, directory, tls));
    }
    nodes = serving;
    client = createShardClient({
      nodes: directory,
      tls: await authority.process(CLUSTER, "coordinator", "coordinator-1"),
      rangeMap: RANGE_MAP,
      clusterName: CLUSTER,
      codec: JSON_CODEC,
    });
  });

  after(async () => {
    await client.close();
    await Promise.all(nodes.map((node) => node.kill()));
    await group.stop();
    expect(group.failures).to.deep.equal([]);
  });

  /** Counts what it answers. */
  const counted = (name: string, replica: ReplicaHandle): ReplicaHandle =>
    new Proxy(replica, {
      get: (target, property) => {
        if (property === "read") answered.set(name, (answered.get(name) ?? 0) + 1);
        const value: unknown = Reflect.get(target, property);
        return typeof value === "function" ? (value.bind(target) as unknown) : value;
      },
    });

  const titles = async (options: Partial<ReadOptions> = {}) => {
    const { reply } = await client.read(GROUPS, QUERY, { timeoutMs: 10_000, ...options });
    return reply.kind === "refused" ? reply.message : "";
  };

  it("see everything that was acknowledged, whichever replica answers", async () => {
    let expected = "";
    for (let n = 0; n < 10; n++) {
      await group.set(GROUPS, "choir", String(n));
      expected = n === 0 ? "0" : `${expected},${n}`;
      const seen = await Promise.all(Array.from({ length: 20 }, () => titles()));
      expect(new Set(seen)).to.deep.equal(new Set([expected]));
    }
    expect([...answered.keys()].sort()).to.deep.equal([...group.nodes].sort());
  });

  it("that may be old see at least the position that they name", async () => {
    for (let n = 0; n < 10; n++) {
      const { sequence } = await group.set(GROUPS, "choir", `own-${n}`);
      const options = { maxStalenessMs: 30_000, minSequence: sequence };
      const seen = await Promise.all(Array.from({ length: 6 }, () => titles(options)));
      for (const text of seen) expect(text.endsWith(`,own-${n}`)).to.equal(true);
    }
  });

  it("that may be old are answered while nobody leads", async () => {
    const { node } = await group.leader(GROUPS);
    for (const name of group.nodes) group.network.isolate(name);
    await eventually(() => {
      const status = group.replica(node, GROUPS).status();
      return status.role !== "leader";
    });
    const written = await titles({ maxStalenessMs: 30_000 });
    expect(written.startsWith("0,1,2")).to.equal(true);
    const now = await titles({ timeoutMs: 300 }).catch((error: unknown) => error);
    expect(now).to.be.instanceOf(ClusterError);
  });
});
