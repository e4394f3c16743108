import type { Change } from "../../gen/cabildo/v1/sync_pb.js";
import { parseFrame } from "./frames.js";
import type { Fields, Frame, Refusal, Reply, ShardState } from "./frames.js";
import { SUBPROTOCOL } from "./live-socket.js";
import type { LiveSocket, OpenSocket } from "./live-socket.js";
import type { TokenSource } from "./tokens.js";

const OPEN_TIMEOUT_MS = 10_000;
/** How often the server is asked whether it is there, until it says how often it wants to be. */
const PING_MS = 25_000;
const PONG_MS = 10_000;
/** Before a token ends, by the server's clock; the server waits as long after its end. */
const RENEW_BEFORE_MS = 25_000;
const RENEW_AGAIN_MS = 1000;
/** A longer timer would fire at once. */
const TIMER_MS_MAX = 2 ** 31 - 1;
/** Codes of this range say that the same attempt fails again. */
const FINAL_CODE_MIN = 4500;
const FINAL_CODE_MAX = 4999;

export interface ConnectionEnd {
  readonly reason: string;
  /** Another attempt would end alike. */
  readonly final: boolean;
  readonly retryAfterMs: number;
}

export interface ConnectionEvents {
  /** The server knows who this is. */
  opened(server: string): void;
  push(channel: string, change: Change): void;
  cluster(shards: readonly ShardState[]): void;
  checkpoint(position: string): void;
  /** `passing`: why some of what was chosen did not begin, where another attempt may have it. */
  subscribed(channels: readonly string[], position: string, passing: Refusal | undefined): void;
  unsubscribed(channels: readonly string[], refusal: Refusal | undefined): void;
  /** Only of who asked for it. */
  traced?(line: Fields): void;
  closed(end: ConnectionEnd): void;
}

/** One socket from its opening to its end: commands with their replies, pushes, the token's renewal, signs of life. */
export class LiveConnection {
  readonly #tokens: TokenSource;
  readonly #events: ConnectionEvents;
  readonly #socket: LiveSocket;
  readonly #replies = new Map<number, (reply: Reply) => void>();
  #nextId = 1;
  #pingMs = PING_MS;
  #goodbye: Partial<ConnectionEnd> = {};
  #closed = false;
  #lifeTimer: ReturnType<typeof setTimeout>;
  #renewal: ReturnType<typeof setTimeout> | undefined;

  constructor(
    url: string,
    accessToken: string,
    open: OpenSocket,
    tokens: TokenSource,
    events: ConnectionEvents,
  ) {
    this.#tokens = tokens;
    this.#events = events;
    this.#socket = open(url, SUBPROTOCOL);
    this.#lifeTimer = setTimeout(() => this.drop("nobody answered in time"), OPEN_TIMEOUT_MS);
    this.#socket.addEventListener("open", () => {
      this.command("connect", { token: accessToken }, (reply) => this.#connected(reply));
    });
    this.#socket.addEventListener("message", ({ data }) => this.#receive(data));
    this.#socket.addEventListener("error", () => this.drop("the connection failed"));
    this.#socket.addEventListener("close", ({ code = 0, reason = "" }) => {
      const final = code >= FINAL_CODE_MIN && code <= FINAL_CODE_MAX;
      this.#end(reason === "" ? `closed with code ${code}` : reason, final);
    });
  }

  /**
   * `replied` is called once, before anything that came behind the reply is heard; once the connection is gone, with a
   * refusal of code UNAVAILABLE.
   */
  command(name: string, body: object, replied: (reply: Reply) => void = ignore): void {
    if (this.#closed) {
      replied(unavailable());
      return;
    }
    const id = this.#nextId++;
    this.#replies.set(id, replied);
    this.#socket.send(JSON.stringify({ id, [name]: body }));
  }

  /** Ends it as if it were lost. Idempotent. */
  drop(reason: string): void {
    if (this.#closed) return;
    this.#end(reason, false);
    this.#socket.close();
  }

  #connected(reply: Reply): void {
    if (this.#closed) return;
    if (reply.kind === "refused") {
      // The server closes with the code that says whether to come back.
      this.#goodbye = { ...this.#goodbye, reason: reply.refusal.message };
      return;
    }
    const { ping_ms: pingMs, server, expires } = reply.body;
    if (typeof pingMs === "number" && pingMs > 0) this.#pingMs = pingMs;
    this.#planRenewal(expires);
    this.#events.opened(typeof server === "string" ? server : "");
  }

  #receive(data: unknown): void {
    if (this.#closed) return;
    this.#seeLife();
    for (const line of String(data).split("\n")) {
      if (line !== "") this.#hear(parseFrame(line));
    }
  }

  #hear(frame: Frame): void {
    switch (frame.kind) {
      case "push":
        this.#events.push(frame.channel, frame.change);
        return;
      case "cluster":
        this.#events.cluster(frame.shards);
        return;
      case "checkpoint":
        this.#moveTo(frame.position);
        return;
      case "subscribed":
        this.#events.subscribed(frame.channels, frame.position, frame.passing);
        return;
      case "unsubscribed":
        this.#events.unsubscribed(frame.channels, frame.refusal);
        return;
      case "disconnect": {
        const { reason, retryAfterMs, position } = frame;
        this.#moveTo(position);
        this.#goodbye = { reason: `the server says: ${reason}`, retryAfterMs };
        return;
      }
      case "reply": {
        const replied = this.#replies.get(frame.id);
        this.#replies.delete(frame.id);
        replied?.(frame.reply);
        return;
      }
      case "trace":
        this.#events.traced?.(frame.line);
        return;
      case "unknown":
    }
  }

  #moveTo(position: string): void {
    if (position !== "") this.#events.checkpoint(position);
  }

  /** Asks for a sign of life when there was none for a while, and gives up without an answer. */
  #seeLife(): void {
    clearTimeout(this.#lifeTimer);
    this.#lifeTimer = setTimeout(() => {
      this.command("ping", {});
      this.#lifeTimer = setTimeout(() => this.drop("the server has gone silent"), PONG_MS);
    }, this.#pingMs);
  }

  /** A new token before the old one ends, on the same socket. */
  #planRenewal(expires: unknown): void {
    const inMs = Date.parse(String(expires)) - Date.now() - RENEW_BEFORE_MS;
    if (Number.isNaN(inMs)) return;
    this.#renewal = setTimeout(
      () => {
        this.#renew().catch((cause: unknown) => this.drop(String(cause)));
      },
      Math.min(Math.max(RENEW_AGAIN_MS, inMs), TIMER_MS_MAX),
    );
  }

  async #renew(): Promise<void> {
    const token = await this.#tokens.accessToken();
    this.command("refresh", { token }, (reply) => {
      if (reply.kind === "done") this.#planRenewal(reply.body["expires"]);
    });
  }

  #end(reason: string, final: boolean): void {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#lifeTimer);
    clearTimeout(this.#renewal);
    for (const replied of this.#replies.values()) replied(unavailable());
    this.#replies.clear();
    this.#events.closed({ reason, final, retryAfterMs: 0, ...this.#goodbye });
  }
}

function ignore(): void {
  // Nothing waits for this reply.
}

function unavailable(): Reply {
  const message = "the connection was lost";
  const refusal = { code: "UNREACHABLE", status: "UNAVAILABLE", message, retryAfterMs: 0 };
  return { kind: "refused", refusal };
}
