import { ClusterError } from "../base/index.js";
import { calendarOfEvent, hasTopic } from "./channels.js";
import type { Clock } from "./clock.js";
import type { LineState } from "./connection-state.js";
import type { FanoutObserver } from "./events.js";
import type { FeedChange } from "./feed-change.js";
import { Join } from "./join.js";
import { topicOf } from "./live-path.js";
import type { LiveSubscriber, View } from "./live-path.js";
import type { Logger } from "./logger.js";
import type { Form } from "../policy/index.js";
import { Signal } from "./signal.js";
import type { ShardFollower } from "./shard-follower.js";
import { deliveredOf } from "./traces.js";
import type { Delivered, Happening, Traces } from "./traces.js";

/** What a line asks of its connection. */
export interface LineOwner {
  readonly isClosed: boolean;
  readonly unsentBytesLow: number;
  send(text: string): void;
  buffered(): number;
  subscribeTopic(topic: string): void;
  unsubscribeTopic(topic: string): void;
  /** Leaves the live path with all lines if too much is unsent. */
  leaveIfBehind(): void;
  /** Resolves when what is unsent is below the low mark, or the connection closed. Begins the time of lagging. */
  whenDrained(): Promise<void>;
  /** This line is on the live path again. */
  lineIsLive(): void;
  /** The changes that come next cannot be had any more. */
  feedInterrupted(): void;
  /** The user may not hear a channel any more, or not as before. */
  channelEnded(channel: string, error: ClusterError): void;
  /** For whoever traces the connection. */
  trace(happening: Happening): void;
}

export interface LineServices {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly observer: FanoutObserver;
  readonly signal: AbortSignal;
  readonly traces: Traces;
}

const FRAME_CHARACTERS = 16 * 1024;
/** After so much the loop is let go on, so that one who catches up does not hold up the rest. */
const TURN_CHARACTERS = 256 * 1024;
const AGAIN_MS = 1_000;

/** One connection on one shard: live, or catching up from memory or from the shard's feed at the pace of its socket. */
export class Line implements LiveSubscriber {
  readonly follower: ShardFollower;
  readonly #owner: LineOwner;
  readonly #services: LineServices;
  readonly #join = new Join();
  /** While catching up: the last change seen on a channel. */
  #previous: Map<string, number> | undefined;
  /** Of calendars that are not the user's own: whose reader it is, on which channels. */
  #readers: Map<string, string> | undefined;
  /** Sequence up to which the client was told that it has everything. */
  #told: number;
  readonly #released = new Signal();
  /** Channels of single events. */
  #events = 0;
  #running = false;
  #frame: string[] = [];
  #frameCharacters = 0;
  #turnCharacters = 0;

  constructor(follower: ShardFollower, owner: LineOwner, services: LineServices) {
    this.follower = follower;
    this.#owner = owner;
    this.#services = services;
    this.#told = follower.head;
  }

  get isLive(): boolean {
    return this.#join.isLive;
  }

  get isEmpty(): boolean {
    return this.#join.size === 0;
  }

  /** Everything up to here was handed to the socket. */
  get position(): number {
    return this.#join.from(this.follower.head);
  }

  /** Whether it came further than the client was told. From then on that counts as told. */
  takeCheckpoint(): boolean {
    const { position } = this;
    if (position <= this.#told) return false;
    this.#told = position;
    return true;
  }

  #hasReader(channel: string): boolean {
    return this.#readers?.has(channel) === true;
  }

  channels(): Iterable<string> {
    return this.#join.channels();
  }

  isLiveOn(channel: string): boolean {
    return this.#join.isLiveOn(channel);
  }

  send(text: string): void {
    this.#owner.send(text);
  }

  leaveIfBehind(): void {
    this.#owner.leaveIfBehind();
  }

  trace(delivered: Delivered): void {
    this.#owner.trace(delivered);
  }

  /**
   * Everything on the channel after `since`, or what `reader` sees of it. The caller has seen that the feed goes back so far.
   */
  subscribe(channel: string, since: number, reader?: string): void {
    if (reader !== undefined) (this.#readers ??= new Map()).set(channel, reader);
    if (calendarOfEvent(channel) !== undefined) this.#events += 1;
    if (this.#join.subscribe(channel, since, this.follower.head)) this.#enter(channel);
  }

  unsubscribe(channel: string): void {
    if (calendarOfEvent(channel) !== undefined) this.#events -= 1;
    if (this.#join.unsubscribe(channel)) this.#leave(channel);
    this.#previous?.delete(channel);
    this.#readers?.delete(channel);
    // What it held back goes on.
    this.#released.fire();
  }

  /** Nothing more of the line goes out before `release`, or before the channel is left, and its position stays where it is. */
  hold(channel: string): void {
    for (const live of this.#join.hold(channel, this.follower.head)) this.#leave(live);
    this.catchUp();
  }

  release(channel: string): void {
    this.#join.release(channel);
    this.#released.fire();
  }

  viewOf(channel: string): View {
    return this.#hasReader(channel) ? "readers" : "full";
  }

  /** Where the channel is, for an operator who asks. */
  describe(channel: string): LineState {
    const shard = this.follower.shard.name;
    if (!this.follower.isReady) return { shard, state: "waiting-for-shard" };
    const done = this.doneOf(channel);
    const state = this.#stateOf(channel);
    return { shard, state, sequence: String(done), behind: this.follower.head - done };
  }

  #stateOf(channel: string): Extract<LineState, { sequence: string }>["state"] {
    if (this.#join.isLiveOn(channel)) return "live";
    if (this.#join.isHeld) return "waiting-for-right";
    const isTaken = this.#owner.buffered() <= this.#owner.unsentBytesLow;
    return isTaken ? "catching-up" : "waiting-for-client";
  }

  /** Everything of the channel was handed to the socket up to here. */
  doneOf(channel: string): number {
    return this.#join.doneOf(channel, this.follower.head);
  }

  /** Goes on where changes are missing; to be called after `subscribe` and `stall`, once the caller has said what it has to. */
  catchUp(): void {
    if (this.#running || this.#join.isLive) return;
    this.#running = true;
    void this.#run();
  }

  stall(): void {
    for (const channel of this.#join.stall(this.follower.head)) this.#leave(channel);
  }

  /** Off the live path for good. */
  close(): void {
    for (const channel of this.#join.channels()) {
      if (this.#join.isLiveOn(channel)) this.#leavePath(channel);
    }
    this.#released.fire();
  }

  #enter(channel: string): void {
    const reader = this.#readers?.get(channel);
    if (reader === undefined) this.follower.live.add(channel, this);
    else this.follower.live.addReader(channel, this, reader);
    if (hasTopic(channel)) this.#owner.subscribeTopic(this.#topicOf(channel));
  }

  #leave(channel: string): void {
    this.#leavePath(channel);
    if (hasTopic(channel)) this.#owner.unsubscribeTopic(this.#topicOf(channel));
  }

  #leavePath(channel: string): void {
    if (this.#hasReader(channel)) this.follower.live.deleteReader(channel, this);
    else this.follower.live.delete(channel, this);
  }

  #topicOf(channel: string): string {
    return topicOf(channel, this.viewOf(channel));
  }

  async #run(): Promise<void> {
    try {
      while (!this.#owner.isClosed && !this.#join.isLive && this.follower.isReady) {
        const pause = this.#step();
        if (pause !== undefined) await pause;
      }
    } finally {
      // In the same turn as the last step: a stall right after it must find that nothing runs.
      this.#running = false;
    }
  }

  /** What to wait for before the next step; nothing where the next one belongs to this turn. */
  #step(): Promise<void> | undefined {
    if (this.#owner.buffered() > this.#owner.unsentBytesLow) return this.#owner.whenDrained();
    if (this.#join.isHeld) return this.#released.next();
    if (this.#turnCharacters > TURN_CHARACTERS) return this.#nextTurn();
    const { head, base } = this.follower;
    const from = this.#join.from(head);
    if (from < base) return this.#readFeed(from);
    if (from < head) {
      this.#readMemory(from, head);
      return undefined;
    }
    // Else a position that this process has not seen yet: another replica was ahead.
    return this.#rejoin(head) ? undefined : this.follower.moved();
  }

  /** In the turn in which the last change was sent, so that none comes between. */
  #rejoin(head: number): boolean {
    const joined = this.#join.rejoin(head);
    for (const channel of joined) this.#enter(channel);
    if (!this.#join.isLive) return false;
    for (const [channel, sequence] of this.#previous ?? []) {
      if (!this.#hasReader(channel)) this.follower.learnLast(channel, sequence);
    }
    this.#previous = undefined;
    this.#turnCharacters = 0;
    this.#owner.lineIsLive();
    return true;
  }

  #readMemory(from: number, head: number): void {
    let sequence = from;
    while (sequence < head && this.#turnCharacters <= TURN_CHARACTERS) {
      sequence += 1;
      const { change, previous } = this.follower.entry(sequence);
      this.#offer(change, (i) => previous[i] ?? 0);
    }
    this.#join.advance(sequence);
    this.#flush();
  }

  async #readFeed(from: number): Promise<void> {
    const { logger, signal } = this.#services;
    const version = this.#join.channelsVersion;
    const behind = this.#join.behind().map((name) => calendarOfEvent(name) ?? name);
    try {
      const page = await this.follower.readOlder([...new Set(behind)], from, signal);
      for (const item of page.items) {
        if (!this.#goesOn(version)) return;
        this.#offer(this.follower.fromFeed(item), () => 0);
        if (this.#turnCharacters <= TURN_CHARACTERS) continue;
        this.#join.advance(item.sequence);
        this.#flush();
        await this.#nextTurn();
        if (this.#owner.buffered() > this.#owner.unsentBytesLow) await this.#owner.whenDrained();
      }
      if (this.#goesOn(version)) this.#join.advance(page.upTo);
    } catch (error) {
      if (this.#owner.isClosed || signal.aborted) return;
      const code = error instanceof ClusterError ? error.code : "internal";
      const shard = this.follower.shard.name;
      logger.warn({ shard, code, err: error }, "cannot read the shard's feed");
      if (code === "position-gone" || code === "epoch-changed") this.#owner.feedInterrupted();
      else await this.#pause();
    } finally {
      this.#flush();
    }
  }

  #goesOn(version: number): boolean {
    return !this.#owner.isClosed && this.follower.isReady && this.#join.channelsVersion === version;
  }

  #offer(change: FeedChange, knownPrevious: (i: number) => number): void {
    const channels = this.#channelsOf(change).filter((name) => this.#formOn(name, change));
    const channel = this.#join.replay(change.sequence, channels);
    if (channel !== undefined) {
      const at = change.channels.indexOf(channel);
      const known = at < 0 || this.#hasReader(channel) ? 0 : knownPrevious(at);
      const previous = known === 0 ? (this.#previous?.get(channel) ?? 0) : known;
      const text = change.text(channel, previous, this.#formOn(channel, change));
      this.#append(text);
      if (!this.#services.traces.isEmpty) this.trace(deliveredOf(change, channel, "replay", text));
    }
    for (const name of channels) {
      if (this.#join.isBehindOn(name)) (this.#previous ??= new Map()).set(name, change.sequence);
    }
  }

  /** How the change goes out on a channel; undefined where it does not. */
  #formOn(channel: string, change: FeedChange): Form | undefined {
    const reader = this.#readers?.get(channel);
    return reader === undefined ? "details" : change.shown.to(reader);
  }

  /** Those that the feed names, and that of the event itself where single events are heard. */
  #channelsOf(change: FeedChange): readonly string[] {
    if (this.#events === 0) return change.channels;
    const { eventChannel } = change;
    return eventChannel === undefined ? change.channels : [...change.channels, eventChannel];
  }

  #append(text: string): void {
    if (this.#frameCharacters + text.length > FRAME_CHARACTERS) this.#flush();
    this.#frame.push(text);
    this.#frameCharacters += text.length;
    this.#turnCharacters += text.length;
  }

  #flush(): void {
    if (this.#frame.length === 0) return;
    const deliveries = this.#frame.length;
    const text = this.#frame.join("\n");
    this.#frame = [];
    this.#frameCharacters = 0;
    this.#owner.send(text);
    this.#services.observer({ kind: "pushed", path: "replay", deliveries, bytes: text.length });
  }

  async #nextTurn(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#services.clock.soon(resolve);
    });
    this.#turnCharacters = 0;
  }

  async #pause(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#services.clock.after(AGAIN_MS, resolve);
    });
  }
}
