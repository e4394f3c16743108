import { expect } from "chai";
import { MemoryDisk } from "../../src/storage/index.js";
import { eventually } from "../support/eventually.js";
import { getQuery, valuesOf } from "../support/register-machine.js";
import { RuntimeCluster } from "../support/runtime-cluster.js";

const READ = { timeoutMs: 5000, minSequence: 0, maxStalenessMs: 0 };
const ELECTIONS_MS = 2000;
/** Peers make durable what they heard after this time. */
const DISK_CHECK_MS = 20;

describe("a node that is started on an older copy of its disk", function () {
  this.timeout(60_000);
  let cluster: RuntimeCluster;
  let old: string;
  let leader: string;

  beforeEach(async () => {
    cluster = await RuntimeCluster.start({ diskCheckMs: DISK_CHECK_MS });
    for (let n = 0; n < 5; n++) await cluster.set(1, "k", String(n));
    leader = (await cluster.leader(1)).node;
    old = cluster.nodes.find((name) => name !== leader) ?? "";
  });

  afterEach(async () => {
    await cluster.stop();
    expect(cluster.failures).to.deep.equal([]);
  });

  const quarantine = (node: string) => cluster.replica(node, 1).status().quarantine;
  const third = () => cluster.nodes.find((name) => name !== leader && name !== old) ?? "";
  const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
  const values = async () => {
    const { replica } = await cluster.leader(1);
    return valuesOf((await replica.read(getQuery("k"), READ)).reply);
  };

  /** The third is away while leader and old one acknowledge; then the old one forgets that. */
  const forget = async () => {
    const away = third();
    cluster.crashNode(away);
    const backup = cluster.copyDisk(old);
    for (let n = 5; n < 15; n++) await cluster.set(1, "k", String(n));
    cluster.crashNode(old);
    cluster.replaceDisk(old, backup);
    return away;
  };

  it("is told by who heard it, and elects nobody who lacks what it acknowledged", async () => {
    const away = await forget();
    await cluster.startNode(old);
    expect(quarantine(old)).to.match(/others heard more acknowledged|older copy/);
    // It does not hear of its leader any more, so it stays as it is.
    cluster.crashNode(leader);
    await cluster.startNode(away);
    await pause(ELECTIONS_MS);
    for (const node of [old, away]) {
      expect(cluster.replica(node, 1).status().role).to.not.equal("leader");
    }
    await cluster.startNode(leader);
    expect((await values()).slice(0, 15)).to.deep.equal(
      Array.from({ length: 15 }, (_, n) => `${n}`),
    );
  });

  it("is brought up to date by the leader and takes part again", async () => {
    await forget();
    await cluster.startNode(old);
    expect(quarantine(old)).to.not.equal("");
    await eventually(() => quarantine(old) === "", { what: "the copy to be repaired" });
    cluster.crashNode(old);
    await cluster.startNode(old);
    expect(quarantine(old)).to.equal("");
    await cluster.set(1, "k", "after");
  });

  it("is told by nodes that were restarted since they heard it", async () => {
    const away = await forget();
    await pause(5 * DISK_CHECK_MS);
    cluster.crashNode(leader);
    await cluster.startNode(leader);
    await cluster.startNode(old);
    expect(quarantine(old)).to.not.equal("");
    await cluster.startNode(away);
    await eventually(() => quarantine(old) === "", { what: "the copy to be repaired" });
  });

  it("stays out over a restart among those who know nothing", async () => {
    const away = await forget();
    await cluster.startNode(old);
    cluster.crashNode(leader);
    await pause(100);
    cluster.crashNode(old);
    await cluster.startNode(away);
    await cluster.startNode(old);
    expect(quarantine(old)).to.match(/acknowledged/);
    await pause(ELECTIONS_MS);
    expect(cluster.replica(away, 1).status().role).to.not.equal("leader");
    await cluster.startNode(leader);
    await cluster.leader(1);
  });

  it("is found where only votes were forgotten, and no boot is missing", async () => {
    cluster.crashNode(old);
    const backup = cluster.copyDisk(old);
    await cluster.startNode(old);
    await eventually(() => quarantine(old) === "" && cluster.replica(old, 1).status().leader !== 0);
    cluster.crashNode(old);
    cluster.replaceDisk(old, backup);
    await cluster.startNode(old);
    expect(quarantine(old)).to.match(/older copy/);
    await eventually(() => quarantine(old) === "", { what: "the copy to be repaired" });
    cluster.network.announce();
    expect(quarantine(old)).to.equal("");
  });

  it("is refused where its disk was wiped, in words that say what to do", async () => {
    cluster.crashNode(old);
    cluster.replaceDisk(old, new MemoryDisk());
    await cluster.startNode(old);
    expect(cluster.network.refusal(old, leader)).to.match(/another disk.*node of another name/);
    cluster.crashNode(third());
    await pause(ELECTIONS_MS);
    expect(cluster.replica(old, 1).status().leader).to.equal(0);
    expect(cluster.replica(leader, 1).status().role).to.not.equal("leader");
  });
});
