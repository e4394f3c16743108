import { calendarOfEvent, hasTopic } from "./channels.js";
import type { FanoutObserver } from "./events.js";
import type { FeedChange } from "./feed-change.js";
import type { RingEntry } from "./ring.js";
import { deliveredOf } from "./traces.js";
import type { Delivered, Traces } from "./traces.js";
import type { Transport } from "./transport.js";

/** One connection on one shard, as the live path sees it. */
export interface LiveSubscriber {
  isLiveOn(channel: string): boolean;
  /** Leaves the live path, with all of its connection, if that has too much unsent. */
  leaveIfBehind(): void;
  send(text: string): void;
  /** For whoever traces its connection. */
  trace(delivered: Delivered): void;
}

/** Lines for one socket are gathered up to about so many characters a frame. */
const FRAME_CHARACTERS = 16 * 1024;

/** All of a channel, or what the readers of a calendar see of it. */
export type View = "full" | "readers";

/** The name under which a transport publishes a channel. Channels are checked names, so a topic cannot be forged. */
export function topicOf(channel: string, view: View): string {
  return `${view}:${channel}`;
}

/** Those who hear a calendar, or an event of it, as readers do: each is a user. */
interface ReadersOfChannel {
  readonly users: Map<LiveSubscriber, string>;
  /** The last change that they heard of; 0 where none was since the first of them came. */
  last: number;
}

/**
 * Who hears a shard's changes as they come. A calendar's or group's are published once to a topic; a user's are sent to
 * each socket, save where the same socket hears the change on a channel that goes before.
 */
export class LivePath {
  readonly #transport: () => Pick<Transport, "publish">;
  readonly #observer: FanoutObserver;
  readonly #traces: Pick<Traces, "isEmpty">;
  readonly #subscribers = new Map<string, Set<LiveSubscriber>>();
  readonly #readers = new Map<string, ReadersOfChannel>();
  readonly #pending = new Map<LiveSubscriber, string>();
  /** Calendars of which somebody hears a single event, with how many do. */
  readonly #eventHearers = new Map<string, number>();
  /** The last change of each event that is heard, since the first of its subscribers came. */
  readonly #lastOfEvent = new Map<string, number>();

  constructor(
    transport: () => Pick<Transport, "publish">,
    observer: FanoutObserver,
    traces: Pick<Traces, "isEmpty">,
  ) {
    this.#transport = transport;
    this.#observer = observer;
    this.#traces = traces;
  }

  add(channel: string, subscriber: LiveSubscriber): void {
    const subscribers = this.#subscribers.get(channel);
    if (subscribers === undefined) this.#subscribers.set(channel, new Set([subscriber]));
    else subscribers.add(subscriber);
    this.#countHearer(channel, 1);
  }

  addReader(channel: string, subscriber: LiveSubscriber, user: string): void {
    const readers = this.#readers.get(channel);
    if (readers !== undefined) readers.users.set(subscriber, user);
    else this.#readers.set(channel, { users: new Map([[subscriber, user]]), last: 0 });
    this.#countHearer(channel, 1);
  }

  deleteReader(channel: string, subscriber: LiveSubscriber): void {
    const readers = this.#readers.get(channel);
    if (readers?.users.delete(subscriber) !== true) return;
    if (readers.users.size === 0) this.#readers.delete(channel);
    this.#countHearer(channel, -1);
  }

  delete(channel: string, subscriber: LiveSubscriber): void {
    const subscribers = this.#subscribers.get(channel);
    if (subscribers?.delete(subscriber) !== true) return;
    if (subscribers.size === 0) {
      this.#subscribers.delete(channel);
      this.#lastOfEvent.delete(channel);
    }
    this.#countHearer(channel, -1);
  }

  /** Before a round: whoever does not keep up leaves, so that a round is the most that is sent too much. */
  shed(channels: ReadonlySet<string>): void {
    for (const channel of channels) {
      // A subscriber that leaves takes itself out of the set that is walked.
      for (const subscriber of this.#subscribers.get(channel) ?? []) subscriber.leaveIfBehind();
      for (const reader of this.#readers.get(channel)?.users.keys() ?? []) reader.leaveIfBehind();
      if (this.#eventHearers.has(channel)) this.#shedEvents(channel);
    }
  }

  /** Rare: whoever hears single events of a calendar is looked for among all who hear one. */
  #shedEvents(calendar: string): void {
    for (const [channel, subscribers] of this.#subscribers) {
      if (calendarOfEvent(channel) !== calendar) continue;
      for (const subscriber of subscribers) subscriber.leaveIfBehind();
    }
    for (const [channel, { users }] of this.#readers) {
      if (calendarOfEvent(channel) !== calendar) continue;
      for (const reader of users.keys()) reader.leaveIfBehind();
    }
  }

  deliver({ change, previous }: RingEntry): void {
    change.channels.forEach((channel, i) => {
      const subscribers = this.#subscribers.get(channel);
      if (subscribers === undefined) return;
      const text = change.text(channel, previous[i] ?? 0);
      if (i === 0 && hasTopic(channel)) {
        const delivered = this.#delivered(change, channel, "topic", text);
        this.#publish(topicOf(channel, "full"), text, subscribers, delivered);
      } else {
        const delivered = this.#delivered(change, channel, "socket", text);
        this.#sendEach(change.channels.slice(0, i), text, subscribers, delivered);
      }
    });
    this.#deliverToReaders(change.primary, change);
    if (this.#eventHearers.has(change.primary)) this.#deliverEvent(change);
  }

  /** Once to all where it is the same to all; else to each what it is to that user. */
  #deliverToReaders(channel: string, change: FeedChange): void {
    const readers = this.#readers.get(channel);
    if (readers === undefined) return;
    const { last } = readers;
    const { common, isCommon } = change.shown;
    if (common !== undefined) readers.last = change.sequence;
    if (isCommon && hasTopic(channel)) {
      if (common === undefined) return;
      const text = change.text(channel, last, common);
      const delivered = this.#delivered(change, channel, "topic", text);
      this.#publish(topicOf(channel, "readers"), text, readers.users, delivered);
      return;
    }
    // An event's own channel comes behind all that the feed names.
    const before = channel === change.primary ? [] : change.channels;
    for (const [reader, user] of readers.users) {
      if (before.some((other) => reader.isLiveOn(other))) continue;
      const form = change.shown.to(user);
      if (form === undefined) continue;
      const text = change.text(channel, last, form);
      this.#sendOne(reader, text, this.#delivered(change, channel, "socket", text));
    }
  }

  /** After a round: nothing waits. */
  flush(): void {
    for (const [subscriber, text] of this.#pending) subscriber.send(text);
    this.#pending.clear();
  }

  #deliverEvent(change: FeedChange): void {
    const { eventChannel } = change;
    if (eventChannel === undefined) return;
    const subscribers = this.#subscribers.get(eventChannel);
    if (subscribers !== undefined) {
      const text = change.text(eventChannel, this.#lastOfEvent.get(eventChannel) ?? 0);
      this.#lastOfEvent.set(eventChannel, change.sequence);
      const delivered = this.#delivered(change, eventChannel, "socket", text);
      this.#sendEach(change.channels, text, subscribers, delivered);
    }
    this.#deliverToReaders(eventChannel, change);
  }

  #countHearer(channel: string, by: 1 | -1): void {
    const calendar = calendarOfEvent(channel);
    if (calendar === undefined) return;
    const count = (this.#eventHearers.get(calendar) ?? 0) + by;
    if (count === 0) this.#eventHearers.delete(calendar);
    else this.#eventHearers.set(calendar, count);
  }

  /** What is told of a delivery; undefined where nobody traces. */
  #delivered(
    change: FeedChange,
    channel: string,
    path: Delivered["path"],
    text: string,
  ): Delivered | undefined {
    return this.#traces.isEmpty ? undefined : deliveredOf(change, channel, path, text);
  }

  #publish(
    topic: string,
    text: string,
    subscribers: ReadonlySet<LiveSubscriber> | ReadonlyMap<LiveSubscriber, string>,
    delivered: Delivered | undefined,
  ): void {
    // What waits for a socket on the topic came before.
    this.flush();
    this.#transport().publish(topic, text);
    const { size: deliveries } = subscribers;
    this.#observer({ kind: "pushed", path: "topic", deliveries, bytes: text.length });
    if (delivered === undefined) return;
    for (const subscriber of subscribers.keys()) subscriber.trace(delivered);
  }

  #sendEach(
    before: readonly string[],
    text: string,
    subscribers: ReadonlySet<LiveSubscriber>,
    delivered: Delivered | undefined,
  ): void {
    let deliveries = 0;
    for (const subscriber of subscribers) {
      if (before.some((channel) => subscriber.isLiveOn(channel))) continue;
      deliveries += 1;
      this.#queue(subscriber, text);
      if (delivered !== undefined) subscriber.trace(delivered);
    }
    if (deliveries > 0) {
      this.#observer({ kind: "pushed", path: "socket", deliveries, bytes: text.length });
    }
  }

  #sendOne(subscriber: LiveSubscriber, text: string, delivered: Delivered | undefined): void {
    this.#queue(subscriber, text);
    this.#observer({ kind: "pushed", path: "socket", deliveries: 1, bytes: text.length });
    if (delivered !== undefined) subscriber.trace(delivered);
  }

  #queue(subscriber: LiveSubscriber, text: string): void {
    const waiting = this.#pending.get(subscriber);
    if (waiting === undefined) {
      this.#pending.set(subscriber, text);
    } else if (waiting.length + text.length < FRAME_CHARACTERS) {
      this.#pending.set(subscriber, `${waiting}\n${text}`);
    } else {
      subscriber.send(waiting);
      this.#pending.set(subscriber, text);
    }
  }
}
