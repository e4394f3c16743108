import type { Clock } from "./ports.js";

/** How far an entry's time may run ahead of the time that passed since the last stamp. */
const AHEAD_MS_MAX = 1000;

/**
 * The time that a leader stamps on entries: its wall clock, but never back, and never further ahead than the time that
 * passed by its monotonic clock allows. So one leader whose clock jumps years ahead while it leads cannot expire anything.
 */
export class LogTime {
  readonly #clock: Clock;
  #lastMs = 0;
  #stampedAtMs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Times of entries that are in the log already. */
  observe(timeMs: number): void {
    this.#lastMs = Math.max(this.#lastMs, timeMs);
  }

  /** A new leader starts from its wall clock, or from the log's time if that is later. */
  lead(): void {
    this.#lastMs = Math.max(this.#lastMs, this.#clock.wallMs());
    this.#stampedAtMs = this.#clock.monotonicMs();
  }

  stamp(): number {
    const now = this.#clock.monotonicMs();
    const limit = this.#lastMs + (now - this.#stampedAtMs) + AHEAD_MS_MAX;
    this.#lastMs = Math.floor(Math.max(this.#lastMs, Math.min(this.#clock.wallMs(), limit)));
    this.#stampedAtMs = now;
    return this.#lastMs;
  }
}
