import type { Clock } from "../../src/runtime/index.js";
import type { VirtualTime } from "./virtual-time.js";

/** 2026-01-01. */
const WALL_START_MS = 1_767_225_600_000;

/** How a machine's clocks differ from the simulation's time. */
export interface MachineClock {
  /** Seconds of the machine in one second. */
  rate: number;
  wallSkewMs: number;
  /** Wall times read while the skew is what it is. */
  skewedReads: number;
}

/**
 * One run of a process, from start to crash. What it planned happens while it runs: after a pause late and all at once, after
 * a crash never.
 */
export class ProcessLife implements Clock {
  readonly #time: VirtualTime;
  readonly #machine: MachineClock;
  readonly #startedAtMs: number;
  #isAlive = true;
  #deferred: (() => void)[] | undefined;
  /** Events that a pause held up. */
  heldUp = 0;

  constructor(time: VirtualTime, machine: MachineClock) {
    this.#time = time;
    this.#machine = machine;
    this.#startedAtMs = time.nowMs;
  }

  get isAlive(): boolean {
    return this.#isAlive;
  }

  get isPaused(): boolean {
    return this.#deferred !== undefined;
  }

  end(): void {
    this.#isAlive = false;
    this.#deferred = undefined;
  }

  pause(): void {
    this.#deferred ??= [];
  }

  resume(): void {
    const deferred = this.#deferred ?? [];
    this.#deferred = undefined;
    for (const run of deferred) this.#time.after(0, () => this.enter(run));
  }

  /** Something reaches the process. */
  enter(run: () => void): void {
    if (!this.#isAlive) return;
    if (this.#deferred === undefined) {
      run();
      return;
    }
    this.heldUp++;
    this.#deferred.push(run);
  }

  // ---- Clock

  monotonicMs(): number {
    return (this.#time.nowMs - this.#startedAtMs) * this.#machine.rate;
  }

  wallMs(): number {
    this.#machine.skewedReads++;
    return Math.floor(WALL_START_MS + this.#time.nowMs + this.#machine.wallSkewMs);
  }

  after(delayMs: number, run: () => void): () => void {
    let isCanceled = false;
    // A pause may hold up what was planned, and something that was held up before it may cancel it.
    const due = (): void => {
      if (!isCanceled) run();
    };
    const cancel = this.#time.after(delayMs / this.#machine.rate, () => this.enter(due));
    return () => {
      isCanceled = true;
      cancel();
    };
  }

  soon(run: () => void): void {
    this.#time.after(0, () => this.enter(run));
  }
}
