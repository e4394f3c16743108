import { assert } from "../base/index.js";

/** Fixes the moments of reads between two rounds: a view opens in a turn in which no round is being written. */
export class WriteGate {
  #writing = false;
  #views: (() => void)[] = [];

  /** Runs `open` at once, or right after the round that is under way. */
  view(open: () => void): void {
    if (this.#writing) this.#views.push(open);
    else open();
  }

  beginWrite(): void {
    assert(!this.#writing, "one round at a time");
    this.#writing = true;
  }

  endWrite(): void {
    this.#writing = false;
    const views = this.#views;
    this.#views = [];
    for (const open of views) open();
  }
}
