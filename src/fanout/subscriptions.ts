import type { Gateway } from "../gateway/index.js";
import type { RangeMap, ShardNumber } from "../placement/index.js";
import type { ShardPosition } from "../shards/index.js";
import { CLUSTER_CHANNEL } from "./channels.js";
import type { ClusterWatch } from "./cluster-watch.js";
import type { ChannelState } from "./connection-state.js";
import type { FanoutObserver } from "./events.js";
import type { Limits } from "./limits.js";
import { Line } from "./line.js";
import type { LineOwner, LineServices } from "./line.js";
import type { Reading } from "./reading.js";
import type { ShardFollower } from "./shard-follower.js";

export interface SubscriptionServices extends LineServices {
  readonly gateway: Gateway;
  readonly rangeMap: RangeMap;
  readonly followers: ReadonlyMap<ShardNumber, ShardFollower>;
  readonly limits: Limits;
  readonly observer: FanoutObserver;
  readonly cluster: ClusterWatch;
}

/** One channel of a connection. */
export interface Subscribed {
  readonly lines: readonly Line[];
  /** Sequence with which the right to it began. */
  readonly grantedSince: number;
  /** Of a calendar that is another's. */
  readonly reading?: Reading;
  /** It is there because the user chose it. */
  readonly restored?: true;
}

/** What is asked for now, and the rights that ended meanwhile, with the sequence of each. */
interface Asking {
  count: number;
  readonly ended: Map<string, number>;
}

/**
 * The channels of one connection, and its line on each shard that they are in. There are as many of these as connections:
 * what few of them need is made when they do.
 */
export class Subscriptions {
  readonly #services: SubscriptionServices;
  readonly #owner: LineOwner;
  #lines: readonly Line[] = [];
  readonly #channels = new Map<string, Subscribed>();
  #asking: Asking | undefined;

  constructor(owner: LineOwner, services: SubscriptionServices) {
    this.#owner = owner;
    this.#services = services;
  }

  get size(): number {
    return this.#channels.size;
  }

  get isLive(): boolean {
    return this.#lines.every(({ isLive }) => isLive);
  }

  get lines(): readonly Line[] {
    return this.#lines;
  }

  find(channel: string): Subscribed | undefined {
    return this.#channels.get(channel);
  }

  get restored(): readonly string[] {
    return [...this.#channels]
      .filter(([, { restored }]) => restored === true)
      .map(([name]) => name);
  }

  set(channel: string, subscribed: Subscribed): void {
    this.#channels.set(channel, subscribed);
  }

  lineOn(follower: ShardFollower): Line {
    const there = this.#lines.find((line) => line.follower === follower);
    if (there !== undefined) return there;
    const line = new Line(follower, this.#owner, this.#services);
    this.#lines = [...this.#lines, line];
    return line;
  }

  /** Rights that end while `ask` runs are remembered, so that nothing begins that has ended. */
  async whileAsking<T>(ask: () => Promise<T>): Promise<T> {
    const asking = (this.#asking ??= { count: 0, ended: new Map() });
    asking.count += 1;
    try {
      return await ask();
    } finally {
      asking.count -= 1;
      if (asking.count === 0) this.#asking = undefined;
    }
  }

  /** Whether a right that began with `since` is known to have ended while it was asked for. */
  hasEnded(channel: string, since: number): boolean {
    return (this.#asking?.ended.get(channel) ?? -1) > since;
  }

  /**
   * The right to a channel ended with the change `sequence`: neither that nor anything after it goes out on it. Whether there
   * was such a channel. A right that was given anew later stands.
   */
  endRight(name: string, sequence: number): boolean {
    this.#asking?.ended.set(name, sequence);
    const subscribed = this.#channels.get(name);
    if (subscribed === undefined || sequence <= subscribed.grantedSince) return false;
    this.unsubscribe([name]);
    return true;
  }

  catchUp(): void {
    for (const line of this.#lines) line.catchUp();
  }

  /** Returns the channels that there were. */
  unsubscribe(names: readonly string[]): readonly string[] {
    const left = names.filter((name) => this.#channels.has(name));
    for (const name of left) {
      const subscribed = this.#channels.get(name);
      subscribed?.reading?.close();
      for (const line of subscribed?.lines ?? []) {
        line.unsubscribe(name);
      }
      this.#channels.delete(name);
      if (name === CLUSTER_CHANNEL) this.#services.cluster.delete(this.#owner);
    }
    this.#lines = this.#lines.filter(({ isEmpty }) => !isEmpty);
    return left;
  }

  stall(): void {
    for (const line of this.#lines) line.stall();
  }

  close(): void {
    for (const { reading } of this.#channels.values()) reading?.close();
    for (const line of this.#lines) line.close();
    this.#services.cluster.delete(this.#owner);
  }

  /** Up to where everything was handed to the socket. */
  position(): readonly ShardPosition[] {
    return this.#lines
      .filter(({ follower }) => follower.isReady)
      .map(({ follower, position }) => ({
        shard: follower.shard.number,
        epoch: follower.epoch,
        sequence: position,
      }));
  }

  /** The position, if the client was not told of it. Then it counts as told. */
  takeCheckpoint(): readonly ShardPosition[] | undefined {
    if (!this.#lines.every(({ follower }) => follower.isReady)) return undefined;
    let moved = false;
    for (const line of this.#lines) if (line.takeCheckpoint()) moved = true;
    return moved ? this.position() : undefined;
  }

  /** Where the lines are that are off the live path, added up, so that it moves as they do; undefined where all are live. */
  get placeBehind(): number | undefined {
    if (this.isLive) return undefined;
    const behind = this.#lines.filter(({ isLive, follower }) => !isLive && follower.isReady);
    return behind.reduce((sum, { position }) => sum + position, 0);
  }

  /** As operators see them; of one channel alone, if it is there. */
  describe(only?: string): readonly ChannelState[] {
    const names = only === undefined ? [...this.#channels.keys()] : [only];
    return names.flatMap((channel) => {
      const subscribed = this.#channels.get(channel);
      if (subscribed === undefined) return [];
      const { lines, grantedSince, restored } = subscribed;
      return {
        channel,
        view: lines[0]?.viewOf(channel) ?? "full",
        granted_since: String(grantedSince),
        ...(restored === undefined ? {} : { restored }),
        shards: lines.map((line) => line.describe(channel)),
      };
    });
  }

  /** How far each of its lines has to go. */
  changesBehind(): ReadonlyMap<ShardNumber, number> {
    const lines = this.#lines.filter(({ follower }) => follower.isReady);
    return new Map(
      lines.map(({ follower, position }) => [follower.shard.number, follower.head - position]),
    );
  }
}
