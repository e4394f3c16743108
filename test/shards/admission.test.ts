import { expect } from "chai";
import { Admission, type AdmissionLimits } from "../../src/shards/admission.js";

const LIMITS: AdmissionLimits = {
  ...{ openMax: 2, openMin: 2, openMs: 1000 },
  ...{ waitingMax: 50, targetMs: 20, burstMs: 100 },
};

/** Calls that end when the test says so, one after the other. */
class Crowd {
  nowMs = 0;
  readonly started: number[] = [];
  readonly refused: number[] = [];
  /** Milliseconds between coming and being answered. */
  readonly tookMs: number[] = [];
  readonly #ends: (() => void)[] = [];
  readonly #admission: Admission;

  constructor(limits = LIMITS) {
    const clock = { monotonicMs: () => this.nowMs, after: () => () => undefined };
    this.#admission = new Admission(clock, limits);
  }

  /** A call, known by when it came. */
  call(signal?: AbortSignal): void {
    const cameMs = this.nowMs;
    const run = () =>
      new Promise<void>((resolve) => {
        this.started.push(cameMs);
        this.#ends.push(() => {
          this.tookMs.push(this.nowMs - cameMs);
          resolve();
        });
      });
    const options = { timeoutMs: 60_000, ...(signal === undefined ? {} : { signal }) };
    this.#admission.run(run, options).catch(() => this.refused.push(cameMs));
  }

  /** The shard answers one call, after a time. */
  async answer(afterMs: number): Promise<void> {
    this.nowMs += afterMs;
    this.#ends.shift()?.();
    for (let turn = 0; turn < 10; turn++) await Promise.resolve();
  }
}

describe("the queue before a shard", () => {
  it("lets so many calls in, and the others in their order", async () => {
    const crowd = new Crowd();
    for (let n = 0; n < 4; n++) {
      crowd.nowMs = n;
      crowd.call();
    }
    expect(crowd.started).to.deep.equal([0, 1]);
    await crowd.answer(1);
    await crowd.answer(1);
    expect(crowd.started).to.deep.equal([0, 1, 2, 3]);
    expect(crowd.refused).to.be.empty;
  });

  it("lets a burst wait", async () => {
    const crowd = new Crowd();
    for (let n = 0; n < 10; n++) crowd.call();
    for (let n = 0; n < 10; n++) await crowd.answer(9);
    expect(crowd.started).to.have.lengthOf(10);
  });

  it("refuses who would wait too long while ten times as many come as it answers", async () => {
    const crowd = new Crowd();
    const waits: number[] = [];
    for (let round = 0; round < 300; round++) {
      for (let n = 0; n < 10; n++) crowd.call();
      const before = crowd.started.length;
      await crowd.answer(5);
      if (round > 100) {
        waits.push(...crowd.started.slice(before).map((cameMs) => crowd.nowMs - cameMs));
      }
    }
    // As many are let in as are answered: the goodput does not fall.
    expect(crowd.started.length).to.be.within(295, 305);
    expect(crowd.refused.length).to.be.above(2500);
    expect(Math.max(...waits)).to.be.most(LIMITS.targetMs);
  });

  describe("that is slow", () => {
    const limits = { ...LIMITS, openMax: 64, openMin: 4, openMs: 200, waitingMax: 1000 };
    const ROUNDS = 1000;
    const ANSWER_MS = 20;

    async function crowded(rounds: number, crowd: Crowd): Promise<void> {
      for (let round = 0; round < rounds; round++) {
        for (let n = 0; n < 10; n++) crowd.call();
        await crowd.answer(ANSWER_MS);
      }
    }

    it("answers whom it lets in as soon under ten times the load, and as many", async () => {
      const crowd = new Crowd(limits);
      await crowded(ROUNDS, crowd);
      expect(crowd.tookMs).to.have.lengthOf(ROUNDS);
      const settled = crowd.tookMs.slice(ROUNDS / 2);
      expect(Math.max(...settled)).to.be.most(limits.openMs + limits.targetMs + 2 * ANSWER_MS);
    });

    it("has as many at a time as before once it is quick again", async () => {
      const crowd = new Crowd(limits);
      await crowded(ROUNDS, crowd);
      while (crowd.tookMs.length < crowd.started.length) await crowd.answer(1);
      for (let n = 0; n < 64 * 64; n++) {
        crowd.call();
        await crowd.answer(1);
      }
      const before = crowd.started.length;
      for (let n = 0; n < 100; n++) crowd.call();
      expect(crowd.started.length - before).to.equal(64);
    });

    it("does not take a failover for slowness", async () => {
      const crowd = new Crowd(limits);
      for (let n = 0; n < 64; n++) crowd.call();
      await crowd.answer(5_000);
      for (let n = 0; n < 63; n++) await crowd.answer(1);
      for (let n = 0; n < 64; n++) crowd.call();
      expect(crowd.started).to.have.lengthOf(128);
    });
  });

  it("does not take a failover for a crowd", async () => {
    const crowd = new Crowd();
    for (let n = 0; n < 20; n++) crowd.call();
    await crowd.answer(5_000);
    for (let n = 0; n < 19; n++) await crowd.answer(1);
    expect(crowd.started).to.have.lengthOf(20);
    expect(crowd.refused).to.be.empty;
  });

  it("refuses at once when too many wait", () => {
    const crowd = new Crowd({ ...LIMITS, waitingMax: 0 });
    for (let n = 0; n < 3; n++) crowd.call();
    expect(crowd.started).to.have.lengthOf(2);
  });

  it("forgets who left", async () => {
    const crowd = new Crowd();
    const leaving = new AbortController();
    crowd.call();
    crowd.call();
    crowd.call(leaving.signal);
    crowd.nowMs = 1;
    crowd.call();
    leaving.abort();
    await crowd.answer(1);
    expect(crowd.started).to.deep.equal([0, 0, 1]);
  });
});
