import { expect } from "chai";
import { ClusterError } from "../../src/base/index.js";
import { eventually } from "../support/eventually.js";
import { getQuery, valuesOf } from "../support/register-machine.js";
import { clearCommand } from "../support/register-of-level.js";
import { RuntimeCluster } from "../support/runtime-cluster.js";

const SHARD = 1;
const READ = { timeoutMs: 5000, minSequence: 0, maxStalenessMs: 0 };

describe("a cluster that is upgraded to a version with a new command", function () {
  this.timeout(60_000);
  let cluster: RuntimeCluster;

  beforeEach(async () => {
    cluster = await RuntimeCluster.start();
    await cluster.set(SHARD, "k", "before");
  });

  afterEach(() => cluster.stop());

  /** One node after the other, as `cabildo rollout` does. */
  const run = async (level: number, nodes: readonly string[]): Promise<void> => {
    for (const node of nodes) {
      await cluster.stopNode(node);
      cluster.levels.set(node, level);
      await cluster.startNode(node);
      await cluster.set(SHARD, "k", `${node} at ${level}`);
    }
  };
  const allNodes = (): readonly string[] => [...cluster.nodes];
  const levels = (): readonly number[] =>
    cluster.nodes.map((node) => cluster.replica(node, SHARD).status().featureLevel);
  const raised = () =>
    eventually(() => {
      cluster.network.announce();
      return levels().every((level) => level === 2);
    });
  const clear = (key: string): Promise<unknown> =>
    cluster
      .askLeader(SHARD, (replica) => replica.execute(clearCommand(key), { timeoutMs: 5000 }))
      .catch((error: unknown) => error);
  /** The new command through whoever leads now, until it is taken. */
  const cleared = (key: string) =>
    eventually(async () => !((await clear(key)) instanceof ClusterError));
  const values = async (): Promise<readonly string[]> => {
    const { replica } = await cluster.leader(SHARD);
    return valuesOf((await replica.read(getQuery("k"), READ)).reply);
  };
  /** Whoever leads does so on one of these nodes. */
  const leadOn = (nodes: readonly string[]) =>
    eventually(async () => {
      const { node, replica } = await cluster.leader(SHARD);
      if (nodes.includes(node)) return true;
      const to = cluster.replica(nodes[0] ?? "", SHARD).replica;
      await replica.transferLeader(to).catch(() => undefined);
      return false;
    });

  it("takes the new command once every node is of the new version, and not before", async () => {
    const nodes = allNodes();
    const last = nodes[2] ?? "";
    await run(2, nodes.slice(0, 2));
    await leadOn(nodes.slice(0, 2));
    cluster.network.announce();
    const refused = await clear("k");
    expect(refused).to.be.instanceOf(ClusterError);
    expect(refused).to.include({ code: "unimplemented" });
    expect((refused as ClusterError).details).to.deep.include({ outcome: "not_applied" });
    expect(levels()).to.deep.equal([1, 1, 1]);

    await run(2, [last]);
    await raised();
    await cleared("k");
    expect(await values()).to.deep.equal([]);
    expect(cluster.failures).to.deep.equal([]);
  });

  it("keeps everything when it goes back half-way", async () => {
    const nodes = allNodes();
    await run(2, nodes.slice(0, 2));
    await run(1, nodes.slice(0, 2));
    cluster.network.announce();
    expect(levels()).to.deep.equal([1, 1, 1]);
    const steps = [2, 1].flatMap((level) => nodes.slice(0, 2).map((node) => `${node} at ${level}`));
    expect(await values()).to.deep.equal(["before", ...steps]);
    expect(cluster.failures).to.deep.equal([]);
  });

  it("does not let the old version open what the new one may have written to", async () => {
    const nodes = allNodes();
    const first = nodes[0] ?? "";
    await run(2, nodes);
    await raised();
    // What is compacted away is on the disk, and with it the level.
    await cluster.replica(first, SHARD).compact();
    await cluster.stopNode(first);
    cluster.levels.set(first, 1);
    const refusal = await cluster.startNode(first).catch((error: unknown) => error);
    expect(String(refusal)).to.match(/uses feature level 2, and this version knows 1 at most/);
    cluster.levels.set(first, 2);
    await cluster.startNode(first);
    await cleared("k");
    expect(cluster.failures).to.deep.equal([]);
  });

  it("stops the old version where it comes back with a log from before, and goes on without", async () => {
    const nodes = allNodes();
    const [first = "", ...others] = nodes;
    const old = cluster.copyDisk(first);
    await run(2, nodes);
    await raised();
    await cluster.stopNode(first);
    cluster.replaceDisk(first, old);
    cluster.levels.set(first, 1);
    await cluster.startNode(first).catch(() => undefined);
    cluster.network.announce();
    await eventually(() => cluster.failures.length > 0);
    expect(String(cluster.failures[0])).to.match(/uses feature level 2, and this version knows 1/);
    await leadOn(others);
    await cleared("k");
  });

  it("begins at once with what all of its nodes know where it is new", async () => {
    await cluster.stop();
    cluster = await RuntimeCluster.start({}, 2);
    await raised();
    await cleared("k");
  });
});
