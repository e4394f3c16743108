import type { Write } from "../machine/index.js";

/** Port: SHA-256. The bytes are used again after the call. */
export type Digest = (bytes: Uint8Array) => Uint8Array;

const INITIAL_BYTES = 4096;
/** Room for a length and the separators. */
const SLACK_BYTES = 64;

/** h(i) = SHA-256(h(i-1), i, writes in order): equal on all replicas at equal index. */
export class StateHash {
  readonly #digest: Digest;
  #buffer: Buffer = Buffer.allocUnsafeSlow(INITIAL_BYTES);
  #at = 0;

  constructor(digest: Digest) {
    this.#digest = digest;
  }

  next(previous: Uint8Array, index: number, writes: readonly Write[]): Uint8Array {
    this.#at = 0;
    this.#bytes(previous);
    this.#ascii(String(index));
    for (const { key, value } of writes) {
      this.#ascii(`\n${key} ${value?.length ?? -1} `);
      if (value !== undefined) this.#bytes(value);
    }
    return this.#digest(this.#buffer.subarray(0, this.#at));
  }

  #bytes(value: Uint8Array): void {
    this.#reserve(value.length);
    this.#buffer.set(value, this.#at);
    this.#at += value.length;
  }

  #ascii(text: string): void {
    this.#reserve(text.length);
    this.#at += this.#buffer.write(text, this.#at, "latin1");
  }

  #reserve(bytes: number): void {
    const needed = this.#at + bytes + SLACK_BYTES;
    if (needed <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, 2 * this.#buffer.length));
    this.#buffer.copy(larger, 0, 0, this.#at);
    this.#buffer = larger;
  }
}
