import { readU64 } from "./keys.js";
import { corruptRow } from "./row-checksum.js";

/** Takes a row's value apart; reading past its end is damage that the checksum could not see. */
export class RowReader {
  readonly #key: Buffer;
  readonly #value: Buffer;
  #at = 0;

  constructor(key: Buffer, value: Buffer) {
    this.#key = key;
    this.#value = value;
  }

  u8(): number {
    return this.#value.readUInt8(this.#take(1));
  }

  u16(): number {
    return this.#value.readUInt16BE(this.#take(2));
  }

  u32(): number {
    return this.#value.readUInt32BE(this.#take(4));
  }

  u64(): number {
    return readU64(this.#value, this.#take(8));
  }

  f64(): number {
    return this.#value.readDoubleBE(this.#take(8));
  }

  bytes(length: number): Buffer {
    const at = this.#take(length);
    return this.#value.subarray(at, at + length);
  }

  shortText(): string {
    return this.bytes(this.u16()).toString("utf8");
  }

  rest(): Buffer {
    return this.bytes(this.#value.length - this.#at);
  }

  #take(bytes: number): number {
    const at = this.#at;
    if (at + bytes > this.#value.length) throw corruptRow(this.#key, "it is too short");
    this.#at += bytes;
    return at;
  }
}
