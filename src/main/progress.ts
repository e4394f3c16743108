const REDRAW_MS = 100;
const SAY_AGAIN_MS = 5000;
const BAR_LENGTH = 24;

/**
 * Long work, a line a part: drawn over itself on a terminal. Elsewhere every step is a line of its own, and how far it is
 * comes now and then.
 */
export class Progress {
  readonly #stream: NodeJS.WriteStream;
  readonly #lines = new Map<string, string>();
  readonly #unsaid = new Set<string>();
  readonly #saidAtMs = new Map<string, number>();
  #drawn = 0;
  #drawnAtMs = -Infinity;

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream;
  }

  /** What a part does from now on. */
  step(part: string, text: string): void {
    this.#lines.set(part, text);
    if (this.#stream.isTTY) this.#draw();
    else this.#say(part);
  }

  /** How far a part is; may come very often. `share` is that of the whole, 0 to 1, where one knows how much that is. */
  amount(part: string, text: string, share?: number): void {
    this.#lines.set(part, share === undefined ? text : `${bar(share)} ${text}`);
    const nowMs = performance.now();
    if (this.#stream.isTTY) {
      if (nowMs - this.#drawnAtMs >= REDRAW_MS) this.#draw();
    } else if (nowMs - (this.#saidAtMs.get(part) ?? -Infinity) >= SAY_AGAIN_MS) this.#say(part);
    else this.#unsaid.add(part);
  }

  end(): void {
    if (this.#stream.isTTY) this.#draw();
    else for (const part of this.#unsaid) this.#say(part);
    this.#lines.clear();
    this.#drawn = 0;
  }

  #say(part: string): void {
    this.#unsaid.delete(part);
    this.#saidAtMs.set(part, performance.now());
    this.#write(part, this.#lines.get(part) ?? "");
  }

  #draw(): void {
    this.#drawnAtMs = performance.now();
    if (this.#drawn > 0) this.#stream.moveCursor(0, -this.#drawn);
    for (const [part, text] of this.#lines) {
      this.#stream.clearLine(0);
      this.#write(part, text);
    }
    this.#drawn = this.#lines.size;
  }

  #write(part: string, text: string): void {
    this.#stream.write(`${part.padEnd(14)} ${text}\n`);
  }
}

/** There may be more than was thought: that is found out at the end, and not here. */
function bar(known: number): string {
  const share = Math.min(1, known);
  const done = Math.floor(share * BAR_LENGTH);
  const percent = `${Math.floor(share * 100)}`.padStart(3);
  return `[${"#".repeat(done)}${"-".repeat(BAR_LENGTH - done)}] ${percent} %`;
}
