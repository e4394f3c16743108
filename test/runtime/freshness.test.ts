import { expect } from "chai";
import { Freshness } from "../../src/runtime/freshness.js";
import { eventually } from "../support/eventually.js";
import { getQuery } from "../support/register-machine.js";
import { RuntimeCluster } from "../support/runtime-cluster.js";

describe("the age of what a replica holds", () => {
  it("counts from the moment at which the question was sent", () => {
    const freshness = new Freshness();
    expect(freshness.ageMs(1000)).to.equal(Infinity);
    freshness.confirmed(1000, 7);
    freshness.reached(7);
    expect(freshness.ageMs(1400)).to.equal(400);
  });

  it("does not change before the state has come as far as was confirmed", () => {
    const freshness = new Freshness();
    freshness.confirmed(1000, 7);
    freshness.reached(6);
    expect(freshness.ageMs(1400)).to.equal(Infinity);
    freshness.reached(8);
    expect(freshness.ageMs(1400)).to.equal(400);
  });

  it("does not grow when an older question is answered late", () => {
    const freshness = new Freshness();
    freshness.confirmed(2000, 7);
    freshness.confirmed(1000, 6);
    freshness.reached(7);
    expect(freshness.ageMs(2500)).to.equal(500);
  });
});

describe("a replica that is cut off", function () {
  this.timeout(60_000);
  let cluster: RuntimeCluster;
  const stop = new AbortController();

  afterEach(async () => {
    stop.abort();
    await cluster.stop();
    expect(cluster.failures).to.deep.equal([]);
  });

  it("says so in its feed, and answers no read that must not be that old", async () => {
    cluster = await RuntimeCluster.start();
    await cluster.set(1, "k", "v");
    const { node } = await cluster.leader(1);
    const name = cluster.nodes.find((other) => other !== node) ?? "";
    const replica = cluster.replica(name, 1);
    let ageMs = Infinity;
    const followed = (async () => {
      const feed = replica.changes({ after: 0, channels: [], signal: stop.signal });
      for await (const { leaderAgeMs } of feed) ageMs = leaderAgeMs;
    })();
    await eventually(() => ageMs < 2000, { what: "the replica to know how old it is" });
    const bounded = { minSequence: 0, maxStalenessMs: 2000, timeoutMs: 200 };
    expect((await replica.read(getQuery("k"), bounded)).sequence).to.be.greaterThan(0);

    cluster.network.isolate(name);
    await eventually(() => ageMs > 2000, { what: "the replica to notice" });
    const refused = await replica.read(getQuery("k"), bounded).catch((error: unknown) => error);
    expect(refused).to.be.instanceOf(Error);
    stop.abort();
    await followed;
  });
});
