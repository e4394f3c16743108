import { expect } from "chai";
import type { Operation } from "../../src/domain/index.js";
import { DEFAULT_RANGE_MAP } from "../../src/placement/index.js";
import type { RangeMap } from "../../src/placement/index.js";
import { SYSTEM, userCaller } from "../support/agenda.js";
import { AgendaShard } from "../support/agenda-shard.js";

const publish = (map: RangeMap): Operation => ({ kind: "publish-range-map", map });

describe("the range map in the system shard", () => {
  let shard: AgendaShard;

  beforeEach(() => {
    shard = new AgendaShard();
  });

  const known = () => shard.ask(SYSTEM, { kind: "get-range-map" }, "range-map").map;

  it("is what the cluster published, and nobody else", () => {
    shard.refused(userCaller("ana"), publish(DEFAULT_RANGE_MAP), "permission-denied");
    shard.done(SYSTEM, publish(DEFAULT_RANGE_MAP));
    expect(known()).to.deep.equal(DEFAULT_RANGE_MAP);
    const asked = shard.query(userCaller("ana"), { kind: "get-range-map" });
    expect(asked).to.include({ kind: "refused", code: "permission-denied" });
  });

  it("gives way only to a later version", () => {
    shard.done(SYSTEM, publish({ ...DEFAULT_RANGE_MAP, version: 3 }));
    shard.refused(SYSTEM, publish({ ...DEFAULT_RANGE_MAP, version: 3 }), "failed-precondition");
    shard.refused(SYSTEM, publish({ ...DEFAULT_RANGE_MAP, version: 2 }), "failed-precondition");
    shard.done(SYSTEM, publish({ ...DEFAULT_RANGE_MAP, version: 4 }));
    expect(known().version).to.equal(4);
  });

  it("may name a shard otherwise, but moves no key", () => {
    const [first, ...others] = DEFAULT_RANGE_MAP.shards;
    if (first === undefined) throw new Error("a shard is needed");
    shard.done(SYSTEM, publish(DEFAULT_RANGE_MAP));
    const renamed = [...others, { ...first, name: "events-early" }];
    shard.done(SYSTEM, publish({ version: 2, shards: renamed }));
    const moved = [{ ...first, end: "f" }, ...others];
    shard.refused(SYSTEM, publish({ version: 3, shards: moved }), "failed-precondition");
  });

  it("is no map where two shards have one number, or there is none", () => {
    const { shards } = DEFAULT_RANGE_MAP;
    const twice = publish({ version: 1, shards: [...shards, ...shards] });
    shard.refused(SYSTEM, twice, "invalid-argument");
    shard.refused(SYSTEM, publish({ version: 1, shards: [] }), "invalid-argument");
  });
});
