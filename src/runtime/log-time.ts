import type { Clock } from "./ports.js";

/** How far an entry's time may run ahead of what the leader began with and the time that passed since. */
const AHEAD_MS_MAX = 1000;

/**
 * The time that a leader stamps on entries: its wall clock, but never back, and no further ahead of the clocks of a quorum,
 * as they stood when it began to lead, than the time that passed since by its monotonic clock. So no single clock that is
 * years ahead can expire anything, whether its node leads already or comes to lead.
 */
export class LogTime {
  readonly #clock: Clock;
  readonly #medianWallMs: () => number | undefined;
  #lastMs = 0;
  /** What the clocks of a quorum said, and when; undefined until that is known. */
  #base: { readonly wallMs: number; readonly atMs: number } | undefined;

  /** `medianWallMs` gives the clocks of a quorum as they stand now, if they are known. */
  constructor(clock: Clock, medianWallMs: () => number | undefined) {
    this.#clock = clock;
    this.#medianWallMs = medianWallMs;
  }

  /** Times of entries that are in the log already. */
  observe(timeMs: number): void {
    this.#lastMs = Math.max(this.#lastMs, timeMs);
  }

  /** A new leader starts from the clocks of a quorum, or from the log's time if that is later. */
  lead(): void {
    this.#base = undefined;
    this.#rebase();
  }

  stamp(): number {
    const wallMs = this.#clock.wallMs();
    // A leader that was suspended, or led before it knew the others' clocks, asks them again.
    if (wallMs > this.#limitMs()) this.#rebase();
    this.#lastMs = Math.floor(Math.max(this.#lastMs, Math.min(wallMs, this.#limitMs())));
    return this.#lastMs;
  }

  /** Without a quorum's clocks time stands still. */
  #limitMs(): number {
    if (this.#base === undefined) return this.#lastMs;
    const { wallMs, atMs } = this.#base;
    return wallMs + (this.#clock.monotonicMs() - atMs) + AHEAD_MS_MAX;
  }

  #rebase(): void {
    const median = this.#medianWallMs();
    if (median === undefined) return;
    this.#base = { wallMs: median, atMs: this.#clock.monotonicMs() };
    this.#lastMs = Math.floor(Math.max(this.#lastMs, median));
  }
}
