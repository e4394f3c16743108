const REDRAW_MS = 100;

/** Long work, a line a part, drawn over itself on a terminal; elsewhere each part says once that it is done. */
export class Progress {
  readonly #stream: NodeJS.WriteStream;
  readonly #lines = new Map<string, string>();
  #drawn = 0;
  #drawnAtMs = -Infinity;

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream;
  }

  set(part: string, text: string): void {
    this.#lines.set(part, text);
    const nowMs = performance.now();
    if (!this.#stream.isTTY || nowMs - this.#drawnAtMs < REDRAW_MS) return;
    this.#drawnAtMs = nowMs;
    this.#draw();
  }

  end(): void {
    this.#draw();
    this.#lines.clear();
    this.#drawn = 0;
  }

  #draw(): void {
    if (this.#stream.isTTY && this.#drawn > 0) this.#stream.moveCursor(0, -this.#drawn);
    for (const [part, text] of this.#lines) {
      if (this.#stream.isTTY) this.#stream.clearLine(0);
      this.#stream.write(`${part.padEnd(14)} ${text}\n`);
    }
    this.#drawn = this.#lines.size;
  }
}
