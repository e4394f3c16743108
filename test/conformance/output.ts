/** What a directive prints; at log level NONE nothing but that it failed. */
export class Output {
  isQuiet = false;
  #lines: string[] = [];
  #indent = "";

  print(lines: readonly string[]): void {
    if (this.isQuiet) return;
    for (const line of lines) this.#lines.push(`${this.#indent}${line}`);
  }

  printError(text: string): void {
    this.#lines.push(text);
  }

  indented(run: () => void): void {
    const before = this.#indent;
    this.#indent = `${before}  `;
    try {
      run();
    } finally {
      this.#indent = before;
    }
  }

  take(): string[] {
    const lines = this.#lines;
    this.#lines = [];
    return lines.length === 0 ? ["ok"] : lines;
  }
}
