import type { AppliedState, FeedPage, FeedReadOptions } from "./ports.js";
import type { RuntimeLimits } from "./limits.js";

/** What a feed row costs on the disk beside its change. */
const FEED_ROW_OVERHEAD_BYTES = 150;

export interface SweeperOptions {
  readonly limits: RuntimeLimits;
  readonly state: () => AppliedState;
  readonly readFeed: (after: number, options: FeedReadOptions) => Promise<FeedPage>;
  /** Proposes a sweep that expires rows and trims the feed up to a sequence. */
  readonly propose: (trimFeedTo: number) => void;
  readonly failed: (error: unknown) => void;
}

/**
 * Lets the leader propose what expires. Sweeps come with time and with the number of entries, so that rows leave faster than
 * new ones come; an idle shard sweeps nothing.
 */
export class Sweeper {
  readonly #options: SweeperOptions;
  #sweptAtMs: number;
  #sweptIndex = 0;
  #trimTo = 0;
  #more = false;
  #probing = false;

  constructor(options: SweeperOptions, nowMs: number) {
    this.#options = options;
    this.#sweptAtMs = nowMs;
  }

  /** A sweep ended at its limit: there is more to expire. */
  continue(): void {
    this.#more = true;
  }

  sweepIfDue(nowMs: number): void {
    const { limits, state, propose } = this.#options;
    const { index } = state();
    const applied = index - this.#sweptIndex;
    const due = nowMs - this.#sweptAtMs >= limits.sweepMs;
    if (!this.#more && (applied < 2 || (!due && applied < limits.sweepEntries))) return;
    this.#more = false;
    this.#sweptAtMs = nowMs;
    this.#sweptIndex = index;
    this.#probeFeed();
    propose(this.#trimTo);
  }

  /** Finds out how far the next sweep may trim the feed, by age and by size. */
  #probeFeed(): void {
    const { limits, state, readFeed, failed } = this.#options;
    const { firstSequence, sequence, timeMs } = state();
    if (this.#probing || sequence - firstSequence < limits.sweepRowsMax) return;
    this.#probing = true;
    const last = firstSequence + limits.sweepRowsMax - 1;
    readFeed(last - 1, { channels: [], limit: 1, bytesMax: 1 })
      .then(({ rows }) => {
        this.#probing = false;
        const row = rows[0];
        if (row === undefined) return;
        const old = row.timeMs < timeMs - limits.feedAgeMs;
        const bytes = (sequence - firstSequence) * (row.change.length + FEED_ROW_OVERHEAD_BYTES);
        if (old || bytes > limits.feedBytesMax) this.#trimTo = last;
      })
      .catch(failed);
  }
}
