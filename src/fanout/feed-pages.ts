import { LRUCache } from "lru-cache";
import type { ShardNumber } from "../placement/index.js";
import type { FeedItem, ShardClient } from "../shards/index.js";
import type { Clock } from "./clock.js";

/** A page ends before the next multiple of this: those who began at different places soon ask for the same pages. */
const PAGE_CHANGES = 1_024;
/** ... or once it has so much. */
const PAGE_BYTES = 1024 * 1024;
const KEPT_BYTES_MAX = 8 * 1024 * 1024;
/** Long enough for those who come at about the same time. */
const KEPT_MS = 2_000;

export interface FeedPage {
  readonly items: readonly FeedItem[];
  /** Of its changes. */
  readonly bytes: number;
  /** Everything up to here, on the channels that were asked for. */
  readonly upTo: number;
}

export interface PageRequest {
  readonly epoch: number;
  readonly after: number;
  /** Further is not read: it is in memory. */
  readonly until: number;
  readonly channels: readonly string[];
}

/**
 * A shard's feed as those read it who are further behind than memory goes. What many ask for at about the same time, as the
 * clients of a server that died do, is asked of the shard once.
 */
export class FeedPages {
  readonly #shard: ShardNumber;
  readonly #shards: ShardClient;
  readonly #reading = new Map<string, Promise<FeedPage>>();
  readonly #kept: LRUCache<string, FeedPage>;

  constructor(shard: ShardNumber, shards: ShardClient, clock: Clock) {
    this.#shard = shard;
    this.#shards = shards;
    this.#kept = new LRUCache({
      maxSize: KEPT_BYTES_MAX,
      sizeCalculation: ({ bytes }) => 1 + bytes,
      ttl: KEPT_MS,
      perf: { now: () => clock.monotonicMs() },
    });
  }

  /** Of what is committed, and so always the same. `signal` is that of the process: a page is not one reader's. */
  read(request: PageRequest, signal: AbortSignal): Promise<FeedPage> {
    const { epoch, after, channels } = request;
    const until = Math.min(request.until, (Math.floor(after / PAGE_CHANGES) + 1) * PAGE_CHANGES);
    const key = `${epoch} ${after} ${until} ${channels.toSorted().join(" ")}`;
    const kept = this.#kept.get(key);
    if (kept !== undefined) return Promise.resolve(kept);
    const reading = this.#reading.get(key);
    if (reading !== undefined) return reading;
    const page = this.#read({ ...request, until }, signal)
      .then((read) => {
        this.#kept.set(key, read);
        return read;
      })
      .finally(() => this.#reading.delete(key));
    this.#reading.set(key, page);
    return page;
  }

  async #read(
    { epoch, after, until, channels }: PageRequest,
    signal: AbortSignal,
  ): Promise<FeedPage> {
    const stop = new AbortController();
    const items: FeedItem[] = [];
    let upTo = after;
    let bytes = 0;
    try {
      const events = this.#shards.changes({
        shard: this.#shard,
        after: { epoch, sequence: after },
        until,
        channels,
        signal: AbortSignal.any([signal, stop.signal]),
      });
      for await (const event of events) {
        items.push(...event.items);
        upTo = event.upTo;
        for (const { change } of event.items) bytes += change.byteLength;
        if (bytes >= PAGE_BYTES || upTo >= until) break;
      }
      return { items, bytes, upTo };
    } finally {
      stop.abort();
    }
  }
}
