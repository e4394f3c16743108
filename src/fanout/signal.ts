/** Wakes everybody who waits, again and again. */
export class Signal {
  #waiting: (() => void)[] = [];

  /** Resolves at the next `fire`. */
  next(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
    });
  }

  fire(): void {
    if (this.#waiting.length === 0) return;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const wake of waiting) wake();
  }
}
