const FIRST_MS = 200;
const MAX_MS = 5000;
const STABLE_MS = 10_000;

/** How long to wait before a process that died is started again: doubling, from the start again once it was stable. */
export class BackOff {
  #nextMs = FIRST_MS;

  /** `livedMs`: how long the run lasted that just ended. */
  delayMs(livedMs: number): number {
    if (livedMs >= STABLE_MS) this.#nextMs = FIRST_MS;
    const delay = this.#nextMs;
    this.#nextMs = Math.min(MAX_MS, delay * 2);
    return delay;
  }
}
