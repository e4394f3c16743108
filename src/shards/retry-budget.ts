/** Repetitions for each call, on average, and as many at once. */
const RATIO = 0.2;
const SAVED_MAX = 100;

/** How often calls may be repeated at once: where most of them fail, repeating all would be a second flood. */
export class RetryBudget {
  #saved = SAVED_MAX;

  /** A call begins. */
  earn(): void {
    this.#saved = Math.min(SAVED_MAX, this.#saved + RATIO);
  }

  take(): boolean {
    if (this.#saved < 1) return false;
    this.#saved--;
    return true;
  }
}
