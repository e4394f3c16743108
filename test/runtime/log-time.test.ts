import { expect } from "chai";
import { LogTime } from "../../src/runtime/log-time.js";

const TEN_YEARS_MS = 10 * 365 * 86_400_000;

describe("the time in the log", () => {
  let monotonicMs: number;
  let wallMs: number;
  let median: number | undefined;
  let time: LogTime;

  beforeEach(() => {
    monotonicMs = 500;
    wallMs = 1_000_000;
    median = 1_000_000;
    time = new LogTime(clock(), () => median && median + monotonicMs - 500);
    time.lead();
  });

  const clock = () => ({
    monotonicMs: () => monotonicMs,
    wallMs: () => wallMs,
    after: () => () => undefined,
    soon: () => undefined,
  });
  const pass = (ms: number) => {
    monotonicMs += ms;
    wallMs += ms;
  };

  it("is the leader's wall clock", () => {
    expect(time.stamp()).to.equal(1_000_000);
    pass(1234);
    expect(time.stamp()).to.equal(1_001_234);
  });

  it("never goes back, neither with a clock nor with a leader", () => {
    time.observe(1_500_000);
    expect(time.stamp()).to.equal(1_500_000);
    wallMs = 1_600_000;
    median = 1_600_000;
    expect(time.stamp()).to.equal(1_600_000);
    wallMs = 0;
    median = 0;
    time.lead();
    expect(time.stamp()).to.equal(1_600_000);
  });

  it("starts from the clocks of a quorum, whatever the leader's own says", () => {
    wallMs += TEN_YEARS_MS;
    time.lead();
    expect(time.stamp()).to.be.within(1_000_000, 1_001_000);
    wallMs = 5;
    median = 2_000_000;
    time.lead();
    expect(time.stamp()).to.equal(2_000_000);
  });

  it("stays within a second of the quorum however often a leader whose clock jumped stamps", () => {
    wallMs += TEN_YEARS_MS;
    for (let stamps = 0; stamps < 1000; stamps++) {
      pass(1);
      expect(time.stamp()).to.be.at.most(1_001_000 + stamps + 1);
    }
  });

  it("stands still while nobody knows the clocks of a quorum, and then goes on from them", () => {
    median = undefined;
    time = new LogTime(clock(), () => median && median + monotonicMs - 500);
    time.observe(900_000);
    time.lead();
    pass(10_000);
    expect(time.stamp()).to.equal(900_000);
    median = 1_000_000;
    expect(time.stamp()).to.equal(1_010_000);
  });

  it("goes on with the others after the leader's monotonic clock was suspended", () => {
    wallMs += 3_600_000;
    median = 4_600_000;
    expect(time.stamp()).to.equal(4_600_000);
  });
});
