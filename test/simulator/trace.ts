/** What happened, as a hash: two runs of one seed have the same, or something did not come from the seed. */
export class Trace {
  #high = 0xdeadbeef;
  #low = 0x41c6ce57;
  readonly #print: ((text: string) => void) | undefined;

  constructor(print?: (text: string) => void) {
    this.#print = print;
  }

  note(atMs: number, text: string): void {
    this.#print?.(`${atMs.toFixed(3).padStart(11)}  ${text}`);
    this.#mix(Math.round(atMs * 1000));
    for (let i = 0; i < text.length; i++) this.#mix(text.charCodeAt(i));
  }

  get hash(): string {
    return [this.#high, this.#low]
      .map((half) => (half >>> 0).toString(16).padStart(8, "0"))
      .join("");
  }

  #mix(value: number): void {
    this.#high = Math.imul(this.#high ^ value, 2654435761);
    this.#high ^= this.#high >>> 15;
    this.#low = Math.imul(this.#low ^ value, 1597334677);
    this.#low ^= this.#low >>> 13;
  }
}
