import { Code, ConnectError } from "@connectrpc/connect";
import type { Change } from "../../gen/cabildo/v1/sync_pb.js";
import { begunIn, findPassing, findRefusal, GONE, positionsOf } from "./frames.js";
import type { Refusal, Reply } from "./frames.js";
import { fullJitter } from "./full-jitter.js";
import { LiveConnection } from "./live-connection.js";
import type { ConnectionEnd } from "./live-connection.js";
import type { OpenSocket } from "./live-socket.js";
import { Heard } from "./place.js";
import type { Positions } from "./positions.js";
import { errorOf } from "./refusals.js";
import { Subscription } from "./subscription.js";
import type { SubscriptionHost } from "./subscription.js";
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
  readonly onState?: (state: LiveState) => void;
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

type Link =
  | { readonly kind: "idle" }
  | { readonly kind: "offline" }
  | { readonly kind: "waiting"; readonly timer: ReturnType<typeof setTimeout> }
  | { readonly kind: "opening"; readonly connection?: LiveConnection }
  | { readonly kind: "open"; readonly connection: LiveConnection; readonly sinceMs: number }
  | { readonly kind: "closed" };

/**
 * The live channels over one socket at a time. A lost one is replaced, at the next address, after a random and growing
 * delay; every subscription goes on where it was. The socket is open while there are subscriptions.
 */
export class Live implements SubscriptionHost {
  readonly counters: LiveCounters = { changes: 0, repeated: 0, gaps: 0, connections: 0 };
  readonly heard = new Heard();
  readonly #options: LiveOptions;
  readonly #subscriptions = new Set<Subscription>();
  /** Those that the present connection serves: what it says of itself holds for them. */
  readonly #joined = new Set<Subscription>();
  /** Calls that wait for a connection. */
  readonly #calls = new Map<(reply: Reply) => void, object>();
  #link: Link = { kind: "idle" };
  /** Raised with every attempt: what an earlier one still brings is not heard. */
  #attempt = 0;
  #failures = 0;
  #address = 0;

  constructor(options: LiveOptions) {
    this.#options = options;
  }

  /**
   * Everything on the channels after `since`, positions that reads, writes or former subscriptions gave; from now on
   * without. A change that is on channels of several subscriptions comes to one of them: that of its calendar or group,
   * if there is one.
   */
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

  join(subscription: Subscription): void {
    if (this.#link.kind === "closed") {
      subscription.end(new Error("the client is closed"));
      return;
    }
    this.#subscriptions.add(subscription);
    if (this.#link.kind === "open") this.#join(this.#link.connection, subscription);
    else if (this.#link.kind === "idle") this.#connect();
  }

  leave(subscription: Subscription): void {
    this.#subscriptions.delete(subscription);
    this.#joined.delete(subscription);
    if (this.#link.kind !== "open") return;
    const { channels } = subscription;
    const { connection } = this.#link;
    if (channels.length > 0) connection.command("unsubscribe", { channels });
    // What was chosen too is heard on for that.
    for (const other of this.#subscriptions) {
      if (other.followsChoice) this.#join(connection, other);
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

  /** The network is gone: try nothing before `wakeUp`. */
  goOffline(): void {
    const link = this.#link;
    if (link.kind === "closed" || link.kind === "idle") return;
    this.#attempt++;
    this.#link = { kind: "offline" };
    if (link.kind === "waiting") clearTimeout(link.timer);
    if (link.kind === "open" || link.kind === "opening")
      link.connection?.drop("the network is gone");
    this.#options.onState?.({ kind: "offline" });
  }

  /** Ends every subscription. Idempotent. */
  close(reason = "closed"): void {
    const link = this.#link;
    if (link.kind === "closed") return;
    this.#attempt++;
    this.#link = { kind: "closed" };
    if (link.kind === "waiting") clearTimeout(link.timer);
    if (link.kind === "open" || link.kind === "opening") link.connection?.drop(reason);
    for (const subscription of [...this.#subscriptions]) subscription.end();
    for (const replied of [...this.#calls.keys()]) {
      replied(refuse("UNREACHABLE", "UNAVAILABLE", reason));
    }
    this.#options.onState?.({ kind: "closed", reason });
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
      subscribed: (channels, position) => ifCurrent(() => this.#subscribed(channels, position)),
      unsubscribed: (channels, refusal) => ifCurrent(() => this.#unsubscribed(channels, refusal)),
      closed: (end) => ifCurrent(() => this.#lost(end)),
    });
    this.#link = { kind: "opening", connection };
  }

  #opened(connection: LiveConnection, server: string): void {
    this.#link = { kind: "open", connection, sinceMs: performance.now() };
    this.counters.connections++;
    this.#options.onState?.({ kind: "connected", server });
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
      if (followsChoice) subscription.chose(begunIn(reply));
      if (refusal === undefined) {
        const positions = positionsOf(reply);
        if (since.length === 0) place.rebase(positions);
        else if (followsChoice) place.extend(positions);
        this.#joined.add(subscription);
        subscription.push({ kind: "joined", positions });
      } else if (GONE.has(refusal.code)) {
        this.#forget(subscription, refusal);
      } else if (refusal.status === "UNAVAILABLE") {
        // If it is the connection that is gone, the next one joins.
        const delayMs = fullJitter(failures + 1, this.#options.random);
        setTimeout(() => this.#rejoin(connection, subscription, failures + 1), delayMs);
      } else {
        subscription.end(errorOf(refusal));
      }
    });
  }

  /** What it has heard is no longer what there is to see: it begins anew. */
  #forget(subscription: Subscription, { message }: Refusal): void {
    subscription.place.forget();
    subscription.push({ kind: "too-old", reason: message });
    if (this.#link.kind === "open") this.#rejoin(this.#link.connection, subscription, 0);
  }

  /** Some of its channels may have been joined: all are left first. */
  #rejoin(connection: LiveConnection, subscription: Subscription, failures: number): void {
    const isCurrent = this.#link.kind === "open" && this.#link.connection === connection;
    if (!isCurrent || !this.#subscriptions.has(subscription)) return;
    const { channels } = subscription;
    if (channels.length > 0) connection.command("unsubscribe", { channels });
    this.#join(connection, subscription, failures);
  }

  /** Chosen on some device. */
  #subscribed(channels: readonly string[], position: string): void {
    for (const subscription of this.#joined) {
      subscription.place.rebase([position]);
      if (!subscription.followsChoice) continue;
      subscription.chose([...new Set([...subscription.channels, ...channels])]);
    }
  }

  /** As where a subscription is refused: one channel that may not be heard ends all of it, but for what was chosen. */
  #unsubscribed(channels: readonly string[], refusal: Refusal | undefined): void {
    for (const subscription of [...this.#subscriptions]) {
      const left = subscription.channels.filter((channel) => !channels.includes(channel));
      if (left.length === subscription.channels.length) continue;
      if (refusal !== undefined && GONE.has(refusal.code)) {
        this.#forget(subscription, refusal);
        continue;
      }
      if (subscription.followsChoice) {
        subscription.chose(left);
        continue;
      }
      if (refusal !== undefined) subscription.end(errorOf(refusal));
    }
  }

  #push(channel: string, change: Change): void {
    for (const subscription of this.#subscriptions) {
      if (!subscription.channels.includes(channel)) continue;
      const arrival = subscription.place.hear(channel, change);
      if (arrival === "gap") {
        this.counters.gaps++;
        if (this.#link.kind === "open") this.#link.connection.drop("a change is missing");
        return;
      }
      if (arrival === "repeated") {
        this.counters.repeated++;
        continue;
      }
      this.counters.changes++;
      this.#options.positions.note(change.resourceName, change.position);
      subscription.push({ kind: "change", channel, change });
    }
  }

  #lost({ reason, final, retryAfterMs }: ConnectionEnd): void {
    const link = this.#link;
    if (final) {
      for (const subscription of [...this.#subscriptions]) subscription.end(new Error(reason));
      this.close(reason);
      return;
    }
    const wasStable = link.kind === "open" && performance.now() - link.sinceMs > STABLE_MS;
    this.#failures = wasStable ? 0 : this.#failures + 1;
    this.#address++;
    this.#joined.clear();
    if (this.#subscriptions.size === 0 && this.#calls.size === 0) {
      this.#link = { kind: "idle" };
      return;
    }
    const delayMs = retryAfterMs + fullJitter(this.#failures, this.#options.random);
    this.#link = { kind: "waiting", timer: setTimeout(() => this.#connect(), delayMs) };
    this.#options.onState?.({ kind: "waiting", reason, delayMs });
  }
}

function refuse(code: string, status: string, message: string): Reply {
  return { kind: "refused", refusal: { code, status, message } };
}
