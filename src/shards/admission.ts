import { ClusterError, type CancelSignal } from "../base/index.js";
import type { ShardClock } from "./clock.js";

export interface AdmissionLimits {
  /** Calls that one shard has from this process at a time. */
  readonly openMax: number;
  /** As many it has in any case, however long it takes for them. */
  readonly openMin: number;
  /** Milliseconds that it may take for a call; where it takes longer, it has fewer at a time. */
  readonly openMs: number;
  /** Calls that wait for their turn. */
  readonly waitingMax: number;
  /** Milliseconds that a call may wait while there is always somebody waiting. */
  readonly targetMs: number;
  /** Milliseconds that it may wait otherwise: a burst is no overload. */
  readonly burstMs: number;
}

export const ADMISSION_LIMITS: AdmissionLimits = {
  openMax: 256,
  openMin: 64,
  openMs: 1000,
  waitingMax: 2048,
  targetMs: 50,
  burstMs: 500,
};

/** A shard that answers nothing for longer than this has no leader: the time is not counted as waiting. */
const PAUSE_MS = 50;

interface Waiting {
  readonly sinceMs: number;
  readonly settle: (admitted: boolean) => void;
}

/**
 * The calls of one shard, in turn. More than it answers in time are refused early, with a time to come again, so that those
 * that are let in are answered as fast as ever (controlled delay: Nichols and Jacobson, "Controlling Queue Delay", 2012, in the
 * form of Maurer, "Fail at Scale", 2015). One shard's crowd does not stand in another's way.
 *
 * What a slow shard has already is a queue too, where nobody can be refused any more: it is halved while calls take too long in
 * it, and grows by one with each round of calls that do not.
 *
 * Time is counted while the shard answers: calls that wait through a failover are not refused for it.
 */
export class Admission {
  readonly #clock: ShardClock;
  readonly #limits: AdmissionLimits;
  readonly #waiting: Waiting[] = [];
  #open = 0;
  /** How many may be open now. */
  #room: number;
  /** On the clock of answers: when there was last made less room. */
  #narrowedMs = 0;
  /** Time that runs only as fast as answers come. */
  #servedMs = 0;
  #answeredMs: number;
  /** On that clock: when nobody waited last. */
  #emptyMs = 0;

  constructor(clock: ShardClock, limits: AdmissionLimits = ADMISSION_LIMITS) {
    this.#clock = clock;
    this.#limits = limits;
    this.#room = limits.openMax;
    this.#answeredMs = clock.monotonicMs();
  }

  /** Runs the call when it is its turn. Refused with `overloaded` before anything was done. */
  async run<T>(
    call: () => Promise<T>,
    { timeoutMs, signal }: { readonly timeoutMs: number; readonly signal?: CancelSignal },
  ): Promise<T> {
    if (this.#open >= Math.floor(this.#room)) await this.#turn(timeoutMs, signal);
    else this.#open++;
    const sinceMs = this.#servedMs;
    try {
      return await call();
    } finally {
      this.#leave(sinceMs);
    }
  }

  /** Resolves once it is counted as open. */
  #turn(timeoutMs: number, signal: CancelSignal | undefined): Promise<void> {
    if (this.#waiting.length >= this.#limits.waitingMax) return Promise.reject(this.#refusal());
    return new Promise((resolve, reject) => {
      const settle = (admitted: boolean): void => {
        stop();
        if (admitted) resolve();
        else reject(this.#refusal());
      };
      const waiting = { sinceMs: this.#servedMs, settle };
      const leave = (code: "canceled" | "deadline-exceeded", problem: string): void => {
        stop();
        const at = this.#waiting.indexOf(waiting);
        if (at >= 0) this.#waiting.splice(at, 1);
        reject(new ClusterError(code, problem, { outcome: "not_applied" }));
      };
      const abort = (): void => leave("canceled", "the caller gave up");
      const cancelTimer = this.#clock.after(timeoutMs, () =>
        leave("deadline-exceeded", "the deadline passed before it was this call's turn"),
      );
      const stop = (): void => {
        cancelTimer();
        signal?.removeEventListener("abort", abort);
      };
      signal?.addEventListener("abort", abort);
      this.#waiting.push(waiting);
    });
  }

  #leave(sinceMs: number): void {
    const nowMs = this.#clock.monotonicMs();
    this.#servedMs += Math.min(nowMs - this.#answeredMs, PAUSE_MS);
    this.#answeredMs = nowMs;
    this.#open--;
    this.#makeRoom(sinceMs);
    const { targetMs, burstMs } = this.#limits;
    const isBurst = this.#servedMs - this.#emptyMs < burstMs;
    const allowedMs = isBurst ? burstMs : targetMs;
    while (this.#open < Math.floor(this.#room)) {
      const next = this.#waiting.shift();
      if (next === undefined) break;
      const admitted = this.#servedMs - next.sinceMs <= allowedMs;
      if (admitted) this.#open++;
      next.settle(admitted);
    }
    if (this.#waiting.length === 0) this.#emptyMs = this.#servedMs;
  }

  /** By how long a call took; one that began with more room tells nothing of how long it takes now. */
  #makeRoom(sinceMs: number): void {
    const { openMax, openMin, openMs } = this.#limits;
    if (this.#servedMs - sinceMs <= openMs) {
      this.#room = Math.min(openMax, this.#room + 1 / this.#room);
    } else if (sinceMs >= this.#narrowedMs) {
      this.#room = Math.max(openMin, this.#room / 2);
      this.#narrowedMs = this.#servedMs;
    }
  }

  #refusal(): ClusterError {
    const problem = "this shard has more to do than it can: come again when it says";
    const retryAfterMs = this.#limits.burstMs;
    return new ClusterError("overloaded", problem, { retryAfterMs, outcome: "not_applied" });
  }
}
