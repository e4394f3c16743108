import type { Change } from "../../gen/cabildo/v1/sync_pb.js";
import type { ShardState } from "./frames.js";
import { Place } from "./place.js";

/** Events that wait to be taken; with more, the channels are left and joined again once there is room. */
const QUEUE_MAX = 10_000;

export type LiveEvent =
  /** The channels are heard from here on; everything after it follows. */
  | { readonly kind: "joined"; readonly positions: readonly string[] }
  | { readonly kind: "change"; readonly channel: string; readonly change: Change }
  /** What the user chose, and so what is heard from here on; where this follows the choice. */
  | { readonly kind: "chosen"; readonly channels: readonly string[] }
  /** On the channel `cluster`: all shards at first and after a loss, then those that changed. */
  | { readonly kind: "cluster"; readonly shards: readonly ShardState[] };

/** What a subscription asks of the connection that serves it. */
export interface SubscriptionHost {
  join(subscription: Subscription): void;
  leave(subscription: Subscription): void;
}

/**
 * The changes of some channels, in order per shard, each once, whatever happens to connections and servers, and whatever other
 * subscriptions hear. Take them with `for await`: leaving the loop ends the subscription. The loop throws where a channel may
 * not be heard any more, and with the reason POSITION_GONE or EPOCH_CHANGED where changes were missed that cannot be had: then
 * read again what you show, and subscribe from the position of that read.
 */
export class Subscription implements AsyncIterable<LiveEvent> {
  readonly place: Place;
  /** Whether its channels are those that the user chose. */
  readonly followsChoice: boolean;
  #channels: readonly string[];
  readonly #host: SubscriptionHost;
  #queue: LiveEvent[] = [];
  #wake: () => void = () => undefined;
  #state: "open" | "full" | "ended" = "open";
  #failure: Error | undefined;

  constructor(
    host: SubscriptionHost,
    channels: readonly string[] | "chosen",
    since: readonly string[],
  ) {
    this.#host = host;
    this.followsChoice = channels === "chosen";
    this.#channels = channels === "chosen" ? [] : channels;
    this.place = new Place(since);
  }

  get channels(): readonly string[] {
    return this.#channels;
  }

  /** What the user chose is this now. */
  chose(channels: readonly string[]): void {
    this.#channels = channels;
    this.place.keep(channels);
    this.push({ kind: "chosen", channels });
  }

  push(event: LiveEvent): void {
    if (this.#state !== "open") return;
    this.#queue.push(event);
    this.#wake();
    if (this.#queue.length < QUEUE_MAX) return;
    this.#state = "full";
    this.#host.leave(this);
  }

  /** Nothing more comes; with an error, whoever waits hears of it. Idempotent. */
  end(failure?: Error): void {
    if (this.#state === "ended") return;
    const joined = this.#state === "open";
    this.#state = "ended";
    this.#failure = failure;
    if (joined) this.#host.leave(this);
    this.#wake();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<LiveEvent> {
    try {
      for (;;) {
        const events = this.#queue;
        this.#queue = [];
        if (this.#state === "full") {
          this.#state = "open";
          this.#host.join(this);
        }
        yield* events;
        if (this.#queue.length > 0) continue;
        if (this.#state === "ended") break;
        await new Promise<void>((resolve) => (this.#wake = resolve));
      }
      if (this.#failure !== undefined) throw this.#failure;
    } finally {
      this.end();
    }
  }
}
