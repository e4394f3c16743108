import { LRUCache } from "lru-cache";
import { AllowedOrigins, isOfHost } from "../base/index.js";
import type { ShardNumber } from "../placement/index.js";
import type { EndedRight } from "../policy/index.js";
import type { ShardPosition } from "../shards/index.js";
import { sumBacklog } from "./backlog.js";
import type { Backlog } from "./backlog.js";
import { ClusterWatch } from "./cluster-watch.js";
import { CommandRates } from "./command-rates.js";
import { Connection } from "./connection.js";
import type { ConnectionServices } from "./connection.js";
import { Connections } from "./connections.js";
import type { Effect } from "./effect.js";
import type { FanoutObserver } from "./events.js";
import type { FeedChange } from "./feed-change.js";
import { DEFAULT_LIMITS } from "./limits.js";
import type { Limits } from "./limits.js";
import { LivePath } from "./live-path.js";
import type { Logger } from "./logger.js";
import { OperatorCommands } from "./operator-commands.js";
import type { ReadersRight } from "./readers.js";
import { ShardFollower } from "./shard-follower.js";
import type { FanoutOptions } from "./start-fanout.js";
import { Traces } from "./traces.js";
import type {
  HttpAnswer,
  SocketListener,
  Transport,
  TransportOptions,
  TransportSocket,
} from "./transport.js";

export const SUBPROTOCOL = "cabildo.v1.json";

const SILENT: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

/** A message that is a little too long is refused with a close code; one that is far too long ends the connection. */
const HARD_MESSAGE_FACTOR = 2;
const IDLE_FACTOR = 4;
/** Ends of sessions are remembered for longer than a token lasts that was given before. */
const ENDED_SESSIONS_MAX = 65_536;
const ENDED_SESSION_MS = 15 * 60_000;

/** Everything of one fan-out process but its socket library. */
export class FanoutServer {
  readonly #options: FanoutOptions;
  readonly #limits: Limits;
  readonly #origins: AllowedOrigins;
  readonly #observer: FanoutObserver;
  readonly #followers: ReadonlyMap<ShardNumber, ShardFollower>;
  readonly #services: ConnectionServices;
  readonly #connections: Connections;
  readonly #traces: Traces;
  readonly #endedSessions: LRUCache<string, true>;
  readonly #stop = new AbortController();
  /** Connections at the same place share the text of their checkpoints. */
  readonly #encoded = new Map<string, string>();
  #transport: Transport | undefined;
  /** Connections so far. */
  #opened = 0;
  #running: readonly Promise<void>[] = [];
  #cancelSweep: () => void = () => undefined;
  #closing: Promise<void> | undefined;

  constructor(options: FanoutOptions) {
    this.#options = options;
    this.#limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.#origins = new AllowedOrigins(options.origins ?? []);
    this.#observer = options.observer ?? (() => undefined);
    const { gateway, shards, clock, random } = options;
    this.#connections = new Connections(this.#limits, clock, random);
    this.#endedSessions = new LRUCache({
      max: ENDED_SESSIONS_MAX,
      ttl: ENDED_SESSION_MS,
      perf: { now: () => clock.monotonicMs() },
    });
    this.#traces = new Traces(clock);
    this.#followers = this.#createFollowers();
    const shared = {
      gateway,
      clock,
      rangeMap: shards.rangeMap,
      followers: this.#followers,
      limits: this.#limits,
      serverName: options.name,
      traces: this.#traces,
    };
    this.#services = {
      ...shared,
      rates: new CommandRates(this.#limits, clock),
      logger: options.logger ?? SILENT,
      observer: this.#observer,
      callObserver: options.callObserver,
      signal: this.#stop.signal,
      random,
      cluster: new ClusterWatch(shards, clock),
      operators: new OperatorCommands({ ...shared, connections: this.#connections }),
      encodePositions: (positions) => this.#encodePositions(positions),
      claim: (connection, user) => this.#connections.claim(connection, user),
      hasEnded: (session) => this.#endedSessions.has(session),
      onClosed: (connection) => {
        this.#connections.forget(connection);
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
      waitSeconds: () => this.#connections.waitSeconds(),
      open: (socket) => this.#open(socket),
      http: (method, path) => this.#answerHttp(method, path),
    };
  }

  start(transport: Transport): void {
    this.#transport = transport;
    this.#observer({ kind: "listening", transport: transport.kind });
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

  backlog(): Backlog {
    return sumBacklog(this.#connections, this.#followers.keys());
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
          live: new LivePath(() => transport, this.#observer, this.#traces),
          limits: this.#limits,
          logger: logger ?? SILENT,
          observer: this.#observer,
          encodePosition: (epoch, sequence) =>
            gateway.positions.encode([{ shard: shard.number, epoch, sequence }]),
          onEffect: (effect, change) => {
            this.#takeEffect(shard.number, effect, change);
          },
          onInterrupted: () => {
            this.#interrupted(shard.number);
          },
        });
        return [shard.number, follower] as const;
      });
    return new Map(followers);
  }

  #open(socket: TransportSocket): SocketListener {
    const connection = new Connection(socket, this.#services, ++this.#opened);
    this.#observer({ kind: "connection-opened" });
    // Said only when the socket has a listener.
    this.#options.clock.soon(() => {
      this.#connections.admit(connection);
    });
    return connection;
  }

  #takeEffect(shard: ShardNumber, effect: Exclude<Effect, ReadersRight>, change: FeedChange): void {
    if (effect.kind !== "chosen") this.#endRight(shard, effect, change);
    else {
      for (const connection of this.#connections.of(effect.user)) connection.chosen(effect.choice);
    }
  }

  /** In the turn in which the change is delivered: nothing from it on reaches whoever lost the right. */
  #endRight(
    shard: ShardNumber,
    right: Exclude<EndedRight, ReadersRight>,
    change: FeedChange,
  ): void {
    if (right.kind === "session") this.#endedSessions.set(right.session, true);
    const concerned = this.#connections.of(right.user);
    for (const connection of concerned) {
      if (right.kind === "session") connection.endSession(right.session);
      else connection.endRight(right.channel, change.sequence);
    }
    const ageMs = Math.max(0, this.#options.clock.wallMs() - change.timeMs);
    this.#observer({ kind: "right-ended", shard, connections: concerned.length, ageMs });
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
    const { rangeMap } = this.#options.shards;
    // The ends of sessions are in the feeds of the users' shards: one may have been missed.
    const concernsAll = rangeMap.shards.some(
      ({ number, collection }) => number === shard && collection === "users",
    );
    for (const connection of this.#connections) {
      if (concernsAll || connection.hasLineOn(shard)) connection.feedInterrupted();
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
      this.#traces.sweep();
      this.#sweepLater();
    });
  }

  async #close(): Promise<void> {
    this.#transport?.stopListening();
    await Promise.race([this.#connections.drain(), this.#sleep(this.#limits.drainMs)]);
    this.#cancelSweep();
    this.#stop.abort();
    await this.#transport?.close();
    await Promise.all(this.#running);
  }
}
