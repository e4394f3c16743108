import { randomInt } from "node:crypto";
import type { CancelSignal } from "../base/index.js";

/** What the client knows of time. Every wait goes through it, so that nothing is left behind by `close`. */
export interface ShardClock {
  monotonicMs(): number;
  /** Runs once, later; the returned function cancels. */
  after(delayMs: number, run: () => void): () => void;
}

export const SYSTEM_CLOCK: ShardClock = {
  monotonicMs: () => performance.now(),
  after: (delayMs, run) => {
    const timer = setTimeout(run, delayMs);
    return () => clearTimeout(timer);
  },
};

export const SYSTEM_RANDOM = (): number => randomInt(2 ** 32) / 2 ** 32;

/** Ends early, without an error, when one of the signals aborts. */
export function sleep(
  clock: Pick<ShardClock, "after">,
  delayMs: number,
  ...signals: readonly (CancelSignal | undefined)[]
): Promise<void> {
  return new Promise((resolve) => {
    if (signals.some((signal) => signal?.aborted === true)) {
      resolve();
      return;
    }
    const end = () => {
      cancel();
      for (const signal of signals) signal?.removeEventListener("abort", end);
      resolve();
    };
    const cancel = clock.after(Math.max(0, delayMs), end);
    for (const signal of signals) signal?.addEventListener("abort", end);
  });
}
