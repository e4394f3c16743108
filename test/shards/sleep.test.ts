import { getEventListeners } from "node:events";
import { expect } from "chai";
import { sleep } from "../../src/shards/index.js";

describe("a wait that may end early", () => {
  const clock = { after: (_: number, run: () => void) => (due.push(run), () => undefined) };
  const due: (() => void)[] = [];

  it("leaves nothing on its signal when the time is over", async () => {
    const { signal } = new AbortController();
    const waiting = sleep(clock, 1000, signal);
    expect(getEventListeners(signal, "abort")).to.have.lengthOf(1);
    due.pop()?.();
    await waiting;
    expect(getEventListeners(signal, "abort")).to.have.lengthOf(0);
  });

  it("ends when the signal does, or did before", async () => {
    const stop = new AbortController();
    const waiting = sleep(clock, 1000, stop.signal);
    stop.abort();
    await waiting;
    await sleep(clock, 1000, stop.signal);
    expect(getEventListeners(stop.signal, "abort")).to.have.lengthOf(0);
  });
});
