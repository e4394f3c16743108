import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { fromJsonString } from "@bufbuild/protobuf";
import WebSocket from "ws";
import { ChangeSchema } from "../../../gen/cabildo/v1/sync_pb.js";
import type { Change } from "../../../gen/cabildo/v1/sync_pb.js";
import { asObject, parseObject } from "../json-shape.js";
import type { JsonObject } from "../json-shape.js";
import { fullJitter } from "./full-jitter.js";
import type { Session } from "./session.js";

export interface WatchEvents {
  /** The channel is heard; from where everything follows. */
  subscribed(position: string, recovered: boolean): void;
  change(change: Change, json: unknown): void;
  /** The connection is gone, and another attempt follows. */
  lost(reason: string): void;
}

const SUBPROTOCOL = "cabildo.v1.json";
const CONNECT_TIMEOUT_MS = 10_000;
/** Codes of this range say that the same attempt fails again (docs/LIVE.md). */
const FINAL_CODE_MIN = 4500;
const FINAL_CODE_MAX = 4999;
/** Codes that say that a position can no longer be resumed from. */
const GONE = new Set(["POSITION_GONE", "EPOCH_CHANGED"]);
/** A server that says nothing for so long is gone: it checkpoints and pings more often. */
const SILENCE_MS = 60_000;
/** Later than the session's own limit, so that `context()` renews when it is asked. */
const RENEW_BEFORE_MS = 25_000;

type End =
  | { readonly kind: "lost"; readonly reason: string; readonly retryAfterMs: number }
  | { readonly kind: "refused"; readonly reason: string };

/** Follows a channel for ever: a connection that is lost is replaced, and goes on after the last change that was heard. */
export async function watchChannel(
  session: Session,
  channel: string,
  since: string | undefined,
  events: WatchEvents,
): Promise<never> {
  const place = new Place(since);
  for (let attempt = 0; ; attempt++) {
    const before = place.moves;
    const end = await new Connection(session, channel, place, events).run();
    if (place.moves !== before) attempt = 0;
    if (end.kind === "refused") throw new Error(end.reason);
    events.lost(end.reason);
    await sleep(end.retryAfterMs + fullJitter(attempt, Math.random));
  }
}

/** How far a client has heard: a position of all shards, and behind it that of the newest push of each. */
class Place {
  #base: string | undefined;
  readonly #newest = new Map<string, string>();
  /** How often it moved. */
  moves = 0;

  constructor(base: string | undefined) {
    this.#base = base;
  }

  get since(): readonly string[] {
    return [...(this.#base === undefined ? [] : [this.#base]), ...this.#newest.values()];
  }

  /** Everything up to a position of all shards was heard. */
  rebase(position: string | undefined): void {
    this.#base = position;
    this.#newest.clear();
    this.moves++;
  }

  heard({ shard, position }: Change): void {
    if (position !== "") this.#newest.set(shard, position);
    this.moves++;
  }
}

/** One socket, from its opening to its end. */
class Connection {
  readonly #session: Session;
  readonly #channel: string;
  readonly #place: Place;
  readonly #events: WatchEvents;
  #end: End | undefined;
  #nextId = 1;
  #silence: NodeJS.Timeout | undefined;
  #renewal: NodeJS.Timeout | undefined;

  constructor(session: Session, channel: string, place: Place, events: WatchEvents) {
    this.#session = session;
    this.#channel = channel;
    this.#place = place;
    this.#events = events;
  }

  async run(): Promise<End> {
    const { wss, ca, accessToken } = await this.#session.context();
    const socket = new WebSocket(wss, SUBPROTOCOL, {
      ca: await readFile(ca),
      handshakeTimeout: CONNECT_TIMEOUT_MS,
    });
    return await new Promise((resolve) => {
      socket.on("open", () => {
        this.#listenOn(socket);
        this.#send(socket, "connect", { token: accessToken });
        const { since } = this.#place;
        const from = since.length === 0 ? {} : { since };
        this.#send(socket, "subscribe", { channels: [this.#channel], ...from });
      });
      socket.on("ping", () => this.#listenOn(socket));
      socket.on("message", (data) => {
        this.#listenOn(socket);
        for (const line of textOf(data).split("\n")) {
          if (line !== "") this.#hear(socket, parseObject(line, "a message"));
        }
      });
      socket.on("error", (cause) => (this.#end ??= lost(cause.message)));
      socket.on("close", (code, reason) => {
        clearTimeout(this.#silence);
        clearTimeout(this.#renewal);
        const text = reason.toString() || `closed with code ${code}`;
        const final = code >= FINAL_CODE_MIN && code <= FINAL_CODE_MAX;
        resolve(this.#end ?? (final ? { kind: "refused", reason: text } : lost(text)));
      });
    });
  }

  #send(socket: WebSocket, command: string, body: object): void {
    socket.send(JSON.stringify({ id: this.#nextId++, [command]: body }));
  }

  #listenOn(socket: WebSocket): void {
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => {
      this.#end ??= lost("the server has gone silent");
      socket.terminate();
    }, SILENCE_MS);
  }

  #hear(socket: WebSocket, frame: JsonObject): void {
    if (frame["push"] !== undefined) this.#hearPush(asObject(frame["push"], "a push"));
    else if (frame["subscribe"] !== undefined) this.#hearSubscribed(socket, frame["subscribe"]);
    else if (frame["connect"] !== undefined) this.#planRenewal(socket, frame["connect"]);
    else if (frame["refresh"] !== undefined) this.#planRenewal(socket, frame["refresh"]);
    else if (frame["checkpoint"] !== undefined) this.#goTo(frame["checkpoint"]);
    else if (frame["disconnect"] !== undefined) {
      const { reason, retry_after_ms: after } = asObject(frame["disconnect"], "a goodbye");
      this.#goTo(frame["disconnect"]);
      const retryAfterMs = typeof after === "number" ? after : 0;
      this.#end ??= { kind: "lost", reason: `the server says: ${String(reason)}`, retryAfterMs };
    } else if (frame["error"] !== undefined) this.#refuse(socket, frame["error"]);
  }

  #hearPush(push: JsonObject): void {
    const json = push["change"];
    const change = fromJsonString(ChangeSchema, JSON.stringify(json), {
      ignoreUnknownFields: true,
    });
    this.#place.heard(change);
    this.#events.change(change, json);
  }

  #hearSubscribed(socket: WebSocket, body: unknown): void {
    const channels = asObject(body, "an answer")["channels"];
    const reply = asObject(Array.isArray(channels) ? channels[0] : undefined, "an answer");
    if (reply["error"] !== undefined) {
      this.#refuse(socket, reply["error"]);
      return;
    }
    const resumed = this.#place.since.length > 0;
    this.#goTo(reply);
    const position = this.#place.since[0] ?? "";
    this.#events.subscribed(position, !resumed || reply["recovered"] === true);
  }

  /** The session is kept alive on the same socket: a new access token before the old one ends. */
  #planRenewal(socket: WebSocket, body: unknown): void {
    const expires = Date.parse(String(asObject(body, "an answer")["expires"]));
    if (Number.isNaN(expires)) return;
    const inMs = Math.max(1000, expires - Date.now() - RENEW_BEFORE_MS);
    this.#renewal = setTimeout(() => {
      this.#session.context().then(
        ({ accessToken }) => this.#send(socket, "refresh", { token: accessToken }),
        (cause: unknown) => {
          this.#end ??= { kind: "refused", reason: String(cause) };
          socket.terminate();
        },
      );
    }, inMs);
  }

  #goTo(body: unknown): void {
    const { position } = asObject(body, "an answer");
    if (typeof position === "string" && position !== "") this.#place.rebase(position);
  }

  #refuse(socket: WebSocket, body: unknown): void {
    const { code, message } = asObject(body, "a refusal");
    const reason = String(message);
    if (GONE.has(String(code))) {
      this.#place.rebase(undefined);
      this.#end ??= lost(`what happened before is no longer kept, going on from now: ${reason}`);
    } else this.#end ??= { kind: "refused", reason };
    socket.close();
  }
}

function lost(reason: string): End {
  return { kind: "lost", reason, retryAfterMs: 0 };
}

function textOf(data: WebSocket.RawData): string {
  if (Array.isArray(data)) return Buffer.concat(data).toString();
  return Buffer.isBuffer(data) ? data.toString() : Buffer.from(data).toString();
}
