import { assert } from "../base/index.js";

interface Inflight {
  readonly lastIndex: number;
  readonly bytes: number;
}

/**
 * Appends to one follower that it has not answered, oldest first. Bounds what a slow follower can hold in buffers; the
 * byte bound may be passed by one message, so that a large one can ever be sent.
 */
export class Inflights {
  #window: Inflight[] = [];
  #head = 0;
  #bytes = 0;
  readonly #messagesMax: number;
  readonly #bytesMax: number;

  /** bytesMax 0 means no limit. */
  constructor(messagesMax: number, bytesMax: number) {
    this.#messagesMax = messagesMax;
    this.#bytesMax = bytesMax;
  }

  get count(): number {
    return this.#window.length - this.#head;
  }

  get isFull(): boolean {
    return this.count >= this.#messagesMax || (this.#bytesMax > 0 && this.#bytes >= this.#bytesMax);
  }

  add(lastIndex: number, bytes: number): void {
    assert(!this.isFull, "an append was sent through a full window");
    this.#window.push({ lastIndex, bytes });
    this.#bytes += bytes;
  }

  /** The follower holds everything up to `index`. */
  freeTo(index: number): void {
    for (;;) {
      const oldest = this.#window[this.#head];
      if (oldest === undefined || oldest.lastIndex > index) break;
      this.#bytes -= oldest.bytes;
      this.#head += 1;
    }
    if (this.#head === this.#window.length) {
      this.#window.length = 0;
      this.#head = 0;
    } else if (this.#head > 64 && this.#head * 2 > this.#window.length) {
      this.#window.splice(0, this.#head);
      this.#head = 0;
    }
  }

  reset(): void {
    this.#window = [];
    this.#head = 0;
    this.#bytes = 0;
  }
}
