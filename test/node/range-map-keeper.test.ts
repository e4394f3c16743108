import { expect } from "chai";
import { RangeMapKeeper } from "../../src/node/index.js";
import { DEFAULT_RANGE_MAP, findShard } from "../../src/placement/index.js";
import type { RangeMap } from "../../src/placement/index.js";
import { SYSTEM } from "../support/agenda.js";
import { AgendaReplica, refusedWith } from "../support/agenda-replica.js";
import { FakeShard } from "../support/fake-shard.js";
import { ManualClock } from "../support/manual-clock.js";

const LOOK_MS = 2_000;

const RENAMED: RangeMap = {
  version: 2,
  shards: DEFAULT_RANGE_MAP.shards.map((shard) => ({ ...shard, name: `${shard.name}-2` })),
};
/** Events from n to s are elsewhere. */
const MOVED: RangeMap = {
  version: 2,
  shards: DEFAULT_RANGE_MAP.shards.map((shard) => ({
    ...shard,
    start: shard.start === "n" ? "s" : shard.start,
    end: shard.end === "n" ? "s" : shard.end,
  })),
};

describe("the keeper of the range map", () => {
  let clock: ManualClock;
  let system: AgendaReplica;
  let keeper: RangeMapKeeper | undefined;
  let troubles: unknown[];
  let refusals: string[];
  let faults: string[];

  beforeEach(() => {
    clock = new ManualClock();
    const shard = findShard(DEFAULT_RANGE_MAP, "system", "")?.number ?? 0;
    system = new AgendaReplica(new FakeShard(shard, ["node-1"]), "node-1");
    troubles = [];
    refusals = [];
    faults = [];
  });
  afterEach(() => keeper?.close());

  function published(): RangeMap | undefined {
    const reply = system.agenda.query(SYSTEM, { kind: "get-range-map" });
    return reply.kind === "answered" && reply.answer.kind === "range-map"
      ? reply.answer.map
      : undefined;
  }

  function start(started: RangeMap): void {
    keeper = new RangeMapKeeper({
      started,
      shards: { refreshRangeMap: async () => published() },
      replicas: () => [system],
      after: (delayMs, run) => clock.after(delayMs, run),
      trouble: (cause) => troubles.push(cause),
      refused: (why) => refusals.push(why),
      misled: (why) => faults.push(why),
    });
  }

  async function looks(): Promise<void> {
    await clock.turn(LOOK_MS);
    await new Promise((resolve) => setImmediate(resolve));
  }

  const publish = (map: RangeMap): unknown =>
    system.agenda.done(SYSTEM, { kind: "publish-range-map", map });

  it("publishes the map of the file where there is none, and a later one that moves no key", async () => {
    start(DEFAULT_RANGE_MAP);
    await looks();
    expect(published()).to.deep.equal(DEFAULT_RANGE_MAP);
    keeper?.close();
    start(RENAMED);
    await looks();
    expect(published()).to.deep.equal(RENAMED);
    expect([troubles, refusals, faults]).to.deep.equal([[], [], []]);
  });

  it("says what to do where the file has other ranges than the cluster, of whatever version", async () => {
    publish(DEFAULT_RANGE_MAP);
    for (const version of [2, 1]) {
      start({ ...MOVED, version });
      await looks();
      expect(published()).to.deep.equal(DEFAULT_RANGE_MAP);
      expect(faults.pop()).to.match(/^the cluster file gives .* start again$/u);
      keeper?.close();
    }
    expect(troubles).to.deep.equal([]);
  });

  it("minds no other node that published the same just before", async () => {
    start(RENAMED);
    system.intercept = () => {
      publish(RENAMED);
      system.intercept = () => undefined;
      return undefined;
    };
    await looks();
    expect(published()).to.deep.equal(RENAMED);
    expect([troubles, refusals, faults]).to.deep.equal([[], [], []]);
  });

  it("tells why the shard refuses to publish, once", async () => {
    start(RENAMED);
    system.intercept = () => Promise.resolve(refusedWith("permission-denied", "not you"));
    await looks();
    await looks();
    expect(refusals).to.deep.equal(["not you"]);
    expect([troubles, faults]).to.deep.equal([[], []]);
  });
});
