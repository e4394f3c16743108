import { get } from "node:https";
import { create, toJson } from "@bufbuild/protobuf";
import type { DescMethodUnary, JsonValue } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import type { Transport } from "@connectrpc/connect";
import { AuthService } from "../../../gen/cabildo/v1/auth_pb.js";
import { SyncService } from "../../../gen/cabildo/v1/sync_pb.js";
import { channelsOf, isObject, LiveClient } from "../../fanout/support/live-client.js";
import { startBefore, type Stage } from "../../fanout/support/start.js";
import type { GatewayBench } from "../../gateway/support.js";
import { openDoor, type Door } from "./door.js";
import type { Binding, Filled } from "./methods.js";

const CLIENTS = [
  "gRPC",
  "gRPC-Web over HTTP/2",
  "Connect in JSON over HTTP/2",
  "Connect in protobuf over HTTP/2",
] as const;
const WATCH = SyncService.method.watchChanges;
const CALL_MS = 20_000;

type Live = Stage<GatewayBench["shards"], GatewayBench["gateway"]>;
type Command = Readonly<Record<string, unknown>>;

/** The canonical code of an answer; of a refusal, its words; of what was done, which fields the answer has. */
export interface Said {
  readonly code: string;
  readonly words: string;
  readonly shape: string;
}

/** One way of asking, by the token of who asks. */
export interface Way {
  readonly name: string;
  readonly ask: (token: string | undefined) => Promise<Said>;
}

/** A coordinator and a fan-out before one gateway, and every way of asking them the same. */
export class EveryDoor {
  /** How often a door was asked. */
  asked = 0;
  readonly #door: Door;
  readonly #live: Live;
  readonly #sockets = new Map<string, LiveClient>();

  private constructor(door: Door, live: Live) {
    this.#door = door;
    this.#live = live;
  }

  static async open({ gateway, shards, clock }: GatewayBench): Promise<EveryDoor> {
    const door = await openDoor({ gateway, clock });
    const soon = (run: () => void): void => void setImmediate(run);
    const { monotonicMs, wallMs, after } = clock;
    const times = { monotonicMs, wallMs, after, soon };
    const live = await startBefore(shards, gateway, "ws", { clock: times });
    return new EveryDoor(door, live);
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets.values()) socket.close();
    await this.#live.fanout.close();
    await this.#door.close();
  }

  /** A call. A socket takes none about passwords, whoever makes it. */
  calls(method: DescMethodUnary, { verb }: Binding, filled: Filled): readonly Way[] {
    const { request } = filled;
    const ways = CLIENTS.map((name) =>
      this.#way(name, (token) =>
        saidOf(async () => {
          const headers = headersOf(token);
          const transport = this.#transport(name);
          const { message } = await transport.unary(method, undefined, CALL_MS, headers, request);
          return toJson(method.output, message);
        }),
      ),
    );
    ways.push(this.#way("REST", (token) => this.#rest(verb, filled, token)));
    if (method.parent.typeName === AuthService.typeName) return ways;
    const name = `${method.parent.typeName}/${method.name}`;
    const command = { rpc: { method: name, request: toJson(method.input, request) } };
    return [...ways, this.#way("a call over a socket", (token) => this.#say(command, token))];
  }

  /** The changes of a channel; those of calendars alone are streamed by a coordinator. */
  streams(channel: string): readonly Way[] {
    const command = { subscribe: { channels: [channel] } };
    const socket = this.#way("a socket", (token) => this.#say(command, token));
    if (!channel.startsWith("calendars/")) return [socket];
    const streams = CLIENTS.map((name) =>
      this.#way(name, (token) => firstOf(this.#transport(name), channel, token)),
    );
    const events = this.#way("Server-Sent Events", (token) => this.#events(channel, token));
    return [...streams, events, socket];
  }

  /** What a socket takes of operators alone, about a user and a calendar. */
  aids(user: string): readonly Way[] {
    const [name, channel] = [`users/${user}`, `calendars/${user}`];
    const commands: readonly Command[] = [
      { inspect: { user: name } },
      { inspect: { channel } },
      { may: { user: name, channel } },
      { trace: { user: name } },
      { trace: {} },
    ];
    return commands.map((command) =>
      this.#way(JSON.stringify(command), (token) => this.#say(command, token)),
    );
  }

  /** What a socket says of a command that there is not. */
  get noCommand(): Way {
    return this.#way("no command", (token) => this.#say({ nothing: {} }, token));
  }

  #way(name: string, ask: Way["ask"]): Way {
    return {
      name,
      ask: (token) => {
        this.asked += 1;
        return ask(token);
      },
    };
  }

  #transport(name: (typeof CLIENTS)[number]): Transport {
    const transport = this.#door.transports[name];
    if (transport === undefined) throw new Error(`no client for ${name}`);
    return transport;
  }

  async #rest(verb: string, { path, body }: Filled, token: string | undefined): Promise<Said> {
    const text = body === undefined ? "" : JSON.stringify(body);
    const type = body === undefined ? {} : { "content-type": "application/json" };
    const sent = { ...headersOf(token), ...type };
    return saidOverRest(await this.#door.send(verb, path, sent, text));
  }

  /** The stream is left at its first event. */
  async #events(channel: string, token: string | undefined): Promise<Said> {
    const { url, ca } = this.#door;
    const options = { ca, headers: headersOf(token), agent: false };
    return new Promise((resolve, reject) => {
      const sent = get(`${url}/v1/${channel}:watch`, options, (response) => {
        const { statusCode: status = 0, headers } = response;
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => {
          chunks.push(chunk);
          if (status !== 200) return;
          const isStream = String(headers["content-type"]).startsWith("text/event-stream");
          resolve(isStream ? OK : { ...OK, code: "not a stream" });
          sent.destroy();
        });
        response.on("end", () => {
          resolve(saidOverRest({ status, text: Buffer.concat(chunks).toString() }));
        });
      });
      sent.on("error", reject);
    });
  }

  /** Over the socket of who asks. A token that is refused is the answer; without one nothing may be said at all. */
  async #say(command: Command, token: string | undefined): Promise<Said> {
    const known = token === undefined ? undefined : this.#sockets.get(token);
    if (known !== undefined) return saidOverSocket(await known.ask(command));
    const socket = await LiveClient.open(this.#live.port);
    const first = token === undefined ? command : { connect: { token } };
    const said = saidOverSocket(await socket.ask(first));
    if (token === undefined || said.code !== "OK") {
      await socket.closed();
      return said;
    }
    this.#sockets.set(token, socket);
    return saidOverSocket(await socket.ask(command));
  }
}

const headersOf = (token: string | undefined): Readonly<Record<string, string>> =>
  token === undefined ? {} : { authorization: `Bearer ${token}` };

const OK: Said = { code: "OK", words: "", shape: "" };

const done = (answer: JsonValue): Said => ({ ...OK, shape: shapeOf(answer) });
const refused = (code: string, words: string): Said => ({ code, words, shape: "" });

/** Which fields there are, whatever they hold; of a list, what kinds of items there are. */
function shapeOf(value: JsonValue): string {
  if (Array.isArray(value)) return `[${[...new Set(value.map(shapeOf))].sort().join("|")}]`;
  if (typeof value !== "object" || value === null) return "";
  const fields = Object.entries(value).map(([name, field]) => name + shapeOf(field));
  return `{${fields.sort().join(",")}}`;
}

async function saidOf(call: () => Promise<JsonValue>): Promise<Said> {
  try {
    return done(await call());
  } catch (cause) {
    const { code, rawMessage } = ConnectError.from(cause);
    return refused(codeName(code), rawMessage);
  }
}

function codeName(code: Code): string {
  return Code[code].replace(/(?<=[a-z])(?=[A-Z])/gu, "_").toUpperCase();
}

function saidOverRest({ status, text }: { readonly status: number; readonly text: string }): Said {
  const body = JSON.parse(text) as JsonValue;
  if (status < 400) return done(body);
  const { error } = body as {
    readonly error: { readonly status: string; readonly message: string };
  };
  return refused(error.status, error.message);
}

/** Of an answer, or of its one channel. */
function saidOverSocket(answer: Command): Said {
  const [channel] = channelsOf(answer);
  const { error } = channel ?? answer;
  if (isObject(error)) return refused(String(error["status"]), String(error["message"]));
  const { rpc } = answer;
  return isObject(rpc) ? done(rpc["response"] as JsonValue) : OK;
}

/** The stream is left at its first message. */
function firstOf(transport: Transport, channel: string, token: string | undefined): Promise<Said> {
  return saidOf(async () => {
    const leaving = new AbortController();
    const headers = headersOf(token);
    const input = once({ channel });
    const { message } = await transport.stream(WATCH, leaving.signal, CALL_MS, headers, input);
    await message[Symbol.asyncIterator]().next();
    leaving.abort();
    return null;
  });
}

async function* once(request: { readonly channel: string }) {
  yield await Promise.resolve(create(WATCH.input, request));
}
