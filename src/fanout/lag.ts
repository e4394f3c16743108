import type { Clock } from "./clock.js";
import type { FanoutObserver } from "./events.js";
import type { Limits } from "./limits.js";

/** Since when a connection is not where the live path is, if it is not. */
export class Lag {
  readonly #clock: Clock;
  readonly #limits: Limits;
  readonly #observer: FanoutObserver;
  #sinceMs: number | undefined;
  /** Where it is while it is behind, and since when. */
  #place: { readonly at: number; readonly sinceMs: number } | undefined;

  constructor(services: {
    readonly clock: Clock;
    readonly limits: Limits;
    readonly observer: FanoutObserver;
  }) {
    this.#clock = services.clock;
    this.#limits = services.limits;
    this.#observer = services.observer;
  }

  /** Counted from the first time. */
  begin(): void {
    this.#sinceMs ??= this.#clock.monotonicMs();
  }

  /** All of it is live again; returns whether it was not. */
  end(): boolean {
    if (this.#sinceMs === undefined) return false;
    const ms = this.#clock.monotonicMs() - this.#sinceMs;
    this.#sinceMs = undefined;
    this.#observer({ kind: "caught-up", ms });
    return true;
  }

  /** What lagged was left. */
  forget(): void {
    this.#sinceMs = undefined;
  }

  /** Whether one that is behind was given nothing for too long. `at` moves as it is; undefined where all of it is live. */
  isStuck(nowMs: number, at: number | undefined): boolean {
    if (at !== this.#place?.at) this.#place = at === undefined ? at : { at, sinceMs: nowMs };
    return this.#place !== undefined && nowMs - this.#place.sinceMs >= this.#limits.laggingMs;
  }

  isTooLong(nowMs: number, changesBehind: () => number): boolean {
    if (this.#sinceMs === undefined) return false;
    const { laggingMs, changesBehindMax } = this.#limits;
    return nowMs - this.#sinceMs >= laggingMs || changesBehind() > changesBehindMax;
  }
}
