import { EventEmitter } from "node:events";
import type { ServerHttp2Session } from "node:http2";
import { expect } from "chai";
import { guardSession } from "../../src/coordinator/session-guard.js";
import { ManualClock } from "../support/manual-clock.js";

const LIMITS = { pingMs: 1000, resetsPerSecondMax: 10, controlFramesPerSecondMax: 10 };

class FakeSession extends EventEmitter {
  destroyed = false;
  answers = true;
  pings = 0;

  ping(answer: () => void): void {
    if (this.destroyed) throw new Error("ERR_HTTP2_INVALID_SESSION");
    this.pings++;
    if (this.answers) answer();
  }

  destroy(): void {
    this.destroyed = true;
  }
}

describe("the guard of a connection", () => {
  let clock: ManualClock;
  let session: FakeSession;

  beforeEach(() => {
    clock = new ManualClock();
    session = new FakeSession();
    guardSession(session as unknown as ServerHttp2Session, LIMITS, clock);
  });

  it("pings while it is answered", async () => {
    for (let n = 0; n < 4; n++) await clock.turn(LIMITS.pingMs);
    expect(session.pings).to.equal(4);
    expect(session.destroyed).to.equal(false);
  });

  it("ends a connection whose other side is silent", async () => {
    session.answers = false;
    await clock.turn(LIMITS.pingMs);
    await clock.turn(LIMITS.pingMs);
    expect(session.destroyed).to.equal(true);
  });

  it("lets one alone that was ended and has not said so yet", async () => {
    session.destroy();
    await clock.turn(LIMITS.pingMs);
    expect(session.pings).to.equal(0);
  });
});
