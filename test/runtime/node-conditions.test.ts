import { expect } from "chai";
import { NodeConditions } from "../../src/runtime/node-conditions.js";
import { isDiskFull } from "../../src/runtime/disk-reserve.js";

const VOTERS = ["ana", "bo", "carla"];

describe("what a node knows of the nodes", () => {
  let monotonicMs: number;
  let wallMs: number;
  let nodes: NodeConditions;

  beforeEach(() => {
    monotonicMs = 100;
    wallMs = 1_000_000;
    nodes = new NodeConditions("ana", {
      monotonicMs: () => monotonicMs,
      wallMs: () => wallMs,
      after: () => () => undefined,
      soon: () => undefined,
    });
  });

  const hear = (node: string, clockMs: number, diskFull = false, draining = false) => {
    const rest = { clusterId: "", storeId: "", toStoreId: "", boot: 1, life: 1, replicas: [] };
    nodes.hear({
      ...{ ...rest, node, diskFull, draining },
      ...{ wallMs: clockMs, featureLevel: 1, known: undefined },
    });
  };
  const pass = (ms: number) => {
    monotonicMs += ms;
    wallMs += ms;
  };

  it("is the median of a quorum's clocks, carried on as time passes", () => {
    hear("bo", 1_000_400);
    hear("carla", 5_000_000);
    expect(nodes.medianWallMs(VOTERS)).to.equal(1_000_400);
    pass(5000);
    expect(nodes.medianWallMs(VOTERS)).to.equal(1_005_400);
  });

  it("is no median where fewer than a quorum were heard of lately", () => {
    expect(nodes.medianWallMs(VOTERS)).to.equal(undefined);
    hear("bo", 1_000_000);
    expect(nodes.medianWallMs(VOTERS)).to.equal(1_000_000);
    pass(10_001);
    expect(nodes.medianWallMs(VOTERS)).to.equal(undefined);
    expect(nodes.medianWallMs(["ana"])).to.equal(wallMs);
  });

  it("takes the earlier clock where only two are known: nothing expires early", () => {
    hear("bo", 900_000);
    expect(nodes.medianWallMs(VOTERS)).to.equal(900_000);
    hear("bo", 9_000_000);
    expect(nodes.medianWallMs(VOTERS)).to.equal(1_000_000);
  });

  it("finds the clock that is off, its own one too", () => {
    hear("bo", 1_009_000);
    hear("carla", 1_000_000);
    expect(VOTERS.filter((node) => nodes.isClockOff(node, VOTERS))).to.deep.equal([]);
    hear("bo", 1_011_000);
    expect(VOTERS.filter((node) => nodes.isClockOff(node, VOTERS))).to.deep.equal(["bo"]);
    hear("bo", 1_000_000);
    wallMs -= 20_000;
    expect(VOTERS.filter((node) => nodes.isClockOff(node, VOTERS))).to.deep.equal(["ana"]);
  });

  it("finds the nodes that are to lead nothing", () => {
    hear("bo", 1_000_000, false, true);
    hear("carla", 1_000_000);
    expect(VOTERS.filter((node) => nodes.isFit(node, VOTERS))).to.deep.equal(["ana", "carla"]);
    nodes.isOwnDraining = true;
    expect(VOTERS.filter((node) => nodes.isFit(node, VOTERS))).to.deep.equal(["carla"]);
  });

  it("finds the disk that is full until it hears otherwise, or nothing", () => {
    hear("bo", 1_000_000, true);
    nodes.isOwnDiskFull = true;
    expect(VOTERS.filter((node) => nodes.isDiskFull(node))).to.deep.equal(["ana", "bo"]);
    expect(VOTERS.filter((node) => nodes.isFit(node, VOTERS))).to.deep.equal(["carla"]);
    nodes.isOwnDiskFull = false;
    pass(10_001);
    expect(VOTERS.filter((node) => nodes.isDiskFull(node))).to.deep.equal([]);
  });
});

describe("a disk", () => {
  const usage = { freeBytes: 1000, storeBytes: 0, workingBytes: 0 };

  it("is full below the reserve, or below what the store may need at once", () => {
    expect(isDiskFull(usage, 1000, false)).to.equal(false);
    expect(isDiskFull(usage, 1001, false)).to.equal(true);
    expect(isDiskFull({ ...usage, workingBytes: 1001 }, 10, false)).to.equal(true);
  });

  it("stays full until there is some more, so that it does not change its mind all the time", () => {
    expect(isDiskFull(usage, 1000, true)).to.equal(true);
    expect(isDiskFull({ ...usage, freeBytes: 1100 }, 1000, true)).to.equal(false);
  });
});
