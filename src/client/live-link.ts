import { Code, ConnectError } from "@connectrpc/connect";
import type { Change } from "../../gen/cabildo/v1/sync_pb.js";
import { begunIn, findPassing, findRefusal, GONE, positionsOf } from "./frames.js";
import type { Refusal, Reply, ShardState } from "./frames.js";
import { fullJitter } from "./full-jitter.js";
import { LiveConnection } from "./live-connection.js";
import type { ConnectionEnd } from "./live-connection.js";
import type { OpenSocket } from "./live-socket.js";
import { CLUSTER_CHANNEL } from "./overlap.js";
import type { Positions } from "./positions.js";
import { errorOf } from "./refusals.js";
import type { Subscription } from "./subscription.js";
import type { TokenSource } from "./tokens.js";

/** A connection that stood so long was a good one: the next loss begins with a short wait again. */
const STABLE_MS = 10_000;

export interface LiveOptions {
  /** wss addresses, in order of preference. */
  readonly urls: readonly [string, ...string[]];
  readonly tokens: TokenSource;
  readonly openSocket: OpenSocket;
  readonly positions: Positions;
  readonly random: () => number;
}

export type LiveState =
  | { readonly kind: "connected"; readonly server: string }
  | { readonly kind: "waiting"; readonly reason: string; readonly delayMs: number }
  | { readonly kind: "offline" }
  | { readonly kind: "closed"; readonly reason: string };

/** What happened so far. */
export interface LiveCounters {
  changes: number;
  /** Changes that came again and were left out. */
  repeated: number;
  /** Changes that did not follow the one before. Stays 0; each makes the client go on from the last one that did. */
  gaps: number;
  connections: number;
}

export interface LinkEvents {
  state(state: LiveState): void;
  /** Another attempt would fail alike. */
  failed(reason: string): void;
}

type LinkState =
  | { readonly kind: "idle" }
  | { readonly kind: "offline" }
  | { readonly kind: "waiting"; readonly timer: ReturnType<typeof setTimeout> }
  | { readonly kind: "opening"; readonly connection?: LiveConnection }
  | {
      readonly kind: "open";
      readonly connection: LiveConnection;
      readonly server: string;
      readonly sinceMs: number;
    }
  | { readonly kind: "closed" };

/**
 * One socket at a time, for subscriptions none of which can hear the same change: a server sends each change once on a
 * connection. A lost one is replaced, at the next address, after a random and growing delay; every subscription goes on
 * where it was. The socket is open while there are subscriptions.
 */
export class LiveLink {
  readonly #options: LiveOptions;
  readonly #counters: LiveCounters;
  readonly #events: LinkEvents;
  readonly #subscriptions = new Set<Subscription>();
  /** Those of which the present connection serves some channels: what it pushes is theirs. */
  readonly #begun = new Set<Subscription>();
  /** And those of which it serves all: what it says of itself holds for them. */
  readonly #joined = new Set<Subscription>();
  /** Calls that wait for a connection. */
  readonly #calls = new Map<(reply: Reply) => void, object>();
  #link: LinkState = { kind: "idle" };
  /** Raised with every attempt: what an earlier one still brings is not heard. */
  #attempt = 0;
  #failures = 0;
  #address = 0;

  constructor(options: LiveOptions, counters: LiveCounters, events: LinkEvents) {
    this.#options = options;
    this.#counters = counters;
    this.#events = events;
  }

  get subscriptions(): ReadonlySet<Subscription> {
    return this.#subscriptions;
  }

  /** Whom it is connected to. */
  get server(): string | undefined {
    return this.#link.kind === "open" ? this.#link.server : undefined;
  }

  join(subscription: Subscription): void {
    this.#subscriptions.add(subscription);
    if (this.#link.kind === "open") this.#join(this.#link.connection, subscription);
    else if (this.#link.kind === "idle") this.#connect();
  }

  leave(subscription: Subscription): void {
    this.#subscriptions.delete(subscription);
    this.#end(subscription);
    if (this.#link.kind === "open") {
      this.#unsubscribe(this.#link.connection, subscription.channels);
    }
  }

  /**
   * Calls the API over the socket: opens one where there is none. Never rejects; a call whose connection is lost is refused as
   * UNAVAILABLE, and may have taken effect.
   */
  call(body: object, signal: AbortSignal): Promise<Reply> {
    return new Promise((resolve) => {
      const replied = (reply: Reply): void => {
        signal.removeEventListener("abort", abort);
        this.#calls.delete(replied);
        resolve(reply);
      };
      const abort = (): void => replied(refuse("CANCELED", "CANCELLED", "the call was given up"));
      signal.addEventListener("abort", abort);
      if (signal.aborted) abort();
      else if (this.#link.kind === "closed") {
        replied(refuse("UNREACHABLE", "UNAVAILABLE", "the client is closed"));
      } else if (this.#link.kind === "open") {
        this.#link.connection.command("rpc", body, replied);
      } else {
        this.#calls.set(replied, body);
        if (this.#link.kind === "idle") this.#connect();
      }
    });
  }

  /** The network is back, or someone looks at the page again: do not wait any longer. */
  wakeUp(): void {
    if (this.#link.kind === "waiting") clearTimeout(this.#link.timer);
    else if (this.#link.kind !== "offline") return;
    this.#failures = 0;
    this.#connect();
  }

  /** The network is gone: try nothing before `wakeUp`. Returns whether there was anything to try. */
  goOffline(): boolean {
    const link = this.#link;
    if (link.kind === "closed" || link.kind === "idle") return false;
    this.#attempt++;
    this.#link = { kind: "offline" };
    if (link.kind === "waiting") clearTimeout(link.timer);
    if (link.kind === "open" || link.kind === "opening")
      link.connection?.drop("the network is gone");
    return true;
  }

  /** Subscriptions are the owner's to end. Idempotent. */
  close(reason: string): void {
    const link = this.#link;
    if (link.kind === "closed") return;
    this.#attempt++;
    this.#link = { kind: "closed" };
    if (link.kind === "waiting") clearTimeout(link.timer);
    if (link.kind === "open" || link.kind === "opening") link.connection?.drop(reason);
    for (const replied of [...this.#calls.keys()]) {
      replied(refuse("UNREACHABLE", "UNAVAILABLE", reason));
    }
  }

  #connect(): void {
    const attempt = ++this.#attempt;
    this.#link = { kind: "opening" };
    this.#options.tokens
      .accessToken()
      .then((token) => {
        if (attempt === this.#attempt) this.#open(attempt, token);
      })
      .catch((cause: unknown) => {
        if (attempt !== this.#attempt) return;
        const { code, rawMessage } = ConnectError.from(cause);
        // Nobody is logged in any more, or cannot be told to be; what else a call fails of passes.
        const final = !(cause instanceof ConnectError) || code === Code.Unauthenticated;
        this.#lost({ reason: rawMessage, final, retryAfterMs: 0 });
      });
  }

  #open(attempt: number, token: string): void {
    const { urls, tokens, openSocket } = this.#options;
    const url = urls[this.#address % urls.length] ?? urls[0];
    const ifCurrent = (run: () => void): void => {
      if (attempt === this.#attempt) run();
    };
    const connection = new LiveConnection(url, token, openSocket, tokens, {
      opened: (server) => ifCurrent(() => this.#opened(connection, server)),
      push: (channel, change) => ifCurrent(() => this.#push(channel, change)),
      checkpoint: (position) =>
        ifCurrent(() => {
          for (const { place } of this.#joined) place.rebase([position]);
        }),
      subscribed: (channels, position, passing) =>
        ifCurrent(() => this.#subscribed(connection, channels, position, passing)),
      unsubscribed: (channels, refusal) => ifCurrent(() => this.#unsubscribed(channels, refusal)),
      cluster: (shards) => ifCurrent(() => this.#hearCluster(shards)),
      closed: (end) => ifCurrent(() => this.#lost(end)),
    });
    this.#link = { kind: "opening", connection };
  }

  #opened(connection: LiveConnection, server: string): void {
    this.#link = { kind: "open", connection, server, sinceMs: performance.now() };
    this.#counters.connections++;
    this.#events.state({ kind: "connected", server });
    for (const subscription of this.#subscriptions) this.#join(connection, subscription);
    for (const [replied, body] of this.#calls) connection.command("rpc", body, replied);
    this.#calls.clear();
  }

  #join(connection: LiveConnection, subscription: Subscription, failures = 0): void {
    const { channels, place, followsChoice } = subscription;
    const { since } = place;
    const from = since.length === 0 ? {} : { since };
    const [name, body] = followsChoice ? ["restore", from] : ["subscribe", { channels, ...from }];
    connection.command(name, body, (reply) => {
      if (!this.#subscriptions.has(subscription)) return;
      // What was chosen and may not be heard is left out.
      const isPart = followsChoice && reply.kind === "done";
      const refusal = isPart ? findPassing(reply) : findRefusal(reply);
      const begun = begunIn(reply);
      if (followsChoice) subscription.chose(begun);
      const positions = positionsOf(reply);
      this.#begun.add(subscription);
      if (since.length === 0) place.rebase(positions);
      if (refusal === undefined) {
        if (since.length > 0 && followsChoice) place.extend(positions);
        this.#joined.add(subscription);
        subscription.push({ kind: "joined", positions });
      } else {
        this.#waitFor(refusal, connection, subscription, begun, failures);
      }
    });
  }

  /** Not all of its channels have begun. Joins again where that may help. */
  #waitFor(
    { retryAfterMs, ...refusal }: Refusal,
    connection: LiveConnection,
    subscription: Subscription,
    begun: readonly string[],
    failures: number,
  ): void {
    if (retryAfterMs === undefined) {
      subscription.end(errorOf(refusal));
      return;
    }
    this.#joined.delete(subscription);
    if (begun.length > 0) subscription.place.hold();
    // If it is the connection that is gone, the next one joins.
    const delayMs = retryAfterMs + fullJitter(failures + 1, this.#options.random);
    setTimeout(() => this.#rejoin(connection, subscription, begun, failures + 1), delayMs);
  }

  /** Those of its channels that were joined are left first. */
  #rejoin(
    connection: LiveConnection,
    subscription: Subscription,
    begun: readonly string[],
    failures: number,
  ): void {
    const isCurrent = this.#link.kind === "open" && this.#link.connection === connection;
    if (!isCurrent || !this.#subscriptions.has(subscription)) return;
    this.#end(subscription);
    // What was chosen meanwhile has begun too.
    this.#unsubscribe(connection, subscription.followsChoice ? subscription.channels : begun);
    this.#join(connection, subscription, failures);
  }

  /** Where it is refused, a server would refuse to begin them again: on another connection nothing has begun. */
  #unsubscribe(connection: LiveConnection, channels: readonly string[]): void {
    if (channels.length === 0) return;
    connection.command("unsubscribe", { channels }, (reply) => {
      if (reply.kind === "refused") connection.drop("channels could not be left");
    });
  }

  #end(subscription: Subscription): void {
    this.#begun.delete(subscription);
    this.#joined.delete(subscription);
  }

  /** Chosen on some device. Who waits to join again goes on from before. */
  #subscribed(
    connection: LiveConnection,
    channels: readonly string[],
    position: string,
    passing: Refusal | undefined,
  ): void {
    for (const subscription of [...this.#begun]) {
      const isJoined = this.#joined.has(subscription);
      if (isJoined) subscription.place.rebase([position]);
      if (!subscription.followsChoice) continue;
      subscription.chose([...new Set([...subscription.channels, ...channels])]);
      if (passing === undefined || !isJoined) continue;
      this.#waitFor(passing, connection, subscription, subscription.channels, 0);
    }
  }

  /** As where a subscription is refused: one channel that may not be heard ends all of it, but for what was chosen. */
  #unsubscribed(channels: readonly string[], refusal: Refusal | undefined): void {
    for (const subscription of [...this.#subscriptions]) {
      const left = subscription.channels.filter((channel) => !channels.includes(channel));
      if (left.length === subscription.channels.length) continue;
      const isGone = refusal !== undefined && GONE.has(refusal.code);
      if (subscription.followsChoice && !isGone) subscription.chose(left);
      else if (refusal !== undefined) subscription.end(errorOf(refusal));
    }
  }

  #push(channel: string, change: Change): void {
    const subscription = this.#findBegun(channel);
    if (subscription === undefined) return;
    const arrival = subscription.place.hear(channel, change);
    if (arrival === "gap") {
      this.#counters.gaps++;
      if (this.#link.kind === "open") this.#link.connection.drop("a change is missing");
    } else if (arrival === "repeated") {
      this.#counters.repeated++;
    } else {
      this.#counters.changes++;
      this.#options.positions.hear(change);
      subscription.push({ kind: "change", channel, change });
    }
  }

  #hearCluster(shards: readonly ShardState[]): void {
    this.#findBegun(CLUSTER_CHANNEL)?.push({ kind: "cluster", shards });
  }

  #findBegun(channel: string): Subscription | undefined {
    for (const subscription of this.#begun) {
      if (subscription.channels.includes(channel)) return subscription;
    }
    return undefined;
  }

  #lost({ reason, final, retryAfterMs }: ConnectionEnd): void {
    const link = this.#link;
    if (final) {
      this.#events.failed(reason);
      return;
    }
    const wasStable = link.kind === "open" && performance.now() - link.sinceMs > STABLE_MS;
    this.#failures = wasStable ? 0 : this.#failures + 1;
    this.#address++;
    this.#begun.clear();
    this.#joined.clear();
    if (this.#subscriptions.size === 0 && this.#calls.size === 0) {
      this.#link = { kind: "idle" };
      return;
    }
    const delayMs = retryAfterMs + fullJitter(this.#failures, this.#options.random);
    this.#link = { kind: "waiting", timer: setTimeout(() => this.#connect(), delayMs) };
    this.#events.state({ kind: "waiting", reason, delayMs });
  }
}

function refuse(code: string, status: string, message: string): Reply {
  return { kind: "refused", refusal: { code, status, message } };
}
