import { crc32 } from "node:zlib";
import { assert } from "../base/index.js";
import type { EngineBatch } from "./engine.js";
import { writeU64 } from "./keys.js";
import { CHECKSUM_BYTES } from "./row-checksum.js";

const INITIAL_BYTES = 64 * 1024;
/** A larger buffer, which one large row asked for, is not kept. */
const KEPT_BYTES = 4 * 1024 * 1024;
/** Room for the fixed-size fields between two checks. */
const SLACK_BYTES = 64;
const CACHED_KEY_BYTES = 256;

/**
 * Lays out one row at a time, key, value and checksum side by side, in a buffer that is used again:
 * a batch copies what it is given. First the key's parts, then `endKey`, then the value's parts,
 * then `put`.
 */
export class RowWriter {
  #buffer: Buffer = Buffer.allocUnsafeSlow(INITIAL_BYTES);
  #at = 0;
  #keyEnd = 0;
  /** Views of the buffer's start by length: keys are short and of few lengths. */
  #keyViews: (Buffer | undefined)[] = [];

  begin(prefix: Buffer): this {
    this.#at = 0;
    this.#keyEnd = 0;
    return this.bytes(prefix);
  }

  endKey(): this {
    this.#keyEnd = this.#at;
    return this;
  }

  u8(value: number): this {
    this.#at = this.#buffer.writeUInt8(value, this.#at);
    return this;
  }

  u16(value: number): this {
    this.#at = this.#buffer.writeUInt16BE(value, this.#at);
    return this;
  }

  u32(value: number): this {
    this.#reserve(0);
    this.#at = this.#buffer.writeUInt32BE(value, this.#at);
    return this;
  }

  u64(value: number): this {
    this.#reserve(0);
    writeU64(this.#buffer, value, this.#at);
    this.#at += 8;
    return this;
  }

  f64(value: number): this {
    this.#at = this.#buffer.writeDoubleBE(value, this.#at);
    return this;
  }

  bytes(value: Uint8Array): this {
    this.#reserve(value.length);
    this.#buffer.set(value, this.#at);
    this.#at += value.length;
    return this;
  }

  ascii(value: string): this {
    this.#reserve(value.length);
    this.#at += this.#buffer.write(value, this.#at, "latin1");
    return this;
  }

  utf8(value: string): this {
    this.#reserve(value.length * 3);
    this.#at += this.#buffer.write(value, this.#at, "utf8");
    return this;
  }

  /** A u16 of length, then the text. */
  shortText(value: string): this {
    const lengthAt = this.#at;
    this.u16(0).utf8(value);
    const length = this.#at - lengthAt - 2;
    assert(length < 2 ** 16, "text is too long for its row");
    this.#buffer.writeUInt16BE(length, lengthAt);
    return this;
  }

  put(batch: EngineBatch): void {
    const end = this.#at;
    this.#buffer.writeUInt32BE(crc32(this.#buffer.subarray(0, end)), end);
    batch.put(this.#key(), this.#buffer.subarray(this.#keyEnd, end + CHECKSUM_BYTES));
    if (this.#buffer.length > KEPT_BYTES) this.#replace(Buffer.allocUnsafeSlow(INITIAL_BYTES));
  }

  del(batch: EngineBatch): void {
    this.#keyEnd = this.#at;
    batch.del(this.#key());
  }

  #key(): Buffer {
    const length = this.#keyEnd;
    if (length >= CACHED_KEY_BYTES) return this.#buffer.subarray(0, length);
    return (this.#keyViews[length] ??= this.#buffer.subarray(0, length));
  }

  #reserve(bytes: number): void {
    const needed = this.#at + bytes + SLACK_BYTES;
    if (needed <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, this.#buffer.length * 2));
    this.#buffer.copy(larger, 0, 0, this.#at);
    this.#replace(larger);
  }

  #replace(buffer: Buffer): void {
    this.#buffer = buffer;
    this.#keyViews = [];
  }
}
