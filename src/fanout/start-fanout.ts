import type { Gateway } from "../gateway/index.js";
import { AllowedOrigins, ClusterError, isOfHost } from "../base/index.js";
import type { ShardNumber } from "../placement/index.js";
import type { ShardClient, ShardPosition } from "../shards/index.js";
import type { Clock } from "./clock.js";
import { Connection } from "./connection.js";
import type { ConnectionServices } from "./connection.js";
import type { FanoutObserver } from "./events.js";
import { DEFAULT_LIMITS } from "./limits.js";
import type { Limits } from "./limits.js";
import { LivePath } from "./live-path.js";
import type { Logger } from "./logger.js";
import { probeNativeTransport } from "./probe-native-transport.js";
import { ShardFollower } from "./shard-follower.js";
import type {
  HttpAnswer,
  SocketListener,
  Transport,
  TransportKind,
  TransportOptions,
  TransportSocket,
} from "./transport.js";
import { openUwsTransport } from "./uws-transport.js";
import { openWsTransport } from "./ws-transport.js";

export const SUBPROTOCOL = "cabildo.v1.json";

export interface FanoutOptions {
  readonly gateway: Gateway;
  readonly shards: ShardClient;
  /** PEM texts or paths of PEM files; the certificate with its chain. */
  readonly tls: { readonly cert: string; readonly key: string };
  /** Origins whose pages may connect, beside those of the same host; `*` for all. None if left out. */
  readonly origins?: readonly string[];
  readonly host: string;
  /** 0 for any that is free. */
  readonly port: number;
  /** `auto`: uWebSockets.js where its native build loads, else `ws`. */
  readonly transport: TransportKind | "auto";
  /** Name of this server, as clients see it. */
  readonly name: string;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly limits?: Partial<Limits>;
  readonly observer?: FanoutObserver;
  readonly logger?: Logger;
}

export interface Fanout {
  readonly port: number;
  readonly transport: TransportKind;
  /** Whether every shard's feed is followed and new clients are taken. */
  isReady(): boolean;
  /** Connections that are open. */
  connections(): number;
  /** Asks every client to go elsewhere, each after a random delay, and ends. Idempotent. */
  close(): Promise<void>;
}

const SILENT: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

/** A message that is a little too long is refused with a close code; one that is far too long ends the connection. */
const HARD_MESSAGE_FACTOR = 2;
const IDLE_FACTOR = 4;
const DRAIN_BATCHES = 20;
const DRAIN_BATCH_MIN = 500;

/** Serves WSS until `close`. Fails if the port is taken or the certificate does not load. */
export async function startFanout(options: FanoutOptions): Promise<Fanout> {
  const kind = await chooseTransport(options);
  const server = new FanoutServer(options);
  const open = kind === "uws" ? openUwsTransport : openWsTransport;
  const transport = await open(server.transportOptions());
  server.start(transport);
  return {
    port: transport.port,
    transport: kind,
    isReady: () => server.isReady(),
    connections: () => server.connections(),
    close: () => server.close(),
  };
}

async function chooseTransport(options: FanoutOptions): Promise<TransportKind> {
  if (options.transport === "ws") return "ws";
  const { native, reason } = await probeNativeTransport();
  if (native) return "uws";
  if (options.transport === "uws") {
    throw new ClusterError("failed-precondition", `${reason}: use the transport ws`);
  }
  options.logger?.warn({ reason }, "serving WSS with the package ws");
  return "ws";
}

class FanoutServer {
  readonly #options: FanoutOptions;
  readonly #limits: Limits;
  readonly #origins: AllowedOrigins;
  readonly #observer: FanoutObserver;
  readonly #followers: ReadonlyMap<ShardNumber, ShardFollower>;
  readonly #services: ConnectionServices;
  readonly #connections = new Set<Connection>();
  readonly #perAddress = new Map<string, number>();
  readonly #stop = new AbortController();
  /** Connections at the same place share the text of their checkpoints. */
  readonly #encoded = new Map<string, string>();
  #transport: Transport | undefined;
  #running: readonly Promise<void>[] = [];
  #cancelSweep: () => void = () => undefined;
  #closing: Promise<void> | undefined;
  #onEmpty: () => void = () => undefined;

  constructor(options: FanoutOptions) {
    this.#options = options;
    this.#limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.#origins = new AllowedOrigins(options.origins ?? []);
    this.#observer = options.observer ?? (() => undefined);
    this.#followers = this.#createFollowers();
    const { gateway, shards, clock } = options;
    this.#services = {
      gateway,
      shards,
      clock,
      rangeMap: shards.rangeMap,
      followers: this.#followers,
      limits: this.#limits,
      logger: options.logger ?? SILENT,
      observer: this.#observer,
      signal: this.#stop.signal,
      serverName: options.name,
      random: options.random,
      encodePositions: (positions) => this.#encodePositions(positions),
      whenFollowed: (numbers) => this.#whenFollowed(numbers),
      onClosed: (connection) => {
        this.#forget(connection);
      },
    };
  }

  transportOptions(): TransportOptions {
    const { host, port, tls } = this.#options;
    return {
      host,
      port,
      tls,
      subprotocol: SUBPROTOCOL,
      allowsOrigin: (origin, name) => isOfHost(origin, name) || this.#origins.has(origin),
      messageBytesMax: this.#limits.messageBytesMax * HARD_MESSAGE_FACTOR,
      idleMs: this.#limits.pingMs * IDLE_FACTOR,
      open: (socket) => this.#open(socket),
      http: (method, path) => this.#answerHttp(method, path),
    };
  }

  start(transport: Transport): void {
    this.#transport = transport;
    this.#running = [...this.#followers.values()].map((follower) =>
      follower.run(this.#stop.signal),
    );
    this.#sweepLater();
  }

  isReady(): boolean {
    if (this.#closing !== undefined) return false;
    return [...this.#followers.values()].every((follower) => follower.isReady);
  }

  connections(): number {
    return this.#connections.size;
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  #createFollowers(): ReadonlyMap<ShardNumber, ShardFollower> {
    const { shards, gateway, clock, logger } = this.#options;
    const transport = {
      publish: (topic: string, text: string): void => this.#transport?.publish(topic, text),
    };
    const followers = shards.rangeMap.shards
      // The cluster's own facts are nobody's channel.
      .filter(({ collection }) => collection !== "system")
      .map((shard) => {
        const follower = new ShardFollower({
          shard,
          shards,
          clock,
          live: new LivePath(() => transport, this.#observer),
          limits: this.#limits,
          logger: logger ?? SILENT,
          observer: this.#observer,
          encodePosition: (epoch, sequence) =>
            gateway.positions.encode([{ shard: shard.number, epoch, sequence }]),
          onInterrupted: () => {
            this.#interrupted(shard.number);
          },
        });
        return [shard.number, follower] as const;
      });
    return new Map(followers);
  }

  #open(socket: TransportSocket): SocketListener {
    const connection = new Connection(socket, this.#services);
    this.#observer({ kind: "connection-opened" });
    this.#connections.add(connection);
    const ofAddress = (this.#perAddress.get(connection.remoteAddress) ?? 0) + 1;
    this.#perAddress.set(connection.remoteAddress, ofAddress);
    // Said only when the socket has a listener.
    this.#options.clock.soon(() => {
      if (this.#closing !== undefined) {
        connection.shutDown();
      } else if (ofAddress > this.#limits.connectionsPerAddress) {
        connection.disconnect("limit-exceeded", "too many connections from this address");
      } else if (this.#connections.size > this.#limits.connectionsMax) {
        connection.disconnect("overloaded", "this server is full: connect to another one", {
          retryAfterMs: Math.floor(this.#options.random() * this.#limits.retrySpreadMs),
        });
      }
    });
    return connection;
  }

  #forget(connection: Connection): void {
    if (!this.#connections.delete(connection)) return;
    const left = (this.#perAddress.get(connection.remoteAddress) ?? 1) - 1;
    if (left > 0) this.#perAddress.set(connection.remoteAddress, left);
    else this.#perAddress.delete(connection.remoteAddress);
    if (this.#connections.size === 0) this.#onEmpty();
  }

  #answerHttp(method: string, path: string): HttpAnswer {
    const reads = method.toLowerCase() === "get" || method.toLowerCase() === "head";
    if (reads && path === "/livez") return { status: 200, body: "ok\n" };
    if (reads && path === "/readyz") {
      if (this.isReady()) return { status: 200, body: "ok\n" };
      const waiting = [...this.#followers.values()].filter(({ isReady }) => !isReady);
      const why =
        this.#closing === undefined
          ? `not followed yet: ${waiting.map(({ shard }) => shard.name).join(", ")}`
          : "stopping";
      return { status: 503, body: `${why}\n` };
    }
    if (reads && path === "/") {
      return { status: 426, body: `connect with WebSocket, subprotocol ${SUBPROTOCOL}\n` };
    }
    return { status: 404, body: "not found\n" };
  }

  #interrupted(shard: ShardNumber): void {
    for (const connection of this.#connections) {
      if (connection.hasLineOn(shard)) connection.feedInterrupted();
    }
  }

  async #whenFollowed(numbers: Iterable<ShardNumber>): Promise<void> {
    const { clock } = this.#options;
    const deadlineMs = clock.monotonicMs() + this.#limits.feedMs;
    for (const number of numbers) {
      const follower = this.#followers.get(number);
      while (follower !== undefined && !follower.isReady) {
        if (clock.monotonicMs() >= deadlineMs) {
          throw new ClusterError(
            "unreachable",
            `the changes of shard ${follower.shard.name} cannot be had now: try again`,
            { retryAfterMs: 1_000 },
          );
        }
        await Promise.race([follower.moved(), this.#sleep(Math.min(100, this.#limits.feedMs))]);
      }
    }
  }

  #sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.#options.clock.after(ms, resolve);
    });
  }

  #encodePositions(positions: readonly ShardPosition[]): string {
    const key = positions.map((p) => `${p.shard}:${p.epoch}:${p.sequence}`).join(",");
    let text = this.#encoded.get(key);
    if (text === undefined) {
      text = this.#options.gateway.positions.encode(positions);
      this.#encoded.set(key, text);
    }
    return text;
  }

  #sweepLater(): void {
    const { clock } = this.#options;
    this.#cancelSweep = clock.after(this.#limits.sweepMs, () => {
      this.#encoded.clear();
      const nowMs = clock.monotonicMs();
      const wallMs = clock.wallMs();
      for (const connection of this.#connections) connection.sweep(nowMs, wallMs);
      this.#sweepLater();
    });
  }

  async #close(): Promise<void> {
    this.#transport?.stopListening();
    await Promise.race([this.#drain(), this.#sleep(this.#limits.drainMs)]);
    this.#cancelSweep();
    this.#stop.abort();
    await this.#transport?.close();
    await Promise.all(this.#running);
  }

  /** In batches, so that not all of them come to the next server at once. */
  async #drain(): Promise<void> {
    const all = [...this.#connections];
    const batch = Math.max(DRAIN_BATCH_MIN, Math.ceil(all.length / DRAIN_BATCHES));
    const pauseMs = Math.floor(this.#limits.drainMs / (2 * DRAIN_BATCHES));
    for (let at = 0; at < all.length; at += batch) {
      for (const connection of all.slice(at, at + batch)) connection.shutDown();
      if (at + batch < all.length) await this.#sleep(pauseMs);
    }
    if (this.#connections.size === 0) return;
    await new Promise<void>((resolve) => {
      this.#onEmpty = resolve;
    });
  }
}
