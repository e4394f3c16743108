import { ClusterError } from "../base/index.js";
import type { ChosenChannels } from "../gateway/index.js";
import type { ShardPosition } from "../shards/index.js";
import { ChannelRequests } from "./channel-requests.js";
import { ClientCommands } from "./client-commands.js";
import type { CommandHost, CommandServices } from "./client-commands.js";
import { CLOSE_CODES, mayComeBack } from "./close-codes.js";
import type { CloseCause } from "./close-codes.js";
import { CommandIntake } from "./command-intake.js";
import type { ConnectionState } from "./connection-state.js";
import { Lag } from "./lag.js";
import type { LineOwner } from "./line.js";
import { errorBody, replies } from "./replies.js";
import { Signal } from "./signal.js";
import { Subscriptions } from "./subscriptions.js";
import type { SocketListener, TransportSocket } from "./transport.js";
import type { Happening, Traced } from "./traces.js";
import { VitalSigns } from "./vital-signs.js";

export interface ConnectionServices extends CommandServices {
  random(): number;
  encodePositions(positions: readonly ShardPosition[]): string;
  /** Whose the connection is from now on; false where the user has as many as may be. */
  claim(connection: Connection, user: string): boolean;
  /** Once, when the socket is gone. */
  onClosed(connection: Connection): void;
}

export interface Goodbye {
  /** Left out: a random time. Where nobody is to come back there is none. */
  readonly retryAfterMs?: number | undefined;
  readonly position?: string;
}

/** The part of its lifetime that a connection may miss, at random. */
const LIFETIME_JITTER = 0.2;

/** One client's socket, from its opening to its end. */
export class Connection implements SocketListener, LineOwner, CommandHost, Traced {
  readonly remoteAddress: string;
  /** Its own in this process. */
  readonly number: number;
  readonly #services: ConnectionServices;
  readonly #socket: TransportSocket;
  readonly #subscriptions: Subscriptions;
  readonly #commands: ClientCommands;
  readonly #intake: CommandIntake;
  readonly #signs: VitalSigns;
  readonly #lag: Lag;
  readonly #drained = new Signal();
  readonly #openedMs: number;
  readonly #lifetimeMs: number;
  /** Once it has ended: why, where that was decided here. */
  #end: { readonly cause: CloseCause | undefined } | undefined;
  #user: string | undefined;
  #lastCheckpointMs: number;

  constructor(socket: TransportSocket, services: ConnectionServices, number: number) {
    const { clock, limits } = services;
    const now = clock.monotonicMs();
    this.number = number;
    this.#socket = socket;
    this.#services = services;
    this.remoteAddress = socket.remoteAddress;
    this.#subscriptions = new Subscriptions(this, services);
    const requests = new ChannelRequests(this, services, this.#subscriptions);
    this.#commands = new ClientCommands(this, services, this.#subscriptions, requests);
    this.#intake = new CommandIntake(this.#commands, clock, limits);
    this.#signs = new VitalSigns(limits, now, services.random());
    this.#lag = new Lag(services);
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
    return this.#end !== undefined;
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
    this.#intake.beat();
  }

  ping(): void {
    this.#intake.beat();
  }

  drained(): void {
    if (this.#socket.buffered() <= this.unsentBytesLow) this.#drained.fire();
  }

  closed(code: number): void {
    const cause = this.#end?.cause;
    this.#close(cause);
    this.#services.observer({ kind: "connection-closed", code, cause });
    this.trace({ event: "closed", code });
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
    this.trace({ event: "stalled", unsent_bytes: unsentBytes });
    this.#lag.begin();
    this.#subscriptions.stall();
    this.#subscriptions.catchUp();
  }

  whenDrained(): Promise<void> {
    if (this.isClosed) return Promise.resolve();
    this.#lag.begin();
    return this.#drained.next();
  }

  lineIsLive(): void {
    if (!this.#subscriptions.isLive) return;
    if (this.#lag.end()) this.trace({ event: "caught-up" });
    this.#checkpoint();
  }

  feedInterrupted(): void {
    const reason = "the shard's changes begin anew: subscribe again";
    this.disconnect("feed-interrupted", reason, this.#lastPosition());
  }

  channelEnded(channel: string, error: ClusterError): void {
    const body = errorBody(error);
    this.send(replies.unsubscribed([channel], body));
    this.#services.observer({ kind: "unsubscribed", channels: 1 });
    this.trace({ event: "unsubscribed", channel, code: body.code });
    this.channelsLeft();
  }

  trace(happening: Happening): void {
    this.#services.traces.tell(this, happening);
  }

  // What its commands ask for.

  claim(user: string): boolean {
    if (!this.#services.claim(this, user)) return false;
    this.#user = user;
    return true;
  }

  channelsLeft(): void {
    if (this.#subscriptions.isLive) this.#lag.forget();
  }

  encodedPosition(): string {
    return this.#services.encodePositions(this.#subscriptions.position());
  }

  choiceLost(cause: unknown): void {
    this.#services.logger.warn({ err: cause }, "cannot follow what a user chose");
    this.feedInterrupted();
  }

  disconnect(cause: CloseCause, reason: string, goodbye: Goodbye = {}): void {
    if (this.isClosed) return;
    this.#sayGoodbye(cause, reason, goodbye);
    this.#socket.close(CLOSE_CODES[cause], cause);
  }

  cutOff(cause: CloseCause, reason: string): void {
    if (this.isClosed) return;
    this.#sayGoodbye(cause, reason, {});
    this.#socket.terminate();
  }

  // What its server asks for.

  hasLineOn(shard: number): boolean {
    return this.#subscriptions.lines.some(({ follower }) => follower.shard.number === shard);
  }

  /** The user may not hear a channel any more: what is committed from `sequence` on does not come. */
  endRight(channel: string, sequence: number): void {
    if (!this.#subscriptions.endRight(channel, sequence)) return;
    this.channelEnded(channel, new ClusterError("not-found", `${channel} was not found`));
  }

  /** Its user chose channels anew. */
  chosen(choice: ChosenChannels): void {
    this.#commands.chosen(choice);
  }

  hears(channel: string): boolean {
    return this.#subscriptions.find(channel) !== undefined;
  }

  endSession(session: string): void {
    const { identity } = this.#commands;
    if (identity.kind !== "known" || identity.who.caller.sessionId !== session) return;
    this.disconnect("invalid-token", "the session has ended: log in again");
  }

  get isLive(): boolean {
    return this.#subscriptions.isLive;
  }

  changesBehind(): ReadonlyMap<number, number> {
    return this.#subscriptions.changesBehind();
  }

  /** What an operator sees of it; undefined while it is not known whose it is, or where it has not the one channel. */
  describe(channel?: string): ConnectionState | undefined {
    const { identity } = this.#commands;
    const channels = this.#subscriptions.describe(channel);
    if (identity.kind !== "known" || this.isClosed) return undefined;
    if (channel !== undefined && channels.length === 0) return undefined;
    const { caller, expireTimeMs } = identity.who;
    const { clock } = this.#services;
    const openedMs = clock.wallMs() - (clock.monotonicMs() - this.#openedMs);
    return {
      connection: this.number,
      user: `users/${caller.user}`,
      session: `users/${caller.user}/sessions/${caller.sessionId}`,
      address: this.remoteAddress,
      opened: new Date(openedMs).toISOString(),
      expires: new Date(expireTimeMs).toISOString(),
      unsent_bytes: this.buffered(),
      calls: this.#commands.callsInFlight,
      channels,
    };
  }

  shutDown(): void {
    const reason = "this server stops: connect to another one";
    this.disconnect("shutdown", reason, this.#lastPosition());
  }

  /** From time to time: everything that has to happen without anybody having said something. */
  sweep(nowMs: number, wallMs: number): void {
    const { limits } = this.#services;
    const { identity } = this.#commands;
    if (this.isClosed) return;
    if (identity.kind !== "known") {
      if (nowMs - this.#openedMs >= limits.connectMs) this.#connectTimedOut();
      return;
    }
    if (wallMs >= identity.who.expireTimeMs + limits.expiryGraceMs) {
      // Tokens end one by one, and whoever slept wants to be there again.
      this.disconnect("token-expired", "the token has expired: connect with a new one", {
        retryAfterMs: 0,
        ...this.#lastPosition(),
      });
      return;
    }
    this.drained();
    if (this.#lag.isTooLong(nowMs, () => Math.max(0, ...this.changesBehind().values()))) {
      const reason = "too far behind: connect again and go on from the position";
      this.disconnect("too-slow", reason, this.#lastPosition());
      return;
    }
    if (this.#lag.isStuck(nowMs, this.#subscriptions.placeBehind)) {
      const reason = "what was missed cannot be had here now: connect to another server";
      this.disconnect("feed-interrupted", reason, this.#lastPosition());
      return;
    }
    if (nowMs - this.#openedMs >= this.#lifetimeMs) {
      const reason = "connected for long: connect again, to any server";
      this.disconnect("lifetime", reason, this.#lastPosition());
      return;
    }
    if (nowMs - this.#lastCheckpointMs >= limits.checkpointMs) this.#checkpoint();
    this.#look(nowMs);
  }

  #connectTimedOut(): void {
    if (this.#commands.identity.kind === "unsaid") {
      this.disconnect("bad-request", "connect must be the first command, and come soon");
    } else {
      this.disconnect("overloaded", "who you are cannot be checked now: try again");
    }
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

  #sayGoodbye(cause: CloseCause, reason: string, { retryAfterMs, position }: Goodbye): void {
    const retry = mayComeBack(cause) ? { retry_after_ms: retryAfterMs ?? this.#randomDelay() } : {};
    this.#socket.send(
      replies.disconnect({
        code: CLOSE_CODES[cause],
        reason,
        ...retry,
        ...(position === undefined ? {} : { position }),
      }),
    );
    this.#close(cause);
  }

  #randomDelay(): number {
    return Math.floor(this.#services.random() * this.#services.limits.retrySpreadMs);
  }

  #close(cause: CloseCause | undefined): void {
    if (this.isClosed) return;
    this.#end = { cause };
    this.#intake.close();
    this.#commands.close();
    this.#subscriptions.close();
    this.#services.traces.end(this);
    if (this.#subscriptions.size > 0) {
      this.#services.observer({ kind: "unsubscribed", channels: this.#subscriptions.size });
    }
    // Whoever waits sees that it is closed.
    this.#drained.fire();
  }
}
