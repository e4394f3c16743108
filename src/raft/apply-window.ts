import { entriesBytes, payloadBytes } from "./entry-size.js";
import type { Entry } from "./types.js";
import { assert } from "../base/index.js";

interface Batch {
  readonly lastIndex: number;
  readonly bytes: number;
  readonly payload: number;
}

/** Committed entries on their way through the state machine. applied <= handedOut <= commit. */
export class ApplyWindow {
  applied: number;
  handedOut: number;
  #bytes = 0;
  #paused = false;
  #batches: Batch[] = [];
  readonly #bytesMax: number;

  constructor(applied: number, bytesMax: number) {
    this.applied = applied;
    this.handedOut = applied;
    this.#bytesMax = bytesMax;
  }

  /** Bytes that may be handed out now; 0 until something is applied. */
  get bytesFree(): number {
    return this.#paused ? 0 : this.#bytesMax - this.#bytes;
  }

  /** `appliable` is the last entry that could have been handed out: if it was not, the limit is reached. */
  handOut(entries: readonly Entry[], appliable: number): void {
    const last = entries[entries.length - 1];
    if (last === undefined) return;
    const bytes = entriesBytes(entries);
    this.#batches.push({ lastIndex: last.index, bytes, payload: payloadBytes(entries) });
    this.handedOut = last.index;
    this.#bytes += bytes;
    this.#paused = this.#bytes >= this.#bytesMax || last.index < appliable;
  }

  /** Returns the payload of the batches that are now done. */
  applyTo(index: number): number {
    assert(index <= this.handedOut, "an entry was applied that was not handed out");
    return this.#finishTo(index);
  }

  /** A snapshot brought the state to `index` past whatever is still under way: nobody will apply that, and say so. */
  skipTo(index: number): void {
    this.handedOut = Math.max(this.handedOut, index);
    this.#finishTo(index);
  }

  #finishTo(index: number): number {
    this.applied = Math.max(this.applied, index);
    let payload = 0;
    let done = 0;
    for (const batch of this.#batches) {
      if (batch.lastIndex > index) break;
      this.#bytes -= batch.bytes;
      payload += batch.payload;
      done += 1;
    }
    if (done > 0) this.#batches.splice(0, done);
    this.#paused = this.#bytes >= this.#bytesMax;
    return payload;
  }
}
