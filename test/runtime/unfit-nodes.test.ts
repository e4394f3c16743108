import { expect } from "chai";
import { eventually } from "../support/eventually.js";
import { getQuery, setCommand, valuesOf } from "../support/register-machine.js";
import { RuntimeCluster } from "../support/runtime-cluster.js";

const READ = { timeoutMs: 5000, minSequence: 0, maxStalenessMs: 0 };
const LIMITS = { diskCheckMs: 20, diskReserveBytes: 1000 };
const TEN_YEARS_MS = 10 * 365 * 86_400_000;

describe("a node", function () {
  this.timeout(60_000);
  let cluster: RuntimeCluster;
  let announcer: NodeJS.Timeout;

  beforeEach(async () => {
    cluster = await RuntimeCluster.start(LIMITS);
    announcer = setInterval(() => cluster.network.announce(), 20);
    await cluster.set(1, "k", "first");
  });

  afterEach(async () => {
    clearInterval(announcer);
    await cluster.stop();
    expect(cluster.failures).to.deep.equal([]);
  });

  const leads = (node: string) => cluster.replica(node, 1).status().role === "leader";
  const refusal = async (node: string) => {
    const tried = cluster.replica(node, 1).execute(setCommand("k", "refused"), { timeoutMs: 500 });
    return tried.then(
      () => undefined,
      (error: unknown) => (error as { readonly code: string }).code,
    );
  };
  const successorOf = (node: string) =>
    eventually(async () => {
      const found = (await cluster.leader(1)).node;
      return found === node ? undefined : found;
    });

  describe("whose disk is nearly full", () => {
    it("refuses commands and hands over, and what was acknowledged goes on", async () => {
      const { node } = await cluster.leader(1);
      cluster.setFreeBytes(node, 999);
      await successorOf(node);
      await cluster.set(1, "k", "second");
      const { replica } = await cluster.leader(1);
      const { reply } = await replica.read(getQuery("k"), READ);
      expect(valuesOf(reply)).to.deep.equal(["first", "second"]);
    });

    it("takes no entries, and catches up without a restart when there is room", async () => {
      const { node } = await cluster.leader(1);
      const full = cluster.nodes.find((name) => name !== node) ?? "";
      cluster.setFreeBytes(full, 999);
      await new Promise((resolve) => setTimeout(resolve, 200));
      const before = cluster.replica(full, 1).status().lastIndex;
      for (let n = 0; n < 20; n++) await cluster.set(1, "k", String(n));
      expect(cluster.replica(full, 1).status().lastIndex).to.equal(before);
      cluster.setFreeBytes(full, 1_000_000);
      const { lastIndex } = (await cluster.leader(1)).replica.status();
      await eventually(() => cluster.replica(full, 1).status().applied >= lastIndex, {
        what: "the node to catch up",
      });
    });

    it("leads where all are, and says so of every command instead of hanging", async () => {
      const { node } = await cluster.leader(1);
      for (const name of cluster.nodes) cluster.setFreeBytes(name, 999);
      await eventually(async () => (await refusal((await cluster.leader(1)).node)) === "disk-full");
      const { replica } = await cluster.leader(1);
      const { reply } = await replica.read(getQuery("k"), READ);
      expect(valuesOf(reply)[0]).to.equal("first");
      for (const name of cluster.nodes) cluster.setFreeBytes(name, 1_000_000);
      await cluster.set(1, "k", "after");
      expect(node).to.not.equal("");
    });

    it("refuses commands as a leader with room where a quorum has none", async () => {
      const { node } = await cluster.leader(1);
      for (const name of cluster.nodes) if (name !== node) cluster.setFreeBytes(name, 999);
      await eventually(async () => (await refusal(node)) === "disk-full");
      expect(leads(node)).to.equal(true);
    });
  });

  describe("that is drained", () => {
    it("hands over of itself, and leads where no other can", async () => {
      const { node } = await cluster.leader(1);
      cluster.drain(node, true);
      const successor = await successorOf(node);
      const other = cluster.nodes.find((name) => name !== node && name !== successor) ?? "";
      cluster.drain(other, true);
      cluster.drain(successor, true);
      await cluster.set(1, "k", "all are drained");
      cluster.drain(node, false);
      await eventually(() => leads(node), { timeoutMs: 20_000, what: "the one that may to lead" });
    });
  });

  describe("whose clock is ten years ahead", () => {
    const wrongClock = async () => {
      const { node } = await cluster.leader(1);
      cluster.clockOffMs.set(node, TEN_YEARS_MS);
      return node;
    };
    const lastTimeMs = async () => {
      const abort = new AbortController();
      const { replica } = await cluster.leader(1);
      let timeMs = 0;
      for await (const { rows } of replica.changes({
        ...{ after: 0, channels: [], signal: abort.signal },
      })) {
        timeMs = rows.at(-1)?.timeMs ?? timeMs;
        if (timeMs > 0) abort.abort();
      }
      return timeMs;
    };

    it("does not lead for long, and moves no time in the log", async () => {
      const wrong = await wrongClock();
      const writes = (async () => {
        for (let n = 0; n < 50; n++) await cluster.set(1, "k", String(n));
      })();
      await successorOf(wrong);
      await writes;
      expect(await lastTimeMs()).to.be.below(Date.now() + 5000);
    });

    it("leads where nobody else can, and still moves no time", async () => {
      const wrong = await wrongClock();
      const right = await successorOf(wrong);
      const other = cluster.nodes.find((name) => name !== wrong && name !== right) ?? "";
      cluster.crashNode(other);
      await cluster.set(1, "k", "only two have it");
      // What only these two have, the third lacks: it cannot lead before it got that.
      cluster.crashNode(right);
      await cluster.startNode(other);
      await eventually(() => leads(wrong) || leads(other), { timeoutMs: 20_000, what: "a leader" });
      await cluster.set(1, "k", "after");
      expect(await lastTimeMs()).to.be.below(Date.now() + 5000);
    });
  });
});
