import { expect } from "chai";
import { ReplicaLoad } from "../../src/runtime/replica-load.js";

const SECOND_MS = 1000;

describe("the load of a replica", () => {
  let nowMs: number;
  let load: ReplicaLoad;

  beforeEach(() => {
    nowMs = 0;
    load = new ReplicaLoad(() => nowMs);
  });

  const pass = (seconds: number, work: () => void = () => undefined): void => {
    for (let second = 0; second < seconds; second++) {
      work();
      nowMs += SECOND_MS;
      load.sample();
    }
  };

  it("counts requests, and the bytes both ways", () => {
    load.asked(100);
    load.asked(50);
    load.answered(7);
    expect(load.status).to.include({ requests: 2, bytes: 157 });
  });

  it("counts the time of work once, also where work calls for more of it", () => {
    load.during(() => {
      nowMs += 2;
      load.during(() => {
        nowMs += 3;
      });
    });
    expect(load.status.cpuMs).to.equal(5);
  });

  it("counts work that fails, and goes on counting", () => {
    const failing = (): void => {
      nowMs += 4;
      throw new Error("no");
    };
    expect(() => load.during(failing)).to.throw("no");
    load.during(() => (nowMs += 1));
    expect(load.status.cpuMs).to.equal(5);
  });

  it("comes to the rate of what goes on steadily", () => {
    pass(60, () => {
      for (let request = 0; request < 20; request++) load.asked(10);
    });
    expect(load.status.requestsPerSecond).to.be.closeTo(20, 0.5);
    expect(load.status.bytesPerSecond).to.be.closeTo(200, 5);
  });

  it("tells which part of a core its work takes", () => {
    pass(60, () => load.during(() => (nowMs += 250)));
    expect(load.status.cpuPercent).to.be.closeTo(20, 0.5);
  });

  it("forgets a load that ended", () => {
    pass(60, () => load.asked(10));
    pass(60);
    expect(load.status.requestsPerSecond).to.be.lessThan(0.01);
    expect(load.status.requests).to.equal(60);
  });
});
