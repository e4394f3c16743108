export interface Clock {
  monotonicMs(): number;
  /** Runs once, later; the returned function cancels. */
  after(delayMs: number, run: () => void): () => void;
}
