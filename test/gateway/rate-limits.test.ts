import { expect } from "chai";
import { ClusterError } from "../../src/base/index.js";
import type { Caller } from "../../src/domain/index.js";
import { RateLimiter } from "../../src/gateway/rate-limits.js";

const LIMITS = { callsPerSecondMax: 3, anonymousCallsPerSecondMax: 2 };
const ANA: Caller = { kind: "user", user: "ana", sessionId: "s1", roles: [] };
const ZOE: Caller = { kind: "user", user: "zoe", sessionId: "s2", roles: [] };
const NOBODY: Caller = { kind: "anonymous" };

describe("the rate of calls", () => {
  let nowMs: number;
  let limiter: RateLimiter;
  beforeEach(() => {
    nowMs = 0;
    const clock = { monotonicMs: () => nowMs, wallMs: () => 0, after: () => () => undefined };
    limiter = new RateLimiter(LIMITS, clock);
  });

  const passed = (caller: Caller, address: string, count: number): number => {
    let through = 0;
    for (let n = 0; n < count; n++) {
      try {
        limiter.require(caller, address);
        through++;
      } catch (error) {
        expect(error).to.be.instanceOf(ClusterError).and.have.property("code", "rate-limited");
      }
    }
    return through;
  };

  it("is bounded for each user, wherever they call from", () => {
    expect(passed(ANA, "10.0.0.1", 2) + passed(ANA, "10.0.0.2", 5)).to.equal(3);
    expect(passed(ZOE, "10.0.0.1", 5)).to.equal(3);
  });

  it("is bounded for each address without a token", () => {
    expect(passed(NOBODY, "10.0.0.1", 5)).to.equal(2);
    expect(passed(NOBODY, "10.0.0.2", 5)).to.equal(2);
  });

  it("comes back with time, as the refusal says", () => {
    passed(ANA, "10.0.0.1", 3);
    let retryAfterMs = 0;
    try {
      limiter.require(ANA, "10.0.0.1");
    } catch (error) {
      if (error instanceof ClusterError) retryAfterMs = error.details.retryAfterMs ?? 0;
    }
    expect(retryAfterMs).to.be.above(0);
    nowMs += retryAfterMs;
    expect(passed(ANA, "10.0.0.1", 2)).to.equal(1);
  });
});
