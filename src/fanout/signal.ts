/** Wakes everybody who waits, again and again. */
export class Signal {
  #waiting: (() => void)[] | undefined;

  /** Resolves at the next `fire`. */
  next(): Promise<void> {
    return new Promise((resolve) => {
      (this.#waiting ??= []).push(resolve);
    });
  }

  fire(): void {
    const waiting = this.#waiting ?? [];
    this.#waiting = undefined;
    for (const wake of waiting) wake();
  }
}
