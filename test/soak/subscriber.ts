import type { Socket } from "node:net";
import WebSocket from "ws";
import type { Answer, ChangeFrame, Frame, Refusal, Unsubscribed } from "./frames.js";
import { History } from "./history.js";
import type { Heard, Run } from "./history.js";
import { choiceOf, valueOf } from "./rights.js";

/** How a subscriber treats its connection. */
export type Manner = "steady" | "slow" | "stalling" | "dropping";

export interface SubscriberOptions {
  readonly user: string;
  readonly urls: readonly string[];
  readonly ca: string;
  /** Those that are not asked for by name are what the user chose at first. */
  readonly channels: readonly string[];
  /** What the user chose is restored at each connect, and followed as it changes. */
  readonly isRestored: boolean;
  readonly manner: Manner;
  /** Whether the right to its channel comes and goes. */
  readonly isRevocable: boolean;
  readonly random: () => number;
  token(): Promise<string>;
}

const AGAIN_MS = 150;
const RETRY_MS_MAX = 2_000;
const DROP_BYTES_MAX = 200_000;
const PAUSE_MS: Readonly<Record<Manner, number>> = {
  steady: 0,
  slow: 150,
  stalling: 4_000,
  dropping: 0,
};
const SUBSCRIBE_ID = 2;

/** Thousands hear the same: each text is kept once. */
const TEXTS = new Map<string, string>();

/**
 * A client as a careless program writes one, but for its positions: those it keeps exactly. Its channels have one position
 * together; one that can be taken from its user is alone.
 */
export class SoakSubscriber {
  readonly problems: string[] = [];
  readonly closes = new Map<number, number>();
  connections = 0;
  /** Times that it was told of another choice while it was connected. */
  choicesFollowed = 0;
  readonly options: SubscriberOptions;
  readonly #history = new History();
  #joined = false;
  /** Everything was handed to this connection as it came, since it was subscribed. */
  #isLive = false;
  #socket: WebSocket | undefined;
  /** Whatever still comes from it is not heard. */
  #givenUp: WebSocket | undefined;
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

  get runs(): readonly Run[] {
    return this.#history.runs;
  }

  get heard(): readonly Heard[] {
    return this.runs.flatMap(({ heard }) => [...heard.values()].flat());
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
    const { channels, isRestored, manner } = this.options;
    const { since } = this.#history;
    const from = since.length === 0 ? {} : { since };
    this.#isLive = since.length === 0 && PAUSE_MS[manner] === 0;
    const command = isRestored ? { restore: from } : { subscribe: { channels, ...from } };
    socket.send(JSON.stringify({ id: SUBSCRIBE_ID, ...command }));
  }

  #hear(socket: WebSocket, frame: Frame): void {
    if (socket === this.#givenUp) return;
    const { id, push, subscribe, restore, subscribed, unsubscribed, error } = frame;
    if (push?.change !== undefined) this.#push(push.channel, push.change);
    const answered = subscribe ?? restore;
    if (answered !== undefined) this.#answered(socket, answered.channels);
    if (subscribed !== undefined) this.#chosen(socket, subscribed);
    if (unsubscribed !== undefined) this.#unsubscribed(socket, unsubscribed);
    if (error !== undefined && id === SUBSCRIBE_ID) this.#refused(socket, error);
  }

  #answered(socket: WebSocket, answers: readonly Answer[]): void {
    const [{ too_old: tooOld, first_available: first } = {}] = answers;
    if (this.options.isRevocable && tooOld === true && first !== undefined) {
      // The right was given anew: what lies before is not for this user.
      this.#history.end("cut-behind");
      this.#history.begin(new Map([[this.options.channels[0] ?? "", first]]), true);
      this.#subscribe(socket);
      return;
    }
    if (this.#refusedAny(socket, answers)) return;
    this.#joined = true;
    if (this.options.isRestored) this.#history.restored(placesOf(answers));
    else if (!this.#history.isGoingOn) this.#history.begin(placesOf(answers), false);
  }

  #chosen(socket: WebSocket, { channels, position }: Required<Frame>["subscribed"]): void {
    if (this.#refusedAny(socket, channels)) return;
    this.choicesFollowed += 1;
    this.#history.chosen(placesOf(channels), position);
  }

  #refusedAny(socket: WebSocket, answers: readonly Answer[]): boolean {
    const refusal = answers.find(({ error }) => error !== undefined)?.error;
    if (refusal !== undefined) this.#refused(socket, refusal);
    return refusal !== undefined;
  }

  #refused(socket: WebSocket, refusal: Refusal): void {
    const { code, retry_after_ms: retryAfterMs } = refusal;
    if (code === "NOT_FOUND" && this.options.isRevocable) {
      this.#history.end("cut-behind");
      this.#askAgain(socket);
    } else if (retryAfterMs !== undefined || code === "UNAUTHENTICATED") this.#giveUp(socket);
    else this.problems.push(`was refused: ${JSON.stringify(refusal)}`);
  }

  /** What of its channels may have begun says nothing of the others. */
  #giveUp(socket: WebSocket): void {
    this.#givenUp = socket;
    socket.terminate();
  }

  #unsubscribed(socket: WebSocket, unsubscribed: Unsubscribed): void {
    if (this.options.isRestored && unsubscribed.error === undefined) {
      this.choicesFollowed += 1;
      this.#history.dropped(unsubscribed.channels);
      return;
    }
    if (!this.options.isRevocable) {
      this.problems.push(`lost a channel: ${JSON.stringify(unsubscribed)}`);
      return;
    }
    this.#history.end(this.#isLive ? "cut-live" : "cut-behind");
    this.#askAgain(socket);
  }

  /** In case the right is given anew. */
  #askAgain(socket: WebSocket): void {
    this.#joined = false;
    setTimeout(() => {
      if (this.#socket === socket) this.#subscribe(socket);
    }, AGAIN_MS);
  }

  #push(channel: string, change: ChangeFrame): void {
    const { shard, position, kind, resourceName, etag, event, group, subscriptions } = change;
    const choice = subscriptions && choiceOf(subscriptions.channels ?? []);
    const title = event?.title ?? group?.displayName ?? choice ?? "";
    const does = kind.replace("CHANGE_KIND_", "").toLowerCase();
    const value = once(valueOf(does, resourceName, etag, title));
    const sequence = Number(change.sequence);
    if (this.#history.hear(shard, position, { sequence, channel: once(channel), value })) return;
    this.problems.push(`heard ${sequence} of ${shard} beside what it may hear: ${value}`);
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

function placesOf(answers: readonly Answer[]): ReadonlyMap<string, string> {
  return new Map(answers.map(({ channel, position = "" }) => [channel, position]));
}

function once(text: string): string {
  const kept = TEXTS.get(text);
  if (kept !== undefined) return kept;
  TEXTS.set(text, text);
  return text;
}
