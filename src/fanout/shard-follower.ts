import { ClusterError, assert } from "../base/index.js";
import type { ShardDescription } from "../placement/index.js";
import { sleep } from "../shards/index.js";
import type { ChangesEvent, FeedItem, ShardClient, ShardPosition } from "../shards/index.js";
import { calendarOfEvent } from "./channels.js";
import type { Clock } from "./clock.js";
import type { Effect } from "./effect.js";
import type { FanoutObserver } from "./events.js";
import type { FeedChange } from "./feed-change.js";
import { FeedPages } from "./feed-pages.js";
import type { FeedPage } from "./feed-pages.js";
import { FollowedFeed } from "./followed-feed.js";
import type { Limits } from "./limits.js";
import type { LivePath } from "./live-path.js";
import type { Logger } from "./logger.js";
import { endsWith, Readers, standsOn } from "./readers.js";
import type { Reader, ReadersRight } from "./readers.js";
import type { RingEntry } from "./ring.js";
import { Signal } from "./signal.js";

/** What is given out in one turn, so that sockets can be looked at in between. */
const ROUND_CHANGES = 256;
const ROUND_BYTES = 256 * 1024;
const AGAIN_MS = 1_000;

export interface FollowerOptions {
  readonly shard: ShardDescription;
  readonly shards: ShardClient;
  readonly live: LivePath;
  readonly limits: Limits;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly observer: FanoutObserver;
  encodePosition(epoch: number, sequence: number): string;
  /** Before the change is delivered, in the same turn; the rights of readers end here. */
  onEffect(effect: Exclude<Effect, ReadersRight>, change: FeedChange): void;
  /** The feed cannot be followed on from where it was: whoever hears it has to begin again. */
  onInterrupted(): void;
}

/**
 * Follows one shard from a little before the present on, keeps its newest changes in memory and gives each to the live
 * path. `head` moves change by change, in the same turn in which a change is delivered.
 */
export class ShardFollower {
  readonly shard: ShardDescription;
  readonly live: LivePath;
  readonly readers = new Readers();
  readonly #options: FollowerOptions;
  readonly #pages: FeedPages;
  readonly #moved = new Signal();
  #feed: FollowedFeed | undefined;
  #readyAt = 0;
  #refreshing: Promise<void> | undefined;

  constructor(options: FollowerOptions) {
    const { shard, live } = options;
    this.shard = shard;
    this.live = live;
    this.#options = options;
    this.#pages = new FeedPages(shard.number, options.shards, options.clock);
  }

  /** Follows, and has in memory what there was when it began. */
  get isReady(): boolean {
    return this.#feed !== undefined && this.#feed.ring.head >= this.#readyAt;
  }

  get epoch(): number {
    return this.#require().epoch;
  }

  /** Whether a place of the epoch that is followed lies after everything that was heard of. */
  isBehind({ epoch, sequence }: Pick<ShardPosition, "epoch" | "sequence">): boolean {
    const feed = this.#feed;
    return feed !== undefined && epoch === feed.epoch && sequence > feed.ring.head;
  }

  /** The newest change that the live path has carried. */
  get head(): number {
    return this.#require().ring.head;
  }

  /** Everything after this, up to the head, is in memory. */
  get base(): number {
    return this.#require().ring.base;
  }

  /** See FollowedFeed. */
  get firstSequence(): number {
    return this.#require().firstSequence;
  }

  entry(sequence: number): RingEntry {
    return this.#require().ring.get(sequence);
  }

  /**
   * Whether a right that holds as of a change may be another one by now: what has come since says so, or is no longer known. A
   * reader begins in the turn in which it was asked.
   */
  mayHaveEnded(reader: Omit<Reader, "ended" | "doubted">, asOf: number): boolean {
    if (asOf >= this.head) return false;
    if (asOf < this.base) return true;
    const calendar = calendarOfEvent(reader.channel) ?? reader.channel;
    for (let sequence = asOf + 1; sequence <= this.head; sequence++) {
      const { change } = this.entry(sequence);
      if (change.isOfCalendar && change.primary !== calendar) continue;
      const { effect } = change;
      if (effect?.kind === "readers" && endsWith(effect.calendar, reader)) return true;
      if (effect?.kind === "standing" && standsOn(effect, reader)) return true;
    }
    return false;
  }

  /** See FollowedFeed. */
  learnLast(channel: string, sequence: number): void {
    this.#feed?.learnLast(channel, sequence);
  }

  /** What is no longer in memory, for one who has everything up to `after`. */
  readOlder(channels: readonly string[], after: number, signal: AbortSignal): Promise<FeedPage> {
    const { epoch, base: until } = this;
    return this.#pages.read({ epoch, after, until, channels }, signal);
  }

  fromFeed(item: FeedItem): FeedChange {
    return this.#require().older(item);
  }

  /** Resolves when the head has moved, or the feed was interrupted. */
  moved(): Promise<void> {
    return this.#moved.next();
  }

  /** Asks where the feed begins now: it is trimmed without a change that says so. One question for all who wait. */
  refreshFirstSequence(signal: AbortSignal): Promise<void> {
    this.#refreshing ??= this.#readFirstSequence(signal).finally(() => {
      this.#refreshing = undefined;
    });
    return this.#refreshing;
  }

  async #readFirstSequence(signal: AbortSignal): Promise<void> {
    const { shards, limits, clock } = this.#options;
    const feed = this.#require();
    const stop = new AbortController();
    const cancel = clock.after(limits.feedMs, () => {
      stop.abort();
    });
    try {
      const events = shards.changes({
        shard: this.shard.number,
        after: undefined,
        signal: AbortSignal.any([signal, stop.signal]),
      });
      for await (const { epoch, firstSequence } of events) {
        if (epoch === feed.epoch) feed.learnFirst(firstSequence);
        return;
      }
    } finally {
      cancel();
      stop.abort();
    }
    throw new ClusterError(
      "unreachable",
      `the changes of shard ${this.shard.name} cannot be had now: try again`,
      { retryAfterMs: AGAIN_MS },
    );
  }

  /** Follows until the signal. */
  async run(signal: AbortSignal): Promise<void> {
    const { shards, logger, observer, clock } = this.#options;
    while (!isAborted(signal)) {
      const feed = this.#feed;
      try {
        const after =
          feed === undefined
            ? await this.#findStart(signal)
            : { epoch: feed.epoch, sequence: feed.ring.head };
        for await (const event of shards.changes({ shard: this.shard.number, after, signal })) {
          await this.#take(event, signal);
          if (isAborted(signal)) return;
        }
      } catch (error) {
        if (isAborted(signal)) return;
        const code = error instanceof ClusterError ? error.code : "internal";
        observer({ kind: "feed-failed", shard: this.shard.number, code });
        logger.error(
          { shard: this.shard.name, code, err: error },
          "cannot follow the shard's feed",
        );
        if (code === "position-gone" || code === "epoch-changed") this.#interrupt();
      }
      if (isAborted(signal)) return;
      await sleep(clock, AGAIN_MS, signal);
    }
  }

  /**
   * Not the present: the newest changes are read once into memory, so that thousands who come from a server that died are
   * served from there, and not by a question each to the shard.
   */
  async #findStart(
    signal: AbortSignal,
  ): Promise<{ readonly epoch: number; readonly sequence: number } | undefined> {
    const { shards, limits } = this.#options;
    const stop = new AbortController();
    const events = shards.changes({
      shard: this.shard.number,
      after: undefined,
      signal: AbortSignal.any([signal, stop.signal]),
    });
    for await (const { epoch, upTo, firstSequence } of events) {
      stop.abort();
      this.#readyAt = upTo;
      return { epoch, sequence: Math.max(firstSequence - 1, upTo - limits.ringChanges, 0) };
    }
    return undefined;
  }

  async #take(event: ChangesEvent, signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    if (this.#feed !== undefined && this.#feed.epoch !== event.epoch) this.#interrupt();
    const feed = (this.#feed ??= this.#begin(event));
    const { ring } = feed;
    feed.learnFirst(event.firstSequence);
    let round: FeedItem[] = [];
    let bytes = 0;
    for (const item of event.items) {
      if (item.sequence <= ring.head) continue;
      if (item.sequence !== ring.head + round.length + 1) break;
      round.push(item);
      bytes += item.change.byteLength;
      if (round.length < ROUND_CHANGES && bytes < ROUND_BYTES) continue;
      this.#give(feed, round);
      round = [];
      bytes = 0;
      await new Promise<void>((resolve) => {
        clock.soon(resolve);
      });
      if (isAborted(signal)) return;
    }
    if (round.length > 0) this.#give(feed, round);
    if (ring.head < event.upTo) {
      this.#options.logger.error(
        { shard: this.shard.name, head: ring.head, upTo: event.upTo },
        "the shard's feed has a hole: following begins again",
      );
      this.#interrupt();
      throw new ClusterError("position-gone", "the feed has a hole");
    }
    this.#moved.fire();
  }

  #give(feed: FollowedFeed, items: readonly FeedItem[]): void {
    const { live, observer, clock } = this.#options;
    const changes = items.map((item) => feed.changeOf(item));
    live.shed(new Set(changes.flatMap(({ channels }) => channels)));
    try {
      for (const change of changes) {
        this.#takeEffect(change);
        const entry = feed.entryOf(change);
        live.deliver(entry);
        feed.ring.push(entry);
      }
    } finally {
      live.flush();
    }
    observer({
      kind: "feed",
      shard: this.shard.number,
      sequence: feed.ring.head,
      changes: changes.length,
      ageMs: Math.max(0, clock.wallMs() - (changes.at(-1)?.timeMs ?? 0)),
    });
  }

  #takeEffect(change: FeedChange): void {
    // Most changes are of calendars that no reader hears: they stay as they came.
    if (change.isOfCalendar && !this.readers.has(change.primary)) return;
    const { effect } = change;
    if (effect === undefined) return;
    // What was delivered before waits for nobody whose right ends.
    this.live.flush();
    if (effect.kind !== "readers" && effect.kind !== "standing") {
      this.#options.onEffect(effect, change);
      return;
    }
    const connections = this.readers.end(effect, change.sequence);
    if (connections === 0) return;
    const { observer, clock } = this.#options;
    const ageMs = Math.max(0, clock.wallMs() - change.timeMs);
    observer({ kind: "right-ended", shard: this.shard.number, connections, ageMs });
  }

  #begin({ epoch, items, upTo }: ChangesEvent): FollowedFeed {
    const options = this.#options;
    const label = {
      name: this.shard.name,
      encode: (sequence: number) => options.encodePosition(epoch, sequence),
    };
    const head = (items[0]?.sequence ?? upTo + 1) - 1;
    return new FollowedFeed({ epoch, head, label, limits: options.limits });
  }

  #interrupt(): void {
    if (this.#feed === undefined) return;
    this.#options.onInterrupted();
    this.#feed = undefined;
    this.#moved.fire();
  }

  #require(): FollowedFeed {
    assert(this.#feed !== undefined, `shard ${this.shard.name} is not followed yet`);
    return this.#feed;
  }
}

/** Asked again after every await: the type system would take the first answer for the last. */
function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}
