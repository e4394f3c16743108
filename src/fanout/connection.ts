import { ClusterError } from "../base/index.js";
import type { Authenticated } from "../gateway/index.js";
import type { ShardPosition } from "../shards/index.js";
import { CLOSE_CODES } from "./close-codes.js";
import type { CloseCause } from "./close-codes.js";
import { CommandIntake } from "./command-intake.js";
import type { CommandReceiver, OrderedCommand } from "./command-intake.js";
import type { ClientCommand, RemoteCall } from "./commands.js";
import type { LineOwner } from "./line.js";
import { judgeRefusedConnect } from "./refused-connect.js";
import { RemoteCalls } from "./remote-calls.js";
import { errorBody, replies } from "./replies.js";
import { Signal } from "./signal.js";
import { Subscriptions } from "./subscriptions.js";
import type { SubscriptionServices } from "./subscriptions.js";
import type { SocketListener, TransportSocket } from "./transport.js";
import { VitalSigns } from "./vital-signs.js";

export interface ConnectionServices extends SubscriptionServices {
  readonly serverName: string;
  random(): number;
  encodePositions(positions: readonly ShardPosition[]): string;
  /** Whose the connection is from now on; false where the user has as many as may be. */
  claim(connection: Connection, user: string): boolean;
  /** Whether the end of this session was heard of here. */
  hasEnded(session: string): boolean;
  /** Once, when the socket is gone. */
  onClosed(connection: Connection): void;
}

type State =
  | { readonly kind: "new" }
  | { readonly kind: "connecting" }
  | { readonly kind: "open"; readonly who: Authenticated }
  | { readonly kind: "closed"; readonly cause: CloseCause | undefined };

export interface Goodbye {
  readonly retryAfterMs?: number | undefined;
  readonly position?: string;
}

/** The part of its lifetime that a connection may miss, at random. */
const LIFETIME_JITTER = 0.2;

/** One client, from its open socket to its end. */
export class Connection implements SocketListener, LineOwner, CommandReceiver {
  readonly remoteAddress: string;
  readonly #services: ConnectionServices;
  readonly #socket: TransportSocket;
  readonly #subscriptions: Subscriptions;
  readonly #calls: RemoteCalls;
  readonly #intake: CommandIntake;
  readonly #signs: VitalSigns;
  readonly #drained = new Signal();
  readonly #openedMs: number;
  readonly #lifetimeMs: number;
  #state: State = { kind: "new" };
  #user: string | undefined;
  #lastCheckpointMs: number;
  #laggingSinceMs: number | undefined;

  constructor(socket: TransportSocket, services: ConnectionServices) {
    const { clock, limits } = services;
    const now = clock.monotonicMs();
    this.#socket = socket;
    this.#services = services;
    this.remoteAddress = socket.remoteAddress;
    this.#subscriptions = new Subscriptions(this, services);
    this.#calls = new RemoteCalls(services, socket.remoteAddress);
    this.#intake = new CommandIntake(this, clock, limits);
    this.#signs = new VitalSigns(limits, now, services.random());
    this.#openedMs = now;
    // Thousands that came at once do not go at once.
    this.#lifetimeMs = limits.lifetimeMs * (1 - LIFETIME_JITTER * services.random());
    this.#lastCheckpointMs = now - services.random() * limits.checkpointMs;
  }

  /** Once it has connected. */
  get user(): string | undefined {
    return this.#user;
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
    this.#signs.heard(this.#services.clock.monotonicMs());
    this.#intake.read(text);
  }

  pong(): void {
    this.#signs.heard(this.#services.clock.monotonicMs());
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

  /** The user may not hear a channel any more: what is committed from `sequence` on does not come. */
  endRight(channel: string, sequence: number): void {
    if (!this.#subscriptions.endRight(channel, sequence)) return;
    const error = errorBody(new ClusterError("not-found", `${channel} was not found`));
    this.send(replies.unsubscribed([channel], error));
    this.#services.observer({ kind: "unsubscribed", channels: 1 });
  }

  endSession(session: string): void {
    if (this.#state.kind !== "open" || this.#state.who.caller.sessionId !== session) return;
    this.disconnect("invalid-token", "the session has ended: log in again");
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
    if (nowMs - this.#openedMs >= this.#lifetimeMs) {
      this.disconnect("lifetime", "connected for long: connect again, to any server", {
        retryAfterMs: this.#randomDelay(),
        ...this.#lastPosition(),
      });
      return;
    }
    if (nowMs - this.#lastCheckpointMs >= limits.checkpointMs) this.#checkpoint();
    this.#look(nowMs);
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

  // What its commands ask for.

  ping(id: number): void {
    this.send(replies.ping(id));
  }

  call(call: RemoteCall): void {
    void this.#call(call);
  }

  async run(command: OrderedCommand): Promise<void> {
    try {
      await this.#run(command);
      this.#services.observer({ kind: "command", command: command.kind, code: "OK" });
    } catch (error) {
      this.#fail(command.kind, command.id, error);
      if (command.kind === "connect") this.#refuseConnection(command.token, error);
    }
  }

  refuse(command: string, id: number, error: ClusterError): void {
    this.#fail(command, id, error);
  }

  cutOff(cause: "bad-request" | "limit-exceeded" | "overloaded", reason: string): void {
    this.disconnect(
      cause,
      reason,
      cause === "overloaded" ? { retryAfterMs: this.#randomDelay() } : {},
    );
  }

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
    const { user, sessionId } = who.caller;
    if (this.#services.hasEnded(sessionId)) throw sessionEnded();
    if (!this.#services.claim(this, user)) {
      throw new ClusterError("rate-limited", "this user has too many connections: close another");
    }
    this.#user = user;
    this.#state = { kind: "open", who };
    this.send(
      replies.connect(id, {
        user: `users/${user}`,
        expires: new Date(who.expireTimeMs).toISOString(),
        ping_ms: limits.pingMs,
        server: serverName,
      }),
    );
    observer({ kind: "connected", ms: clock.monotonicMs() - this.#openedMs });
  }

  #refuseConnection(token: string, error: unknown): void {
    const verdict = judgeRefusedConnect(token, error, this.#services.clock.wallMs());
    if (verdict === undefined) return;
    const { cause, reason, retryAfterMs } = verdict;
    const afterMs = retryAfterMs === "random" ? this.#randomDelay() : retryAfterMs;
    this.disconnect(cause, reason, { retryAfterMs: afterMs });
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
    if (this.#services.hasEnded(who.caller.sessionId)) throw sessionEnded();
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

  #look(nowMs: number): void {
    switch (this.#signs.look(nowMs, this.#socket.buffered())) {
      case "dead":
        this.disconnect("no-pong", "no sign of life", this.#lastPosition());
        return;
      case "ping":
        this.#socket.ping();
        return;
      case "alive":
    }
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
    this.#intake.close();
    this.#calls.close();
    this.#subscriptions.close();
    if (this.#subscriptions.size > 0) {
      this.#services.observer({ kind: "unsubscribed", channels: this.#subscriptions.size });
    }
    // Whoever waits sees that it is closed.
    this.#drained.fire();
  }
}

function sessionEnded(): ClusterError {
  return new ClusterError("unauthenticated", "the session has ended: log in again");
}
