/** How often patience may double. */
const DOUBLINGS_MAX = 2;

/**
 * How long to wait for whoever may be gone or only slow: each time in vain twice as long as before, up to four times the first.
 * Who is too busy to answer in time is otherwise kept busy for ever, by what those want who have given up already.
 */
export class Patience {
  readonly #firstMs: number;
  #doublings = 0;

  constructor(firstMs: number) {
    this.#firstMs = firstMs;
  }

  get ms(): number {
    return this.#firstMs * 2 ** this.#doublings;
  }

  wasInVain(): void {
    this.#doublings = Math.min(DOUBLINGS_MAX, this.#doublings + 1);
  }

  reset(): void {
    this.#doublings = 0;
  }
}
