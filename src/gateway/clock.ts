/** Port: time, for deadlines, tokens and ids. */
export interface GatewayClock {
  monotonicMs(): number;
  wallMs(): number;
  /** Runs once after a delay; the returned function cancels it. */
  after(delayMs: number, run: () => void): () => void;
}
