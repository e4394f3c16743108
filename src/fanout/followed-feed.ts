import { LRUCache } from "lru-cache";
import type { FeedItem } from "../shards/index.js";
import { FeedChange } from "./feed-change.js";
import type { ShardLabel } from "./feed-change.js";
import type { Limits } from "./limits.js";
import { ChangeRing } from "./ring.js";
import type { RingEntry } from "./ring.js";

export interface FollowedFeedOptions {
  readonly epoch: number;
  /** The last change before those that are followed. */
  readonly head: number;
  readonly label: ShardLabel;
  readonly limits: Limits;
}

/** What is known of a shard's feed as long as it is followed without a hole, in one epoch. */
export class FollowedFeed {
  readonly epoch: number;
  readonly ring: ChangeRing;
  readonly #label: ShardLabel;
  readonly #lastOnChannel: LRUCache<string, number>;
  /** Changes read from the feed for those who are behind, shared among them. */
  readonly #older: LRUCache<number, FeedChange>;
  #firstSequence = 0;

  constructor({ epoch, head, label, limits }: FollowedFeedOptions) {
    this.epoch = epoch;
    this.ring = new ChangeRing(head, limits.ringChanges, limits.ringBytes);
    this.#label = label;
    this.#lastOnChannel = new LRUCache({ max: limits.knownChannels });
    this.#older = new LRUCache({
      max: limits.ringChanges,
      maxSize: limits.ringBytes,
      sizeCalculation: ({ bytes }) => bytes + 1,
    });
  }

  /** The first change that the feed still holds, as far as it is known here: it is trimmed without a change that says so. */
  get firstSequence(): number {
    return this.#firstSequence;
  }

  learnFirst(sequence: number): void {
    this.#firstSequence = Math.max(this.#firstSequence, sequence);
  }

  /** 0 if none is known. */
  lastSequenceOn(channel: string): number {
    return this.#lastOnChannel.get(channel) ?? 0;
  }

  /** Somebody read the feed up to the head, and this was the channel's last change. */
  learnLast(channel: string, sequence: number): void {
    if (!this.#lastOnChannel.has(channel)) this.#lastOnChannel.set(channel, sequence);
  }

  changeOf(item: FeedItem): FeedChange {
    return new FeedChange(item, this.#label);
  }

  /** What somebody who is behind read. */
  older(item: FeedItem): FeedChange {
    const known = this.#older.get(item.sequence);
    if (known !== undefined) return known;
    const change = this.changeOf(item);
    this.#older.set(item.sequence, change);
    return change;
  }

  /** The change, which is the newest now, with what came before it on its channels. */
  entryOf(change: FeedChange): RingEntry {
    const previous = change.channels.map((channel) => {
      const last = this.lastSequenceOn(channel);
      this.#lastOnChannel.set(channel, change.sequence);
      return last;
    });
    return { change, previous };
  }
}
