import { expect } from "chai";
import { GenerationKeys, numberedKey, TABLES } from "../../src/storage/keys.js";
import { eventually } from "../support/eventually.js";
import { getQuery, valuesOf } from "../support/register-machine.js";
import { RuntimeCluster } from "../support/runtime-cluster.js";

const READ = { timeoutMs: 5000, minSequence: 0, maxStalenessMs: 0 };
const STATE_TABLE_AT = 9;

describe("a node whose disk rots", function () {
  this.timeout(60_000);
  let cluster: RuntimeCluster;
  /** What stopped a node, in the words that an operator reads. */
  const failures = () => cluster.failures.map((error) => (error as Error).message);

  beforeEach(async () => {
    cluster = await RuntimeCluster.start();
    for (let n = 0; n < 20; n++) await cluster.set(1, `k${n}`, String(n));
    for (const node of cluster.nodes) {
      // What is only in memory cannot rot.
      cluster.crashNode(node);
      await cluster.startNode(node);
      // It knows then that its state is fresh, and answers from it when it is alone.
      await eventually(() => read(node, "k6"), { what: `${node} to read` });
    }
  });

  afterEach(() => cluster.stop());

  const keysOf = (node: string) => new GenerationKeys(cluster.replica(node, 1).replica, 1);
  const read = async (node: string, key: string) => {
    const { reply } = await cluster.replica(node, 1).read(getQuery(key), READ);
    return valuesOf(reply);
  };
  const quarantine = (node: string) => cluster.replica(node, 1).status().quarantine;

  const isState = (key: Buffer) => key[STATE_TABLE_AT] === TABLES.state;

  /** Damages the state and makes the node notice; it stops then. */
  const rotState = async (node: string) => {
    await cluster.rot(node, isState);
    const before = failures().length;
    const query = cluster
      .replica(node, 1)
      .read(getQuery("k7"), { ...READ, maxStalenessMs: 60_000 });
    expect(await query.catch((error: unknown) => error)).to.have.property(
      "code",
      "corrupt-storage",
    );
    await eventually(() => failures().length > before, { what: "the damage to be noted" });
    cluster.crashNode(node);
  };

  const repaired = (node: string) =>
    eventually(() => quarantine(node) === "" && cluster.replica(node, 1).status().applied > 0, {
      what: `${node} to be whole again`,
    });

  it("is rebuilt from the others, and serves nothing that is damaged meanwhile", async () => {
    const { node: leader } = await cluster.leader(1);
    const rotten = cluster.nodes.find((name) => name !== leader) ?? "";
    await rotState(rotten);
    expect(failures()[0]).to.match(/is damaged.*rebuilt from a leader's snapshot/);
    await cluster.startNode(rotten);
    expect(quarantine(rotten)).to.match(/is damaged/);
    await repaired(rotten);
    for (let n = 0; n < 20; n++) expect(await read(rotten, `k${n}`)).to.deep.equal([String(n)]);
  });

  it("is rebuilt where only one of three copies is whole", async () => {
    const [first = "", second = "", whole = ""] = cluster.nodes;
    await rotState(first);
    await rotState(second);
    await cluster.startNode(first);
    await cluster.startNode(second);
    expect((await cluster.leader(1)).node).to.equal(whole);
    await repaired(first);
    await repaired(second);
    cluster.crashNode(whole);
    await cluster.set(1, "k0", "after");
    for (let n = 1; n < 20; n++) expect(await read(first, `k${n}`)).to.deep.equal([String(n)]);
  });

  it("leads nothing where no copy is whole, says why, and removes nothing", async () => {
    const nodes = [...cluster.nodes];
    for (const node of nodes) await rotState(node);
    const rows = () => Promise.all(nodes.map((node) => cluster.rowsOf(node, isState)));
    const before = await rows();
    expect(Math.min(...before)).to.be.greaterThan(10);
    for (const node of nodes) await cluster.startNode(node);
    await new Promise((resolve) => setTimeout(resolve, 1500));
    for (const node of nodes) {
      expect(cluster.replica(node, 1).status().role).to.equal("follower");
      expect(quarantine(node)).to.match(/is damaged/);
    }
    expect(await rows()).to.deep.equal(before);
  });

  it("as a leader brings others up to date without the entries that it lost", async () => {
    const { node } = await cluster.leader(1);
    const away = cluster.nodes.find((name) => name !== node) ?? "";
    cluster.crashNode(away);
    for (let n = 0; n < 20; n++) await cluster.set(1, `k${n}`, "later");
    const index = cluster.replica(node, 1).status().lastIndex - 10;
    // Their logs come from the disk again: what they wrote themselves would still be in memory.
    const present = [...cluster.nodes];
    for (const name of present) cluster.crashNode(name);
    for (const name of present) await cluster.startNode(name);
    for (const name of present) {
      const { log } = keysOf(name);
      await cluster.rot(name, (key) => key.equals(numberedKey(log, index)));
    }
    await cluster.startNode(away);
    await cluster.set(1, "k0", "last");
    await eventually(async () => (await read(away, "k0")).at(-1) === "last");
    for (let n = 1; n < 20; n++) expect(await read(away, `k${n}`)).to.deep.equal([`${n}`, "later"]);
    // Whichever led then had to give a snapshot: it dropped its log up to there. Another one may lead by now.
    const first = present.map((name) => cluster.replica(name, 1).status().firstIndex);
    expect(Math.max(...first)).to.be.greaterThan(index);
    expect(cluster.failures).to.deep.equal([]);
  });
});
