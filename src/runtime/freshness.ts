interface Mark {
  readonly askedAtMs: number;
  readonly index: number;
}

/**
 * How old a replica's state may be. What a majority confirmed as committed was all there was when the question was sent, not
 * when its answer came: once the state has come that far, it is at most as old as the question.
 */
export class Freshness {
  #marks: Mark[] = [];
  #asOfMs = -Infinity;

  confirmed(askedAtMs: number, index: number): void {
    this.#marks.push({ askedAtMs, index });
  }

  /** The state has come as far as this entry. */
  reached(index: number): void {
    if (this.#marks.length === 0) return;
    for (const mark of this.#marks) {
      if (mark.index <= index) this.#asOfMs = Math.max(this.#asOfMs, mark.askedAtMs);
    }
    this.#marks = this.#marks.filter((mark) => mark.index > index);
  }

  /** Infinity before anything was confirmed. */
  ageMs(nowMs: number): number {
    return nowMs - this.#asOfMs;
  }
}
