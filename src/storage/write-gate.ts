import { assert } from "../base/index.js";

/**
 * Fixes the moments of reads between two rounds. A view opens in a turn in which no round is being
 * written, and may pin that moment; a round waits for the pins, and views that come meanwhile wait
 * for the round.
 */
export class WriteGate {
  #writing = false;
  #pins = 0;
  #views: (() => void)[] = [];
  #startWrite: (() => void) | undefined;

  /** Runs `open` at once, or right after the round that is under way or waiting. */
  view(open: () => void): void {
    if (this.#writing) this.#views.push(open);
    else open();
  }

  pin(): void {
    this.#pins++;
  }

  unpin(): void {
    this.#pins--;
    if (this.#pins > 0 || this.#startWrite === undefined) return;
    const start = this.#startWrite;
    this.#startWrite = undefined;
    start();
  }

  /** Undefined where the round may start at once. */
  beginWrite(): Promise<void> | undefined {
    assert(!this.#writing, "one round at a time");
    this.#writing = true;
    if (this.#pins === 0) return undefined;
    return new Promise((resolve) => (this.#startWrite = resolve));
  }

  endWrite(): void {
    this.#writing = false;
    const views = this.#views;
    this.#views = [];
    for (const open of views) open();
  }
}
