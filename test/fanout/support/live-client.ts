import type { Socket } from "node:net";
import { expect } from "chai";
import { WebSocket } from "ws";
import type { ClientOptions } from "ws";
import { testCertificate } from "./certificate.js";

/** A push, as far as the tests look at it. */
export interface Pushed {
  readonly channel: string;
  readonly sequence: number;
  readonly previous: number;
  readonly shard: string;
  readonly title: string;
  readonly position: string;
}

type Json = Record<string, unknown>;

const WAIT_MS = 15_000;
const LOOK_AGAIN_MS = 20;

/** One WebSocket that remembers everything it was sent, in order. */
export class LiveClient {
  readonly objects: Json[] = [];
  closeCode: number | undefined;
  readonly socket: WebSocket;
  #changed: (() => void)[] = [];
  #nextId = 0;

  private constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on("message", (data) => {
      const text = Buffer.isBuffer(data) ? data.toString() : "";
      for (const line of text.split("\n")) this.objects.push(parse(line));
      this.#wake();
    });
    socket.on("error", () => undefined);
    socket.on("close", (code) => {
      this.closeCode = code;
      this.#wake();
    });
  }

  static async open(
    port: number,
    protocols: readonly string[] = ["cabildo.v1.json"],
    options: ClientOptions = {},
  ): Promise<LiveClient> {
    const socket = new WebSocket(`wss://localhost:${port}/`, [...protocols], {
      ca: testCertificate().cert,
      ...options,
    });
    const client = new LiveClient(socket);
    await new Promise<void>((resolve, reject) => {
      socket.once("open", resolve);
      socket.once("error", reject);
    });
    return client;
  }

  /** Opens and connects as a user. */
  static async as(user: string, port: number): Promise<LiveClient> {
    const client = await LiveClient.open(port);
    await client.ask({ connect: { token: `token-${user}` } });
    return client;
  }

  /** Opens to a real server, and connects with a token of its cluster. */
  static async with(token: string, url: string, ca: string | Buffer): Promise<LiveClient> {
    const client = await LiveClient.open(Number(new URL(url).port), undefined, { ca });
    const error = errorCode(await client.ask({ connect: { token } }));
    if (error !== undefined) throw new Error(`not connected: ${JSON.stringify(error)}`);
    return client;
  }

  get pushes(): readonly Pushed[] {
    return this.objects.flatMap((object) =>
      isObject(object["push"]) ? [toPushed(object["push"])] : [],
    );
  }

  /** The TCP stream below, to stop reading. */
  get stream(): Socket {
    const stream: unknown = Reflect.get(this.socket, "_socket");
    return stream as Socket;
  }

  send(value: unknown): void {
    this.socket.send(typeof value === "string" ? value : JSON.stringify(value));
  }

  /** Sends a command and waits for its answer. */
  async ask(command: Json): Promise<Json> {
    this.#nextId += 1;
    const id = this.#nextId;
    this.send({ id, ...command });
    return await this.answer(id);
  }

  async answer(id: number): Promise<Json> {
    return await this.find((object) => object["id"] === id, `an answer to ${id}`);
  }

  async find(matches: (object: Json) => boolean, what: string): Promise<Json> {
    await this.until(() => this.objects.some(matches), what);
    return this.objects.find(matches) ?? {};
  }

  async pushed(count: number): Promise<readonly Pushed[]> {
    await this.until(() => this.pushes.length >= count, `${count} pushes`);
    return this.pushes;
  }

  async closed(): Promise<number> {
    await this.until(() => this.closeCode !== undefined, "the end");
    return this.closeCode ?? 0;
  }

  /** Why it ends; that it says when to come back, if anybody is to, holds for every one. */
  async disconnect(): Promise<Json> {
    const object = await this.find((item) => isObject(item["disconnect"]), "a disconnect");
    const goodbye = isObject(object["disconnect"]) ? object["disconnect"] : {};
    const saysWhen = typeof goodbye["retry_after_ms"] === "number";
    expect(saysWhen, JSON.stringify(goodbye)).to.equal(Number(goodbye["code"]) < 4500);
    return goodbye;
  }

  async until(holds: () => boolean, what: string): Promise<void> {
    const deadline = Date.now() + WAIT_MS;
    while (!holds()) {
      const left = deadline - Date.now();
      if (left <= 0 || (this.closeCode !== undefined && what !== "the end")) {
        const seen = JSON.stringify(this.objects.slice(-3));
        throw new Error(`waited for ${what}; closed: ${this.closeCode}; last: ${seen}`);
      }
      await new Promise<void>((resolve) => {
        // What is waited for may be none of this client's messages.
        const timer = setTimeout(resolve, Math.min(left, LOOK_AGAIN_MS));
        this.#changed.push(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
  }

  close(): void {
    this.socket.terminate();
  }

  #wake(): void {
    const changed = this.#changed;
    this.#changed = [];
    for (const wake of changed) wake();
  }
}

export function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null;
}

/** The answers to a subscribe, by channel. */
export function channelsOf(answer: Json): readonly Json[] {
  const subscribe = answer["subscribe"];
  const channels = isObject(subscribe) ? subscribe["channels"] : undefined;
  return Array.isArray(channels) ? channels.filter(isObject) : [];
}

/** Code of an answer's error. */
export function errorCode(answer: Json): unknown {
  return isObject(answer["error"]) ? answer["error"]["code"] : undefined;
}

function parse(line: string): Json {
  const value: unknown = JSON.parse(line);
  if (!isObject(value)) throw new Error(`not an object: ${line}`);
  return value;
}

function toPushed(push: Json): Pushed {
  const change = isObject(push["change"]) ? push["change"] : {};
  const event = isObject(change["event"]) ? change["event"] : {};
  const group = isObject(change["group"]) ? change["group"] : {};
  return {
    channel: String(push["channel"]),
    sequence: Number(change["sequence"]),
    previous: Number(change["previousSequence"]),
    shard: String(change["shard"]),
    title: String(event["title"] ?? group["displayName"]),
    position: String(change["position"]),
  };
}
