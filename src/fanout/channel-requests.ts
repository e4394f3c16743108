import { ClusterError } from "../base/index.js";
import type { Caller } from "../domain/index.js";
import type { ChannelGrant, ReaderGrant } from "../gateway/index.js";
import type { ShardNumber } from "../placement/index.js";
import type { ShardPosition } from "../shards/index.js";
import { findAllowed, viewOf } from "./allowed-channel.js";
import type { Allowed } from "./allowed-channel.js";
import type { Channel } from "./channels.js";
import type { Line, LineOwner } from "./line.js";
import { Reading } from "./reading.js";
import { errorBody } from "./replies.js";
import type { ChannelReply } from "./replies.js";
import { findStarts, shardsOf, whenFollowed } from "./starts.js";
import type { Start } from "./starts.js";
import type { Subscriptions, SubscriptionServices } from "./subscriptions.js";
import type { Happening } from "./traces.js";

/** The channels that one connection asks for: whether it may, from where, and how each begins. */
export class ChannelRequests {
  readonly #owner: LineOwner;
  readonly #services: SubscriptionServices;
  readonly #subscriptions: Subscriptions;

  constructor(owner: LineOwner, services: SubscriptionServices, subscriptions: Subscriptions) {
    this.#owner = owner;
    this.#services = services;
    this.#subscriptions = subscriptions;
  }

  /**
   * Begins what may be begun, and says for each channel how; fails if nothing could be. What was restored is begun anew. As
   * after `restore`, `catchUp` must follow once the client was told.
   */
  async subscribe(
    caller: Caller,
    names: readonly string[],
    since: readonly string[],
  ): Promise<readonly ChannelReply[]> {
    return await this.#traced(names, () => {
      const from = this.#parseSince(since);
      return this.#beginEach(caller, names, from, { mayBeNone: false }, (item) => {
        const { name } = item.channel;
        if (this.#subscriptions.find(name)?.restored === true)
          this.#subscriptions.unsubscribe([name]);
        return this.#begin(item, from, since.length > 0);
      });
    });
  }

  /** The same for what the user chose; what is there already stays as it is. */
  async restore(
    caller: Caller,
    names: readonly string[],
    since: readonly string[],
  ): Promise<readonly ChannelReply[]> {
    return await this.#traced(names, () => {
      const from = this.#parseSince(since);
      return this.#beginEach(caller, names, from, { mayBeNone: true }, (item) =>
        this.#restore(item, from, since.length > 0),
      );
    });
  }

  /** Those that the user chose later: they begin where the connection is, so that one position tells of all its channels. */
  async add(caller: Caller, names: readonly string[]): Promise<readonly ChannelReply[]> {
    const nowhere: ReadonlyMap<ShardNumber, ShardPosition> = new Map();
    return await this.#traced(names, () =>
      this.#beginEach(caller, names, nowhere, { mayBeNone: true }, (item) =>
        this.#restore(item, this.#place(), false),
      ),
    );
  }

  async #traced(
    names: readonly string[],
    begin: () => Promise<readonly ChannelReply[]>,
  ): Promise<readonly ChannelReply[]> {
    try {
      const answers = await begin();
      for (const answer of answers) this.#owner.trace(happeningOf(answer));
      return answers;
    } catch (error) {
      const { code } = errorBody(error);
      for (const channel of names) this.#owner.trace({ event: "refused", channel, code });
      throw error;
    }
  }

  async #beginEach(
    caller: Caller,
    names: readonly string[],
    from: ReadonlyMap<ShardNumber, ShardPosition>,
    { mayBeNone }: { readonly mayBeNone: boolean },
    begin: (item: Allowed) => ChannelReply,
  ): Promise<readonly ChannelReply[]> {
    return await this.#subscriptions.whileAsking(async () => {
      const checked = await Promise.all(
        names.map((name) => findAllowed(this.#services, caller, name)),
      );
      const allowed = checked.filter((item): item is Allowed => !(item instanceof Error));
      const [first] = checked;
      if (!mayBeNone && allowed.length === 0 && first instanceof Error) throw first;
      const { followers } = this.#services;
      const shards = new Set(allowed.flatMap(({ channel }) => shardsOf(channel, followers)));
      await whenFollowed(shards, from, this.#services);
      await Promise.all([...shards].map((shard) => this.#lookBack(from.get(shard))));
      // From here on in one turn: heads do not move, and no right ends.
      return checked.map((item, i): ChannelReply => {
        const channel = names[i] ?? "";
        if (item instanceof Error) return { channel, recovered: false, error: errorBody(item) };
        if (this.#owner.isClosed) throw new ClusterError("canceled", "the connection closed");
        return begin(item);
      });
    });
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

  /** What is older than memory may be gone from the feed by now. */
  async #lookBack(since: ShardPosition | undefined): Promise<void> {
    if (since === undefined) return;
    const follower = this.#services.followers.get(since.shard);
    if (follower === undefined || !follower.isReady || since.sequence >= follower.base) return;
    await follower.refreshFirstSequence(this.#services.signal);
  }

  #restore(
    item: Allowed,
    from: ReadonlyMap<ShardNumber, ShardPosition>,
    resumes: boolean,
  ): ChannelReply {
    const { name } = item.channel;
    const there = this.#subscriptions.find(name);
    if (there !== undefined) return { channel: name, position: this.#encodeLines(there.lines) };
    return this.#begin(item, from, resumes, { restored: true });
  }

  #place(): ReadonlyMap<ShardNumber, ShardPosition> {
    return new Map(this.#subscriptions.position().map((place) => [place.shard, place]));
  }

  #begin(
    { channel, caller, grant }: Allowed,
    from: ReadonlyMap<ShardNumber, ShardPosition>,
    resumes: boolean,
    over: { readonly restored?: true } = {},
  ): ChannelReply {
    const { limits, followers } = this.#services;
    const { name } = channel;
    const { since: grantedSince } = grant;
    const refuse = (error: ClusterError) =>
      ({ channel: name, recovered: false, error: errorBody(error) }) as const;
    if (this.#subscriptions.find(name) !== undefined) {
      return refuse(new ClusterError("already-exists", "this connection has the channel already"));
    }
    if (this.#subscriptions.hasEnded(name, grantedSince)) {
      return refuse(new ClusterError("not-found", `${name} was not found`));
    }
    if (this.#subscriptions.size >= limits.channelsMax) {
      const message = `a connection has at most ${limits.channelsMax} channels: open another one`;
      return refuse(new ClusterError("failed-precondition", message));
    }
    if (channel.kind === "cluster") {
      this.#services.cluster.add(this.#owner);
      this.#subscriptions.set(name, { lines: [], grantedSince, ...over });
      return { channel: name, position: "" };
    }
    if (grant.reader !== undefined && this.#mayHaveEnded(channel, caller, grant.reader)) {
      const message = `the right to ${name} changed while it was asked for: try again`;
      return refuse(new ClusterError("unreachable", message, { retryAfterMs: 100 }));
    }
    const found = findStarts(channel, from, { followers, limits, grantedSince });
    if (found.kind !== "found") {
      this.#services.observer({ kind: "resumed", outcome: found.kind });
      if (found.kind === "epoch-changed") return refuse(found.error);
      const refusal = refuse(found.error);
      return { ...refusal, too_old: true as const, first_available: this.#encode(found.first) };
    }
    const { starts } = found;
    const user = caller.kind === "user" && viewOf(grant) === "readers" ? caller.user : undefined;
    const lines = starts.map(({ follower, since }) => {
      const line = this.#subscriptions.lineOn(follower);
      line.subscribe(name, since, user);
      return line;
    });
    const [line] = lines;
    const reading =
      line === undefined || grant.reader === undefined
        ? {}
        : { reading: this.#read(line, name, caller, grant) };
    this.#subscriptions.set(name, { lines, grantedSince, ...reading, ...over });
    if (resumes) this.#observeResume(starts);
    return {
      channel: name,
      position: this.#encode(starts),
      ...(resumes ? { recovered: starts.every(({ asked }) => asked) } : {}),
    };
  }

  #mayHaveEnded(channel: Channel, caller: Caller, grant: ReaderGrant): boolean {
    const follower =
      channel.kind === "event" || channel.kind === "primary"
        ? this.#services.followers.get(channel.shard)
        : undefined;
    const user = caller.kind === "user" ? caller.user : "";
    const reader = { user, channel: channel.name, ...grant };
    return follower?.mayHaveEnded(reader, grant.asOf) === true;
  }

  #read(line: Line, channel: string, caller: Caller, grant: ChannelGrant): Reading {
    return new Reading(line, channel, caller, grant, {
      gateway: this.#services.gateway,
      isClosed: () => this.#owner.isClosed,
      ended: (error) => {
        this.#subscriptions.unsubscribe([channel]);
        this.#owner.channelEnded(channel, error);
      },
      unanswered: (cause) => {
        this.#services.logger.warn({ channel, err: cause }, "cannot ask for a right again");
        this.#owner.feedInterrupted();
      },
    });
  }

  #encodeLines(lines: readonly Line[]): string {
    return this.#encode(lines.map(({ follower, position }) => ({ follower, since: position })));
  }

  #encode(starts: readonly Pick<Start, "follower" | "since">[]): string {
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

function happeningOf(answer: ChannelReply): Happening {
  const { channel } = answer;
  if ("error" in answer) {
    const { error, too_old: tooOld } = answer;
    const old = tooOld === undefined ? {} : { too_old: tooOld };
    return { event: "refused", channel, code: error.code, ...old };
  }
  const { recovered } = answer;
  return { event: "subscribed", channel, ...(recovered === undefined ? {} : { recovered }) };
}
