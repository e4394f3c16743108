import { ClusterError, TokenBucket } from "../base/index.js";
import type { Clock } from "./clock.js";
import type { Subject } from "./operator-question.js";
import { replies } from "./replies.js";

/** What happened to a connection: when, how much, and never what was said. Field names are those of the protocol. */
export type Happening =
  | {
      readonly event: "connected";
      readonly session: string;
      readonly address: string;
      readonly expires: string;
    }
  | { readonly event: "refreshed"; readonly expires: string }
  | { readonly event: "subscribed"; readonly channel: string; readonly recovered?: boolean }
  /** A channel did not begin. */
  | {
      readonly event: "refused";
      readonly channel: string;
      readonly code: string;
      readonly too_old?: true;
    }
  /** `code` where the right ended. */
  | { readonly event: "unsubscribed"; readonly channel: string; readonly code?: string }
  | Delivered
  | { readonly event: "stalled"; readonly unsent_bytes: number }
  | { readonly event: "caught-up" }
  | { readonly event: "closed"; readonly code: number };

export interface Delivered {
  readonly event: "delivered";
  readonly channel: string;
  readonly shard: string;
  readonly sequence: string;
  readonly path: "topic" | "socket" | "replay";
  readonly bytes: number;
}

/** `text` itself is not told. */
export function deliveredOf(
  { shard, sequence }: { readonly shard: string; readonly sequence: number },
  channel: string,
  path: Delivered["path"],
  text: string,
): Delivered {
  const bytes = Buffer.byteLength(text);
  return { event: "delivered", channel, shard, sequence: String(sequence), path, bytes };
}

/** To whom something happens. */
export interface Traced {
  readonly number: number;
  readonly user: string | undefined;
  hears(channel: string): boolean;
}

/** The connection of whoever traces. */
export interface Tracer {
  readonly isClosed: boolean;
  readonly unsentBytesLow: number;
  send(text: string): void;
  buffered(): number;
}

/** At once in a process. */
const TRACES_MAX = 16;
/** Of one trace, refilled evenly and as many at once. */
const LINES_PER_SECOND = 500;

/**
 * What happens to some connections, told to operators while it does. An aid and no channel: what one does not take, or is too
 * much for a second, is left out and counted, so that nobody else waits or keeps anything for it. Where nobody traces it costs
 * the look whether somebody does.
 */
export class Traces {
  readonly #clock: Clock;
  readonly #traces = new Map<Tracer, Trace>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get isEmpty(): boolean {
    return this.#traces.size === 0;
  }

  /** Instead of what the same connection traced before. */
  begin(tracer: Tracer, subject: Subject): void {
    if (!this.#traces.has(tracer) && this.#traces.size >= TRACES_MAX) {
      const message = `a server has at most ${TRACES_MAX} traces at a time: end another one`;
      throw new ClusterError("overloaded", message);
    }
    this.#traces.set(tracer, new Trace(tracer, subject, this.#clock));
  }

  /** Idempotent. */
  end(tracer: Tracer): void {
    this.#traces.delete(tracer);
  }

  tell(traced: Traced, happening: Happening): void {
    for (const trace of this.#traces.values()) trace.tell(traced, happening);
  }

  /** From time to time: what was left out last is told though nothing follows. */
  sweep(): void {
    for (const trace of this.#traces.values()) trace.tellLeftOut();
  }
}

class Trace {
  readonly #tracer: Tracer;
  readonly #subject: Subject;
  readonly #clock: Clock;
  readonly #bucket: TokenBucket;
  #leftOut = 0;

  constructor(tracer: Tracer, subject: Subject, clock: Clock) {
    this.#tracer = tracer;
    this.#subject = subject;
    this.#clock = clock;
    this.#bucket = new TokenBucket(LINES_PER_SECOND, clock.monotonicMs());
  }

  tell(traced: Traced, happening: Happening): void {
    if (!this.#concerns(traced, happening)) return;
    if (!this.#hasRoom || this.#bucket.take(this.#clock.monotonicMs()) > 0) {
      this.#leftOut += 1;
      return;
    }
    this.tellLeftOut();
    const { number, user } = traced;
    const whose = user === undefined ? {} : { user: `users/${user}` };
    this.#send({ connection: number, ...whose, ...happening });
  }

  tellLeftOut(): void {
    if (this.#leftOut === 0 || !this.#hasRoom) return;
    const lines = this.#leftOut;
    this.#leftOut = 0;
    this.#send({ event: "left-out", lines });
  }

  #concerns(traced: Traced, happening: Happening): boolean {
    const subject = this.#subject;
    if (subject.kind === "user") return traced.user === subject.user;
    return "channel" in happening ? happening.channel === subject.name : traced.hears(subject.name);
  }

  get #hasRoom(): boolean {
    const { isClosed, unsentBytesLow } = this.#tracer;
    return !isClosed && this.#tracer.buffered() <= unsentBytesLow;
  }

  #send(line: object): void {
    const time = new Date(this.#clock.wallMs()).toISOString();
    this.#tracer.send(replies.trace({ time, ...line }));
  }
}
