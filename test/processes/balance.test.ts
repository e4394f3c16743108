import { expect } from "chai";
import { eventually } from "../support/eventually.js";
import { operate } from "../support/run-cabildo.js";
import { UpCluster } from "../support/up-cluster.js";

const EVENTUALLY = { timeoutMs: 60_000 };

describe("a cluster that spreads its leaders after a second of calm", function () {
  this.timeout(180_000);
  let cluster: UpCluster;

  before(async () => {
    cluster = await UpCluster.start({ extra: ["--node-flag=--balance-leaders=1"] });
    await cluster.healthy();
  });
  after(async () => {
    await cluster.stop();
  });

  const leaders = async (): Promise<readonly string[]> =>
    (await cluster.status()).shards.map(({ leader }) => leader);
  const areLed = async (nodes: readonly string[]): Promise<boolean> => {
    const led = new Set(await leaders());
    return led.size === nodes.length && nodes.every((node) => led.has(node));
  };
  const gather = async (node: string): Promise<void> => {
    for (const { name, leader } of (await cluster.status()).shards) {
      if (leader !== node) await cluster.transfer(name, node);
    }
  };

  it("spreads those that one node has", async () => {
    await gather("node-1");
    const all = ["node-1", "node-2", "node-3"];
    await eventually(() => areLed(all), { ...EVENTUALLY, what: "every node to lead something" });
  });

  it("gives a node that was killed leaders again once it is back", async () => {
    await cluster.kill("node-3");
    await eventually(async () => !(await leaders()).includes("node-3"), EVENTUALLY);
    await eventually(async () => (await leaders()).includes("node-3"), EVENTUALLY);
  });

  it("gives nothing to a node that is drained, until that is undone", async () => {
    await operate(cluster, "replica", "drain", "node-2");
    await gather("node-1");
    await eventually(() => areLed(["node-1", "node-3"]), EVENTUALLY);
    await operate(cluster, "replica", "drain", "node-2", "--undo");
    await eventually(async () => (await leaders()).includes("node-2"), EVENTUALLY);
  });

  it("tells what every shard has to do", async () => {
    const ana = await cluster.person("ana");
    await eventually(async () => {
      await ana.users.getUser({ name: "users/ana" });
      return /users .*\n.* [1-9]\d*\.\d requests\/s/u.test(await operate(cluster, "status"));
    }, EVENTUALLY);
    expect(await operate(cluster, "shard", "top", "--interval", "1", "--count", "1")).to.contain(
      "cpu %",
    );
  });
});
