import { ClusterError, TokenBucket } from "../base/index.js";
import type { Authenticated } from "../gateway/index.js";
import type { ShardPosition } from "../shards/index.js";
import { CLOSE_CODES } from "./close-codes.js";
import type { CloseCause } from "./close-codes.js";
import { parseCommand } from "./commands.js";
import type { ClientCommand, RemoteCall } from "./commands.js";
import type { LineOwner } from "./line.js";
import { looksExpired } from "./looks-expired.js";
import { RemoteCalls } from "./remote-calls.js";
import { errorBody, replies } from "./replies.js";
import { Signal } from "./signal.js";
import { Subscriptions } from "./subscriptions.js";
import type { SubscriptionServices } from "./subscriptions.js";
import type { SocketListener, TransportSocket } from "./transport.js";

export interface ConnectionServices extends SubscriptionServices {
  readonly serverName: string;
  random(): number;
  encodePositions(positions: readonly ShardPosition[]): string;
  /** Once, when the socket is gone. */
  onClosed(connection: Connection): void;
}

/** One after the other, each once the one before is answered. */
type OrderedCommand = Exclude<ClientCommand, RemoteCall>;

type State =
  | { readonly kind: "new" }
  | { readonly kind: "connecting" }
  | { readonly kind: "open"; readonly who: Authenticated }
  | { readonly kind: "closed"; readonly cause: CloseCause | undefined };

export interface Goodbye {
  readonly retryAfterMs?: number;
  readonly position?: string;
}

/** A client whose commands are so many times too fast, refusals and all, is cut off. */
const PATIENCE = 10;

/** One client, from its open socket to its end. */
export class Connection implements SocketListener, LineOwner {
  readonly remoteAddress: string;
  readonly #services: ConnectionServices;
  readonly #socket: TransportSocket;
  readonly #subscriptions: Subscriptions;
  readonly #calls: RemoteCalls;
  readonly #bucket: TokenBucket;
  readonly #patience: TokenBucket;
  readonly #drained = new Signal();
  readonly #queue: OrderedCommand[] = [];
  readonly #openedMs: number;
  #state: State = { kind: "new" };
  #working = false;
  #lastHeardMs: number;
  #lastPingMs: number;
  #lastCheckpointMs: number;
  #laggingSinceMs: number | undefined;
  #unsentBefore = 0;

  constructor(socket: TransportSocket, services: ConnectionServices) {
    const { clock, limits } = services;
    const now = clock.monotonicMs();
    this.#socket = socket;
    this.#services = services;
    this.remoteAddress = socket.remoteAddress;
    this.#subscriptions = new Subscriptions(this, services);
    this.#calls = new RemoteCalls(services, socket.remoteAddress);
    this.#bucket = new TokenBucket(limits.commandsPerSecond, now);
    this.#patience = new TokenBucket(limits.commandsPerSecond * PATIENCE, now);
    this.#openedMs = now;
    this.#lastHeardMs = now;
    // Spread, so that thousands that came at once are not pinged at once.
    this.#lastPingMs = now - services.random() * limits.pingMs;
    this.#lastCheckpointMs = now - services.random() * limits.checkpointMs;
  }

  get isClosed(): boolean {
    return this.#state.kind === "closed";
  }

  get unsentBytesLow(): number {
    return this.#services.limits.unsentBytesLow;
  }

  // What the socket says.

  message(text: string | undefined): void {
    if (this.isClosed) return;
    const { limits } = this.#services;
    this.#lastHeardMs = this.#services.clock.monotonicMs();
    if (text === undefined) {
      this.disconnect("bad-request", "messages are JSON text, not binary");
      return;
    }
    if (Buffer.byteLength(text) > limits.messageBytesMax) {
      this.disconnect("bad-request", `a message has at most ${limits.messageBytesMax} bytes`);
      return;
    }
    for (const line of text.split("\n")) {
      if (this.#state.kind === "closed") return;
      if (line.trim() !== "") this.#read(line);
    }
  }

  pong(): void {
    this.#lastHeardMs = this.#services.clock.monotonicMs();
  }

  drained(): void {
    if (this.#socket.buffered() <= this.unsentBytesLow) this.#drained.fire();
  }

  closed(code: number): void {
    const cause = this.#state.kind === "closed" ? this.#state.cause : undefined;
    this.#end(cause);
    this.#services.observer({ kind: "connection-closed", code, cause });
    this.#services.onClosed(this);
  }

  // What its lines ask for.

  send(text: string): void {
    if (!this.isClosed) this.#socket.send(text);
  }

  buffered(): number {
    return this.#socket.buffered();
  }

  subscribeTopic(topic: string): void {
    this.#socket.subscribe(topic);
  }

  unsubscribeTopic(topic: string): void {
    this.#socket.unsubscribe(topic);
  }

  leaveIfBehind(): void {
    const unsentBytes = this.#socket.buffered();
    if (this.isClosed || unsentBytes <= this.#services.limits.unsentBytesHigh) return;
    this.#services.observer({ kind: "stalled", unsentBytes });
    this.#laggingSinceMs ??= this.#services.clock.monotonicMs();
    this.#subscriptions.stall();
    this.#subscriptions.catchUp();
  }

  whenDrained(): Promise<void> {
    if (this.isClosed) return Promise.resolve();
    this.#laggingSinceMs ??= this.#services.clock.monotonicMs();
    return this.#drained.next();
  }

  lineIsLive(): void {
    if (!this.#subscriptions.isLive) return;
    if (this.#laggingSinceMs !== undefined) {
      const ms = this.#services.clock.monotonicMs() - this.#laggingSinceMs;
      this.#laggingSinceMs = undefined;
      this.#services.observer({ kind: "caught-up", ms });
    }
    this.#checkpoint();
  }

  feedInterrupted(): void {
    this.disconnect("feed-interrupted", "the shard's changes begin anew: subscribe again", {
      retryAfterMs: this.#randomDelay(),
      ...this.#lastPosition(),
    });
  }

  // What its server asks for.

  hasLineOn(shard: number): boolean {
    for (const { follower } of this.#subscriptions.lines()) {
      if (follower.shard.number === shard) return true;
    }
    return false;
  }

  shutDown(): void {
    this.disconnect("shutdown", "this server stops: connect to another one", {
      retryAfterMs: this.#randomDelay(),
      ...this.#lastPosition(),
    });
  }

  /** From time to time: everything that has to happen without anybody having said something. */
  sweep(nowMs: number, wallMs: number): void {
    const { limits } = this.#services;
    if (this.isClosed) return;
    if (this.#state.kind !== "open") {
      if (nowMs - this.#openedMs >= limits.connectMs) this.#connectTimedOut();
      return;
    }
    if (wallMs >= this.#state.who.expireTimeMs + limits.expiryGraceMs) {
      this.disconnect("token-expired", "the token has expired: connect with a new one", {
        ...this.#lastPosition(),
      });
      return;
    }
    this.drained();
    if (this.#isTooSlow(nowMs)) {
      this.disconnect("too-slow", "too far behind: connect again and go on from the position", {
        retryAfterMs: this.#randomDelay(),
        ...this.#lastPosition(),
      });
      return;
    }
    if (nowMs - this.#lastCheckpointMs >= limits.checkpointMs) this.#checkpoint();
    this.#ping(nowMs);
  }

  disconnect(cause: CloseCause, reason: string, goodbye: Goodbye = {}): void {
    if (this.isClosed) return;
    const code = CLOSE_CODES[cause];
    this.#socket.send(
      replies.disconnect({
        code,
        reason,
        ...(goodbye.retryAfterMs === undefined ? {} : { retry_after_ms: goodbye.retryAfterMs }),
        ...(goodbye.position === undefined ? {} : { position: goodbye.position }),
      }),
    );
    this.#end(cause);
    this.#socket.close(code, cause);
  }

  #read(line: string): void {
    const { clock } = this.#services;
    const command = parseCommand(line);
    if (command.kind === "unreadable" && command.id === undefined) {
      this.disconnect("bad-request", command.message);
      return;
    }
    const waitMs = this.#bucket.take(clock.monotonicMs());
    if (waitMs > 0) {
      this.#refuseForRate(command.id, waitMs);
      return;
    }
    switch (command.kind) {
      case "unreadable":
        this.#fail(
          "unreadable",
          command.id,
          new ClusterError("invalid-argument", command.message, {
            violations: [{ field: command.field, description: command.message }],
          }),
        );
        return;
      case "unknown":
        this.#fail(
          "unknown",
          command.id,
          new ClusterError("unimplemented", "this server knows no such command"),
        );
        return;
      case "ping":
        // At once, whatever waits: it asks whether somebody is there.
        this.send(replies.ping(command.id));
        return;
      case "rpc":
        void this.#call(command);
        return;
      default:
        this.#enqueue(command);
    }
  }

  /** Beside the commands that are worked on in order: answers come as they are ready. */
  async #call(call: RemoteCall): Promise<void> {
    if (this.#state.kind !== "open") {
      this.#refuseStranger(call);
      return;
    }
    try {
      const response = await this.#calls.answer(this.#state.who, call);
      this.send(replies.rpc(call.id, response));
      this.#services.observer({ kind: "command", command: "rpc", code: "OK" });
    } catch (error) {
      if (!this.isClosed) this.#fail("rpc", call.id, error);
    }
  }

  #refuseForRate(id: number, waitMs: number): void {
    if (this.#patience.take(this.#services.clock.monotonicMs()) > 0) {
      this.disconnect("limit-exceeded", "too many commands");
      return;
    }
    this.#fail(
      "any",
      id,
      new ClusterError("overloaded", "too many commands: wait a little", { retryAfterMs: waitMs }),
    );
  }

  /** One after the other, in order, however long each takes. */
  #enqueue(command: OrderedCommand): void {
    if (this.#queue.length >= this.#services.limits.commandsQueuedMax) {
      this.disconnect("overloaded", "too many commands wait for their answer", {
        retryAfterMs: this.#randomDelay(),
      });
      return;
    }
    this.#queue.push(command);
    if (!this.#working) void this.#work();
  }

  async #work(): Promise<void> {
    this.#working = true;
    for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) {
      if (this.isClosed) break;
      try {
        await this.#run(next);
        this.#services.observer({ kind: "command", command: next.kind, code: "OK" });
      } catch (error) {
        this.#fail(next.kind, next.id, error);
        if (next.kind === "connect") this.#refuseConnection(next.token, error);
      }
    }
    this.#working = false;
  }

  #fail(command: string, id: number, error: unknown): void {
    const body = errorBody(error);
    if (!(error instanceof ClusterError)) {
      this.#services.logger.error({ command, err: error }, "a command failed");
    }
    this.#services.observer({ kind: "command", command, code: body.code });
    this.send(replies.error(id, body));
  }

  async #run(command: OrderedCommand): Promise<void> {
    const state = this.#state;
    if (command.kind === "connect") {
      if (state.kind !== "new") {
        throw new ClusterError(
          "failed-precondition",
          "connected already: refresh the token instead",
        );
      }
      await this.#connect(command.id, command.token);
      return;
    }
    if (state.kind !== "open") {
      this.#refuseStranger(command);
      return;
    }
    switch (command.kind) {
      case "subscribe":
        await this.#subscribe(command.id, state.who, command.channels, command.since);
        return;
      case "unsubscribe": {
        const channels = this.#subscriptions.unsubscribe(command.channels);
        this.send(replies.unsubscribe(command.id, channels));
        this.#services.observer({ kind: "unsubscribed", channels: channels.length });
        if (this.#subscriptions.isLive) this.#laggingSinceMs = undefined;
        return;
      }
      case "refresh":
        await this.#refresh(command.id, state.who, command.token);
        return;
      case "ping":
        this.send(replies.ping(command.id));
    }
  }

  #refuseStranger({ kind, id }: ClientCommand): void {
    const refusal = new ClusterError("unauthenticated", "connect must be the first command");
    this.#fail(kind, id, refusal);
    this.disconnect("bad-request", refusal.message);
  }

  async #connect(id: number, token: string): Promise<void> {
    const { gateway, limits, serverName, observer, clock } = this.#services;
    this.#state = { kind: "connecting" };
    const who = await gateway.authenticate(token);
    if (this.isClosed) return;
    this.#state = { kind: "open", who };
    this.send(
      replies.connect(id, {
        user: `users/${who.caller.user}`,
        expires: new Date(who.expireTimeMs).toISOString(),
        ping_ms: limits.pingMs,
        server: serverName,
      }),
    );
    observer({ kind: "connected", ms: clock.monotonicMs() - this.#openedMs });
  }

  /** The verdict must be right: who is told to stop does not come back with a new token. */
  #refuseConnection(token: string, error: unknown): void {
    const { clock } = this.#services;
    if (!(error instanceof ClusterError)) {
      this.disconnect("overloaded", "try again", { retryAfterMs: this.#randomDelay() });
      return;
    }
    switch (error.code) {
      case "unauthenticated":
      case "invalid-argument":
        if (looksExpired(token, clock.wallMs())) {
          this.disconnect("token-expired", "the token has expired: connect with a new one");
        } else {
          this.disconnect("invalid-token", "this is no token of this cluster, or it was revoked");
        }
        return;
      case "permission-denied":
        this.disconnect("permission-denied", error.message);
        return;
      case "failed-precondition":
        // A second connect: the connection stands.
        return;
      default:
        this.disconnect("overloaded", "who you are cannot be checked now: try again", {
          retryAfterMs: error.details.retryAfterMs ?? this.#randomDelay(),
        });
    }
  }

  async #subscribe(
    id: number,
    who: Authenticated,
    channels: readonly string[],
    since: readonly string[],
  ): Promise<void> {
    const answers = await this.#subscriptions.subscribe(who.caller, channels, since);
    this.send(replies.subscribe(id, answers));
    this.#services.observer({
      kind: "subscribed",
      channels: answers.filter((answer) => !("error" in answer)).length,
    });
    this.#subscriptions.catchUp();
  }

  async #refresh(id: number, before: Authenticated, token: string): Promise<void> {
    const who = await this.#services.gateway.authenticate(token);
    if (this.isClosed) return;
    if (who.caller.user !== before.caller.user) {
      throw new ClusterError("permission-denied", "a connection stays with the user who opened it");
    }
    this.#state = { kind: "open", who };
    this.send(replies.refresh(id, new Date(who.expireTimeMs).toISOString()));
    this.#services.observer({ kind: "refreshed" });
  }

  #connectTimedOut(): void {
    if (this.#state.kind === "new") {
      this.disconnect("bad-request", "connect must be the first command, and come soon");
    } else {
      this.disconnect("overloaded", "who you are cannot be checked now: try again", {
        retryAfterMs: this.#randomDelay(),
      });
    }
  }

  #isTooSlow(nowMs: number): boolean {
    const { limits } = this.#services;
    if (this.#laggingSinceMs === undefined) return false;
    return (
      nowMs - this.#laggingSinceMs >= limits.laggingMs ||
      this.#subscriptions.changesBehind() > limits.changesBehindMax
    );
  }

  #ping(nowMs: number): void {
    const { limits } = this.#services;
    // Who takes what we send is alive, even if a pong waits behind it.
    const unsent = this.#socket.buffered();
    if (unsent < this.#unsentBefore) this.#lastHeardMs = nowMs;
    this.#unsentBefore = unsent;
    if (nowMs - this.#lastHeardMs >= limits.pingMs + limits.pongMs) {
      this.disconnect("no-pong", "no sign of life", this.#lastPosition());
      return;
    }
    if (nowMs - this.#lastPingMs < limits.pingMs) return;
    this.#lastPingMs = nowMs;
    this.#socket.ping();
  }

  #checkpoint(): void {
    this.#lastCheckpointMs = this.#services.clock.monotonicMs();
    const positions = this.#subscriptions.takeCheckpoint();
    if (positions === undefined) return;
    const text = replies.checkpoint(this.#services.encodePositions(positions));
    this.send(text);
    this.#services.observer({ kind: "checkpoint", bytes: text.length });
  }

  #lastPosition(): { readonly position?: string } {
    const positions = this.#subscriptions.position();
    return positions.length === 0 ? {} : { position: this.#services.encodePositions(positions) };
  }

  #randomDelay(): number {
    return Math.floor(this.#services.random() * this.#services.limits.retrySpreadMs);
  }

  #end(cause: CloseCause | undefined): void {
    if (this.isClosed) return;
    this.#state = { kind: "closed", cause };
    this.#queue.length = 0;
    this.#calls.close();
    this.#subscriptions.close();
    if (this.#subscriptions.size > 0) {
      this.#services.observer({ kind: "unsubscribed", channels: this.#subscriptions.size });
    }
    // Whoever waits sees that it is closed.
    this.#drained.fire();
  }
}
