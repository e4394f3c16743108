/** Monotonic time for timers and wall time for expiry. */
export interface Clock {
  monotonicMs(): number;
  wallMs(): number;
  /** Runs once, later; the returned function cancels. */
  after(delayMs: number, run: () => void): () => void;
  /** Runs after everything that arrived by now was read. */
  soon(run: () => void): void;
}
