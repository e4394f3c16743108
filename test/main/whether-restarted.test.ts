import { expect } from "chai";
import { whetherRestarted } from "../../src/main/whether-restarted.js";

const BEFORE = 4n;

/** A node that answers with these, one after the other, and with the last one from then on; undefined is silence. */
function node(...answers: readonly (bigint | undefined)[]) {
  let asked = 0;
  const bootOf = (): Promise<bigint> => {
    const answer = answers[Math.min(asked++, answers.length - 1)];
    return answer === undefined ? Promise.reject(new Error("silent")) : Promise.resolve(answer);
  };
  const { signal: stop } = new AbortController();
  let nowMs = 0;
  const time = {
    nowMs: () => nowMs,
    sleep: (ms: number): Promise<void> => {
      nowMs += ms;
      return Promise.resolve();
    },
  };
  return { node: "node-1", bootOf, before: BEFORE, graceMs: 60_000, timeoutMs: 90_000, stop, time };
}

describe("a node that was told to restart", () => {
  it("is waited for until another process of it answers, if the command ended before it stopped", async () => {
    expect(await whetherRestarted(node(BEFORE, BEFORE, undefined, 5n))).to.equal(true);
  });

  it("was not restarted if the same process answers at the end of the grace", async () => {
    expect(await whetherRestarted(node(BEFORE))).to.equal(false);
  });

  it("has all of the grace from when it answers again", async () => {
    const silent = Array.from({ length: 8 }, () => undefined);
    // Away for two seconds, and the process of before for one more.
    const late = node(...silent, BEFORE, BEFORE, BEFORE, BEFORE, 5n);
    expect(await whetherRestarted({ ...late, graceMs: 1_500 })).to.equal(true);
    expect(await whetherRestarted({ ...node(...silent, BEFORE), graceMs: 1_500 })).to.equal(false);
  });

  it("is named if it does not come back", async () => {
    const failure = await whetherRestarted(node(undefined)).catch(String);
    expect(failure).to.contain("node-1 does not answer");
  });

  it("is not waited for when the rollout is stopped", async () => {
    const stopped = { ...node(BEFORE), stop: AbortSignal.abort(new Error("stopped")) };
    expect(await whetherRestarted(stopped).catch(String)).to.contain("stopped");
  });
});
