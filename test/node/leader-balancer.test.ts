import { expect } from "chai";
import { NodeContext } from "../../src/node/context.js";
import type { NodeServicesOptions } from "../../src/node/context.js";
import { LeaderBalancer } from "../../src/node/leader-balancer.js";
import { nodeStatus } from "../../src/node/node-status.js";
import { DEFAULT_RANGE_MAP } from "../../src/placement/index.js";
import type { LeaderMove } from "../../src/placement/index.js";
import { FakeShard } from "../support/fake-shard.js";
import { ManualClock } from "../support/manual-clock.js";

const NODES = ["node-1", "node-2", "node-3"];
const CALM_MS = 10_000;

/** Three nodes with a replica of every shard, of which node-1 leads all; each with a balancer. */
class BalancedCluster {
  readonly clock = new ManualClock();
  readonly shards = DEFAULT_RANGE_MAP.shards.map(({ number }) => new FakeShard(number, NODES));
  readonly moves: LeaderMove[] = [];
  readonly failures: unknown[] = [];
  readonly #contexts = new Map<string, NodeContext>();
  readonly #silent = new Set<string>();
  readonly #balancers: LeaderBalancer[];

  constructor() {
    for (const node of NODES) this.#contexts.set(node, this.#contextOf(node));
    this.#balancers = [...this.#contexts.values()].map(
      (context) =>
        new LeaderBalancer(context, {
          calmMs: CALM_MS,
          clock: this.clock,
          observer: {
            leaderMoved: (move) => this.moves.push(move),
            failed: (cause) => this.failures.push(cause),
          },
        }),
    );
  }

  get leaders(): readonly string[] {
    return this.shards.map(({ leader }) => leader);
  }

  drain(node: string): void {
    const context = this.#contexts.get(node);
    if (context !== undefined) context.options.isDraining = true;
  }

  silence(node: string, isSilent: boolean): void {
    if (isSilent) this.#silent.add(node);
    else this.#silent.delete(node);
  }

  async pass(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += 500) {
      await this.clock.turn(500);
      // What was asked is answered before more time passes.
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  close(): void {
    for (const balancer of this.#balancers) balancer.close();
  }

  #contextOf(node: string): NodeContext {
    const replicas = this.shards.map((shard) => shard.replicaOf(node));
    const nodes = NODES.map((name) => ({
      name,
      address: `${name}:1`,
      replicas: this.shards.map((shard) => shard.replicaOf(name)),
    }));
    const calls: Partial<NodeServicesOptions["calls"]> = {
      learn: () => undefined,
      status: async (name) => {
        const context = this.#contexts.get(name);
        if (context === undefined || this.#silent.has(name)) throw new Error("silent");
        return nodeStatus(context);
      },
      transferLeader: async (from, { shard, toNode }) => {
        const number = DEFAULT_RANGE_MAP.shards.find(({ name }) => name === shard)?.number;
        const led = this.shards.find((one) => one.number === number);
        if (led?.leader !== from) throw new Error(`${from} does not lead ${shard}`);
        led.leader = toNode;
        return toNode;
      },
    };
    const options: Partial<NodeServicesOptions> = {
      replicas,
      nodeName: node,
      clusterId: "cluster-id",
      storeId: `${node}-store`,
      boot: 1,
      rangeMap: DEFAULT_RANGE_MAP,
      address: `${node}:1`,
      nodes,
      isDraining: false,
      calls: calls as NodeServicesOptions["calls"],
      removed: new Set(),
      // Nothing is asked of shards elsewhere.
      after: () => () => undefined,
    };
    return new NodeContext(options as NodeServicesOptions);
  }
}

describe("a cluster whose leaders are spread", () => {
  let cluster: BalancedCluster;

  beforeEach(() => {
    cluster = new BalancedCluster();
  });

  afterEach(() => {
    cluster.close();
    expect(cluster.failures).to.deep.equal([]);
  });

  it("moves nothing before the calm is over, and then one leader a calm", async () => {
    await cluster.pass(CALM_MS);
    expect(cluster.moves).to.deep.equal([]);
    await cluster.pass(2500);
    expect(cluster.moves).to.have.length(1);
    await cluster.pass(CALM_MS - 2000);
    expect(cluster.moves).to.have.length(1);
  });

  it("comes to rest with every node leading about as many", async () => {
    await cluster.pass(20 * CALM_MS);
    const led = NODES.map((node) => cluster.leaders.filter((one) => one === node).length);
    expect(led.sort((a, b) => a - b)).to.deep.equal([1, 2, 2]);
    expect(cluster.moves).to.have.length(3);
  });

  it("does not begin while leaders keep changing", async () => {
    const [shard] = cluster.shards;
    for (let n = 0; n < 10; n++) {
      await cluster.pass(CALM_MS / 2);
      if (shard !== undefined) shard.leader = NODES[n % 3] ?? "";
    }
    expect(cluster.moves).to.deep.equal([]);
  });

  it("gives a node that came back leaders again, and nothing while it was away", async () => {
    cluster.silence("node-3", true);
    await cluster.pass(10 * CALM_MS);
    expect(cluster.leaders).not.to.include("node-3");
    cluster.silence("node-3", false);
    await cluster.pass(10 * CALM_MS);
    expect(cluster.leaders).to.include("node-3");
  });

  it("leaves a drained node drained", async () => {
    cluster.drain("node-2");
    await cluster.pass(10 * CALM_MS);
    expect(new Set(cluster.leaders)).to.deep.equal(new Set(["node-1", "node-3"]));
  });

  it("is looked after by whoever leads its system shard", async () => {
    const system = cluster.shards.at(-1);
    if (system !== undefined) system.leader = "node-3";
    await cluster.pass(10 * CALM_MS);
    expect(new Set(cluster.leaders).size).to.equal(3);
    if (system !== undefined) system.leader = "";
    const before = cluster.moves.length;
    for (const shard of cluster.shards.slice(0, -1)) shard.leader = "node-1";
    await cluster.pass(10 * CALM_MS);
    expect(cluster.moves).to.have.length(before);
  });
});
