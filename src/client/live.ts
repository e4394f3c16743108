import { LiveLink } from "./live-link.js";
import type { LiveCounters, LiveOptions, LiveState } from "./live-link.js";
import { overlap } from "./overlap.js";
import type { Reply } from "./frames.js";
import { Subscription } from "./subscription.js";
import type { LiveEvent, SubscriptionHost } from "./subscription.js";

/** As many as a server takes on one connection. */
const CHANNELS_MAX = 128;

/** What is told of a subscription that nobody loops over. */
export interface LiveListener {
  heard(event: LiveEvent): void;
  /** No more is heard, and why; not called where it was ended here. */
  failed(error: unknown): void;
}

/**
 * The live channels. Subscriptions that cannot hear the same change share a socket; each of the others has one more, so that
 * every one hears all of its channels.
 */
export class Live implements SubscriptionHost {
  readonly counters: LiveCounters = { changes: 0, repeated: 0, gaps: 0, connections: 0 };
  readonly #options: LiveOptions;
  readonly #onState: (state: LiveState) => void;
  /** The first one stays, and takes the calls. */
  readonly #first: LiveLink;
  readonly #links: Set<LiveLink>;
  readonly #waiting = new Set<LiveLink>();
  #closedBecause: string | undefined;

  constructor(options: LiveOptions, onState: (state: LiveState) => void = () => undefined) {
    this.#options = options;
    this.#onState = onState;
    this.#links = new Set();
    this.#first = this.#addLink();
  }

  /** Everything on the channels after `since`, positions that reads, writes or former subscriptions gave; from now on without. */
  subscribe(channels: readonly string[], since: readonly string[] = []): Subscription {
    const subscription = new Subscription(this, channels, since);
    this.join(subscription);
    return subscription;
  }

  /**
   * The same for the channels that the user chose, with `subscriptions.updateSubscriptions`, on whichever device, and from then
   * on as the choice changes: `chosen` tells.
   */
  subscribeChosen(since: readonly string[] = []): Subscription {
    const subscription = new Subscription(this, "chosen", since);
    this.join(subscription);
    return subscription;
  }

  /** `subscribe` for programs that have no use for a loop. What `heard` throws ends the subscription, and is `failed`. */
  listen(
    channels: readonly string[],
    listener: LiveListener,
    since: readonly string[] = [],
  ): Subscription {
    const subscription = this.subscribe(channels, since);
    void tell(subscription, listener);
    return subscription;
  }

  join(subscription: Subscription): void {
    if (this.#closedBecause !== undefined) {
      subscription.end(new Error("the client is closed"));
      return;
    }
    const link = [...this.#links].find((candidate) => hasRoomFor(candidate, subscription));
    (link ?? this.#addLink()).join(subscription);
  }

  leave(subscription: Subscription): void {
    for (const link of this.#links) {
      if (!link.subscriptions.has(subscription)) continue;
      link.leave(subscription);
      if (link.subscriptions.size === 0 && link !== this.#first)
        this.#drop(link, "nothing is heard on it");
    }
  }

  /**
   * Calls the API over a socket: opens one where there is none. Never rejects; a call whose connection is lost is refused as
   * UNAVAILABLE, and may have taken effect.
   */
  call(body: object, signal: AbortSignal): Promise<Reply> {
    return this.#first.call(body, signal);
  }

  /** The network is back, or someone looks at the page again: do not wait any longer. */
  wakeUp(): void {
    for (const link of this.#links) link.wakeUp();
  }

  /** The network is gone: try nothing before `wakeUp`. */
  goOffline(): void {
    const were = [...this.#links].filter((link) => link.goOffline());
    if (were.length > 0) this.#onState({ kind: "offline" });
  }

  /** Ends every subscription. Idempotent. */
  close(): void {
    this.#close("closed");
  }

  #addLink(): LiveLink {
    const link = new LiveLink(this.#options, this.counters, {
      state: (state) => this.#linkIs(link, state),
      failed: (reason) => this.#failed(link, reason),
    });
    this.#links.add(link);
    return link;
  }

  /** The first takes the calls: without it there is nothing. Of another socket only what is heard on it ends. */
  #failed(link: LiveLink, reason: string): void {
    const failure = new Error(reason);
    if (link === this.#first) {
      this.#close(reason, failure);
      return;
    }
    const subscriptions = [...link.subscriptions];
    this.#drop(link, reason);
    for (const subscription of subscriptions) subscription.end(failure);
  }

  #drop(link: LiveLink, reason: string): void {
    this.#links.delete(link);
    link.close(reason);
    if (!this.#waiting.delete(link) || this.#waiting.size > 0) return;
    const server = [...this.#links].map((other) => other.server).find((name) => name !== undefined);
    if (server !== undefined) this.#onState({ kind: "connected", server });
  }

  /** All of them count as connected once each is. */
  #linkIs(link: LiveLink, state: LiveState): void {
    if (state.kind === "waiting") this.#waiting.add(link);
    else this.#waiting.delete(link);
    if (state.kind !== "connected" || this.#waiting.size === 0) this.#onState(state);
  }

  #close(reason: string, failure?: Error): void {
    if (this.#closedBecause !== undefined) return;
    this.#closedBecause = reason;
    const subscriptions = [...this.#links].flatMap((link) => [...link.subscriptions]);
    for (const link of this.#links) link.close(reason);
    for (const subscription of subscriptions) subscription.end(failure);
    this.#onState({ kind: "closed", reason });
  }
}

function hasRoomFor(link: LiveLink, { followsChoice, channels }: Subscription): boolean {
  const others = [...link.subscriptions];
  // Nobody knows what will be chosen.
  if (others.some((other) => followsChoice || other.followsChoice)) return false;
  const taken = others.flatMap((other) => other.channels);
  if (taken.length > 0 && taken.length + channels.length > CHANNELS_MAX) return false;
  return !channels.some((channel) => taken.some((other) => overlap(channel, other)));
}

async function tell(subscription: Subscription, listener: LiveListener): Promise<void> {
  try {
    for await (const event of subscription) listener.heard(event);
  } catch (error) {
    listener.failed(error);
  }
}
