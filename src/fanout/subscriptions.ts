import { ClusterError } from "../base/index.js";
import type { Caller } from "../domain/index.js";
import type { Gateway } from "../gateway/index.js";
import type { RangeMap, ShardNumber } from "../placement/index.js";
import type { ShardPosition } from "../shards/index.js";
import { CLUSTER_CHANNEL, parseChannel } from "./channels.js";
import type { Channel } from "./channels.js";
import type { ClusterWatch } from "./cluster-watch.js";
import type { FanoutObserver } from "./events.js";
import type { Limits } from "./limits.js";
import { Line } from "./line.js";
import type { LineOwner, LineServices } from "./line.js";
import { errorBody } from "./replies.js";
import type { ChannelReply } from "./replies.js";
import type { ShardFollower } from "./shard-follower.js";
import { findStarts, shardsOf } from "./starts.js";
import type { Start } from "./starts.js";

export interface SubscriptionServices extends LineServices {
  readonly gateway: Gateway;
  readonly rangeMap: RangeMap;
  readonly followers: ReadonlyMap<ShardNumber, ShardFollower>;
  readonly limits: Limits;
  readonly observer: FanoutObserver;
  readonly cluster: ClusterWatch;
  /** Resolves when all of these shards are followed; fails with `unreachable` if that takes too long. */
  whenFollowed(shards: Iterable<ShardNumber>): Promise<void>;
}

/** What a connection is subscribed to. */
interface Subscribed {
  readonly lines: readonly Line[];
  /** Sequence with which the right to it began. */
  readonly grantedSince: number;
}

interface Allowed {
  readonly channel: Channel;
  readonly grantedSince: number;
}

/** The channels of one connection. */
export class Subscriptions {
  readonly #services: SubscriptionServices;
  readonly #owner: LineOwner;
  readonly #lines = new Map<ShardNumber, Line>();
  readonly #channels = new Map<string, Subscribed>();
  /** Rights that ended while channels were asked for, with the sequence of each. */
  readonly #ended = new Map<string, number>();
  #asking = 0;
  /** Sequences up to which the client knows that it has everything. */
  readonly #told = new Map<ShardNumber, number>();

  constructor(owner: LineOwner, services: SubscriptionServices) {
    this.#owner = owner;
    this.#services = services;
  }

  get size(): number {
    return this.#channels.size;
  }

  get isLive(): boolean {
    for (const line of this.#lines.values()) if (!line.isLive) return false;
    return true;
  }

  lines(): Iterable<Line> {
    return this.#lines.values();
  }

  has(channel: string): boolean {
    return this.#channels.has(channel);
  }

  /**
   * Begins what may be begun, and says for each channel how; fails if nothing could be. `catchUp` must follow once the
   * client was told.
   */
  async subscribe(
    caller: Caller,
    names: readonly string[],
    since: readonly string[],
  ): Promise<readonly ChannelReply[]> {
    const from = this.#parseSince(since);
    this.#asking += 1;
    try {
      const checked = await Promise.all(names.map((name) => this.#check(caller, name)));
      const allowed = checked.filter((item): item is Allowed => !(item instanceof Error));
      const [first] = checked;
      if (allowed.length === 0 && first instanceof Error) throw first;
      const { followers } = this.#services;
      const shards = new Set(allowed.flatMap(({ channel }) => shardsOf(channel, followers)));
      await this.#services.whenFollowed(shards);
      await Promise.all([...shards].map((shard) => this.#lookBack(from.get(shard))));
      // From here on in one turn: heads do not move, and no right ends.
      return checked.map((item, i): ChannelReply => {
        const channel = names[i] ?? "";
        if (item instanceof Error) return { channel, recovered: false, error: errorBody(item) };
        if (this.#owner.isClosed) throw new ClusterError("canceled", "the connection closed");
        return this.#begin(item, from, since.length > 0);
      });
    } finally {
      this.#asking -= 1;
      if (this.#asking === 0) this.#ended.clear();
    }
  }

  /**
   * The right to a channel ended with the change `sequence`: neither that nor anything after it goes out on it. Whether there
   * was such a channel. A right that was given anew later stands.
   */
  endRight(name: string, sequence: number): boolean {
    if (this.#asking > 0) this.#ended.set(name, sequence);
    const subscribed = this.#channels.get(name);
    if (subscribed === undefined || sequence <= subscribed.grantedSince) return false;
    this.unsubscribe([name]);
    return true;
  }

  catchUp(): void {
    for (const line of this.#lines.values()) line.catchUp();
  }

  /** Returns the channels that there were. */
  unsubscribe(names: readonly string[]): readonly string[] {
    const left = names.filter((name) => this.#channels.has(name));
    for (const name of left) {
      for (const line of this.#channels.get(name)?.lines ?? []) {
        line.unsubscribe(name);
        if (!line.isEmpty) continue;
        this.#lines.delete(line.follower.shard.number);
        this.#told.delete(line.follower.shard.number);
      }
      this.#channels.delete(name);
      if (name === CLUSTER_CHANNEL) this.#services.cluster.delete(this.#owner);
    }
    return left;
  }

  stall(): void {
    for (const line of this.#lines.values()) line.stall();
  }

  close(): void {
    for (const line of this.#lines.values()) line.close();
    this.#services.cluster.delete(this.#owner);
  }

  /** Up to where everything was handed to the socket. */
  position(): readonly ShardPosition[] {
    return [...this.#lines.values()]
      .filter(({ follower }) => follower.isReady)
      .map(({ follower, position }) => ({
        shard: follower.shard.number,
        epoch: follower.epoch,
        sequence: position,
      }));
  }

  /** The position, if the client cannot know it from its pushes. Then it counts as told. */
  takeCheckpoint(): readonly ShardPosition[] | undefined {
    let silent = false;
    for (const [shard, line] of this.#lines) {
      if (!line.follower.isReady) return undefined;
      const { position } = line;
      if (position <= (this.#told.get(shard) ?? 0)) continue;
      this.#told.set(shard, position);
      silent ||= !line.endsWithPush();
    }
    return silent ? this.position() : undefined;
  }

  /** How far the line that is furthest behind has to go. */
  changesBehind(): number {
    let behind = 0;
    for (const { follower, position } of this.#lines.values()) {
      if (follower.isReady) behind = Math.max(behind, follower.head - position);
    }
    return behind;
  }

  /**
   * If several name one shard, the last counts. A client cannot look into a position: so it can put those of its newest
   * pushes behind the one, of all shards, with which a channel began.
   */
  #parseSince(tokens: readonly string[]): ReadonlyMap<ShardNumber, ShardPosition> {
    const from = new Map<ShardNumber, ShardPosition>();
    for (const token of tokens) {
      for (const position of this.#services.gateway.positions.decode(token)) {
        from.set(position.shard, position);
      }
    }
    return from;
  }

  async #check(caller: Caller, name: string): Promise<Allowed | Error> {
    const { gateway, rangeMap } = this.#services;
    const channel = parseChannel(name, rangeMap);
    if (channel === undefined) {
      return new ClusterError("invalid-argument", "there are no channels of this name", {
        violations: [{ field: "channels", description: "no name of a channel" }],
      });
    }
    try {
      const { since } = await gateway.authorizeChannel(caller, name);
      return { channel, grantedSince: since };
    } catch (error) {
      return error instanceof Error ? error : new ClusterError("internal", "refused");
    }
  }

  /** What is older than memory may be gone from the feed by now. */
  async #lookBack(since: ShardPosition | undefined): Promise<void> {
    if (since === undefined) return;
    const follower = this.#services.followers.get(since.shard);
    if (follower === undefined || !follower.isReady || since.sequence >= follower.base) return;
    await follower.refreshFirstSequence(this.#services.signal);
  }

  #begin(
    { channel, grantedSince }: Allowed,
    from: ReadonlyMap<ShardNumber, ShardPosition>,
    resumes: boolean,
  ): ChannelReply {
    const { limits, followers } = this.#services;
    const { name } = channel;
    const refuse = (error: ClusterError) =>
      ({ channel: name, recovered: false, error: errorBody(error) }) as const;
    if (this.#channels.has(name)) {
      return refuse(new ClusterError("already-exists", "this connection has the channel already"));
    }
    if ((this.#ended.get(name) ?? -1) > grantedSince) {
      return refuse(new ClusterError("not-found", `${name} was not found`));
    }
    if (this.#channels.size >= limits.channelsMax) {
      const message = `a connection has at most ${limits.channelsMax} channels: open another one`;
      return refuse(new ClusterError("failed-precondition", message));
    }
    if (channel.kind === "cluster") {
      this.#services.cluster.add(this.#owner);
      this.#channels.set(name, { lines: [], grantedSince });
      return { channel: name, position: "" };
    }
    const found = findStarts(channel, from, { followers, limits, grantedSince });
    if (found.kind !== "found") {
      this.#services.observer({ kind: "resumed", outcome: found.kind });
      if (found.kind === "epoch-changed") return refuse(found.error);
      const refusal = refuse(found.error);
      return { ...refusal, too_old: true as const, first_available: this.#encode(found.first) };
    }
    const { starts } = found;
    const lines = starts.map(({ follower, since }) => {
      const line = this.#line(follower);
      line.subscribe(name, since);
      return line;
    });
    this.#channels.set(name, { lines, grantedSince });
    if (resumes) this.#observeResume(starts);
    return {
      channel: name,
      position: this.#encode(starts),
      ...(resumes ? { recovered: starts.every(({ asked }) => asked) } : {}),
    };
  }

  #line(follower: ShardFollower): Line {
    const shard = follower.shard.number;
    let line = this.#lines.get(shard);
    if (line === undefined) {
      line = new Line(follower, this.#owner, this.#services);
      this.#lines.set(shard, line);
      this.#told.set(shard, follower.head);
    }
    return line;
  }

  #encode(starts: readonly Start[]): string {
    return this.#services.gateway.positions.encode(
      starts.map(({ follower, since }) => ({
        shard: follower.shard.number,
        epoch: follower.epoch,
        sequence: since,
      })),
    );
  }

  #observeResume(starts: readonly Start[]): void {
    const fromFeed = starts.some(({ follower, since }) => since < follower.base);
    this.#services.observer({
      kind: "resumed",
      outcome: fromFeed ? "from-feed" : "from-memory",
    });
  }
}
