import { expect } from "chai";
import type { Connection } from "../../src/fanout/connection.js";
import { Connections } from "../../src/fanout/connections.js";
import { DEFAULT_LIMITS } from "../../src/fanout/limits.js";
import { ManualClock } from "../support/manual-clock.js";

const ONE_BATCH = 500;

describe("the connections of a fan-out that stops", () => {
  it("are sent away in batches, and the end is waited for", async () => {
    const clock = new ManualClock();
    const limits = { ...DEFAULT_LIMITS, connectionsPerSecond: 5_000, connectionsPerAddress: 5_000 };
    const connections = new Connections(limits, clock, () => 0);
    const sentAway: Connection[] = [];
    const open = (): void => {
      const connection = {
        remoteAddress: "127.0.0.1",
        user: undefined,
        shutDown: () => sentAway.push(connection),
      } as unknown as Connection;
      connections.admit(connection);
    };
    for (let n = 0; n < 1_200; n++) open();
    let isDone = false;
    const drained = connections.drain().then(() => (isDone = true));
    expect(sentAway).to.have.length(ONE_BATCH);
    // Whoever comes now is sent on at once.
    open();
    expect(sentAway).to.have.length(ONE_BATCH + 1);
    const pauseMs = limits.drainMs / 40;
    for (const [passedMs, count] of [
      [pauseMs - 1, ONE_BATCH + 1],
      [1, 2 * ONE_BATCH + 1],
      [pauseMs, 1_201],
    ] as const) {
      await clock.turn(passedMs);
      await new Promise((resolve) => setImmediate(resolve));
      expect(sentAway).to.have.length(count);
    }
    expect(isDone).to.equal(false);
    for (const connection of sentAway) connections.forget(connection);
    await drained;
    expect(connections.size).to.equal(0);
  });
});
