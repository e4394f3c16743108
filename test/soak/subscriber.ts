import type { Socket } from "node:net";
import WebSocket from "ws";

/** How a subscriber treats its connection. */
export type Manner = "steady" | "slow" | "stalling" | "dropping";

export interface Heard {
  readonly channel: string;
  readonly shard: string;
  readonly sequence: number;
  readonly title: string;
  readonly resourceName: string;
}

export interface SubscriberOptions {
  readonly user: string;
  readonly urls: readonly string[];
  readonly ca: string;
  readonly channels: readonly string[];
  readonly manner: Manner;
  /** Whether the right to its channel comes and goes. */
  readonly isRevocable: boolean;
  /** Then the group that gives it. */
  readonly group: string;
  readonly random: () => number;
  token(): Promise<string>;
}

interface Frame {
  readonly id?: number;
  readonly subscribe?: { readonly channels: readonly Answer[] };
  readonly push?: { readonly channel: string; readonly change?: ChangeFrame };
  readonly unsubscribed?: { readonly channels: readonly string[] };
  readonly disconnect?: { readonly code: number; readonly retry_after_ms?: number };
  readonly error?: { readonly code: string };
}

interface Answer {
  readonly channel: string;
  readonly position?: string;
  readonly too_old?: boolean;
  readonly first_available?: string;
  readonly error?: { readonly code: string };
}

interface ChangeFrame {
  readonly shard: string;
  readonly sequence: string;
  readonly position: string;
  readonly resourceName: string;
  readonly event?: { readonly title?: string };
  readonly group?: { readonly displayName?: string };
}

const AGAIN_MS = 150;
const RETRY_MS_MAX = 2_000;
/** Of a subscription: the same command may succeed later. */
const PASSING = new Set([
  ...["UNREACHABLE", "OVERLOADED", "RATE_LIMITED", "STOPPING", "NO_LEADER", "UNAUTHENTICATED"],
]);
const DROP_BYTES_MAX = 60_000;
const PAUSE_MS: Readonly<Record<Manner, number>> = {
  steady: 0,
  slow: 150,
  stalling: 4_000,
  dropping: 0,
};
const SUBSCRIBE_ID = 2;

/**
 * A client as a careless program writes one, but for its positions: those it keeps exactly. Its channels have one position
 * together; one that can be taken from its user is alone.
 */
export class SoakSubscriber {
  readonly heard: Heard[] = [];
  readonly problems: string[] = [];
  /** Where it began, and began anew after its right had ended; `at` counts what was heard before. */
  readonly begun: { readonly positions: readonly string[]; readonly at: number }[] = [];
  readonly closes = new Map<number, number>();
  connections = 0;
  readonly options: SubscriberOptions;
  #base: readonly string[] = [];
  readonly #newest = new Map<string, string>();
  #joined = false;
  #socket: WebSocket | undefined;
  #closed = false;
  #calmed = false;
  #pauseTimer: NodeJS.Timeout | undefined;

  constructor(options: SubscriberOptions) {
    this.options = options;
    void this.#connect();
  }

  /** Subscribed, on the connection that is open now. */
  get isJoined(): boolean {
    return this.#joined;
  }

  /** No mischief from here on. */
  calm(): void {
    this.#calmed = true;
    clearInterval(this.#pauseTimer);
    this.#socket?.resume();
  }

  close(): void {
    this.#closed = true;
    clearInterval(this.#pauseTimer);
    this.#socket?.terminate();
  }

  async #connect(): Promise<void> {
    if (this.#closed) return;
    const { urls, ca, random } = this.options;
    const token = await this.options.token().catch(() => undefined);
    if (token === undefined) {
      this.#connectLater(AGAIN_MS);
      return;
    }
    const url = urls[Math.floor(random() * urls.length)] ?? "";
    const socket = new WebSocket(url, "cabildo.v1.json", { ca });
    this.#socket = socket;
    let retryMs = AGAIN_MS;
    socket.on("open", () => {
      this.connections += 1;
      socket.send(JSON.stringify({ id: 1, connect: { token } }));
      this.#subscribe(socket);
      this.#misbehave(socket);
    });
    socket.on("message", (data: Buffer) => {
      for (const line of data.toString().split("\n")) {
        if (line === "") continue;
        const frame = JSON.parse(line) as Frame;
        retryMs = frame.disconnect?.retry_after_ms ?? retryMs;
        this.#hear(socket, frame);
      }
    });
    socket.on("error", () => undefined);
    socket.on("close", (code) => {
      this.#joined = false;
      this.closes.set(code, (this.closes.get(code) ?? 0) + 1);
      clearInterval(this.#pauseTimer);
      this.#connectLater(Math.min(retryMs, RETRY_MS_MAX) + random() * AGAIN_MS);
    });
  }

  #connectLater(delayMs: number): void {
    setTimeout(() => void this.#connect(), delayMs);
  }

  #subscribe(socket: WebSocket): void {
    if (socket.readyState !== WebSocket.OPEN) return;
    const { channels } = this.options;
    const since = [...this.#base, ...this.#newest.values()];
    const subscribe = since.length === 0 ? { channels } : { channels, since };
    socket.send(JSON.stringify({ id: SUBSCRIBE_ID, subscribe }));
  }

  #hear(socket: WebSocket, { id, push, subscribe, unsubscribed, error }: Frame): void {
    if (push?.change !== undefined) this.#push(push.channel, push.change);
    if (subscribe !== undefined) this.#answered(socket, subscribe.channels);
    if (unsubscribed !== undefined) this.#rightEnded(socket);
    if (error === undefined || id !== SUBSCRIBE_ID) return;
    if (error.code === "NOT_FOUND" && this.options.isRevocable) this.#rightEnded(socket);
    else if (PASSING.has(error.code)) socket.terminate();
    else this.problems.push(JSON.stringify(error));
  }

  #answered(socket: WebSocket, answers: readonly Answer[]): void {
    const [{ too_old: tooOld, first_available: first } = {}] = answers;
    if (this.options.isRevocable && tooOld === true && first !== undefined) {
      // The right was given anew: what lies before is not for this user.
      this.#base = [first];
      this.#newest.clear();
      this.begun.push({ positions: [first], at: this.heard.length });
      this.#subscribe(socket);
      return;
    }
    const failed = answers.find(({ error }) => error !== undefined);
    if (failed !== undefined) {
      if (this.options.isRevocable) this.#rightEnded(socket);
      else this.problems.push(JSON.stringify(failed));
      return;
    }
    this.#joined = true;
    if (this.#base.length > 0) return;
    this.#base = answers.map(({ position = "" }) => position);
    this.begun.push({ positions: this.#base, at: this.heard.length });
  }

  /** Asked for again and again, in case it is given anew. */
  #rightEnded(socket: WebSocket): void {
    this.#base = [];
    this.#newest.clear();
    setTimeout(() => {
      if (this.#socket === socket) this.#subscribe(socket);
    }, AGAIN_MS);
  }

  #push(channel: string, change: ChangeFrame): void {
    this.heard.push({
      channel,
      shard: change.shard,
      sequence: Number(change.sequence),
      title: change.event?.title ?? change.group?.displayName ?? "",
      resourceName: change.resourceName,
    });
    this.#newest.set(change.shard, change.position);
  }

  #misbehave(socket: WebSocket): void {
    const { manner, random } = this.options;
    if (this.#calmed) return;
    if (manner === "dropping") {
      let left = Math.floor(random() * DROP_BYTES_MAX);
      const stream: unknown = Reflect.get(socket, "_socket");
      (stream as Socket).on("data", (bytes: Buffer) => {
        left -= bytes.length;
        if (left <= 0 && !this.#calmed) socket.terminate();
      });
      return;
    }
    const pauseMs = PAUSE_MS[manner];
    if (pauseMs === 0) return;
    this.#pauseTimer = setInterval(() => {
      socket.pause();
      setTimeout(() => socket.resume(), pauseMs * random());
    }, pauseMs * 2);
  }
}
