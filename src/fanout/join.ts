import { assert } from "../base/index.js";

/** What of a channel was delivered: everything in (begin, done], or up to the newest where it is live. */
interface Delivered {
  readonly begin: number;
  /** undefined: live. */
  readonly done: number | undefined;
  /** Behind, and not to be read on for now. */
  readonly held?: true;
}

/**
 * One connection's channels on one shard, and how each comes from its position onto the live path with nothing lost or
 * twice. Pure: no await, no clock.
 *
 * A channel is *live*, and then the live path delivers each of its changes as it comes, or *behind*, and then the owner
 * reads the shard's changes in order from `from` on and asks `replay` about each. `head` is the newest sequence that the
 * live path has carried; the owner passes it in, and must call these functions in the same turn as it moves.
 *
 * Duties of the owner: (1) changes read for `replay` are contiguous from `from`, as far as the channels in `behind()` go, and
 * `advance` follows them; (2) when `channelsVersion` changed, reading begins again at `from`; (3) what `subscribe`, `stall`,
 * `hold` and `rejoin` return is put on the live path or taken off it before the next live change.
 */
export class Join {
  readonly #channels = new Map<string, Delivered>();
  #behind = 0;
  /** Raised whenever `behind()` gained a channel. */
  channelsVersion = 0;

  get size(): number {
    return this.#channels.size;
  }

  get isLive(): boolean {
    return this.#behind === 0;
  }

  has(channel: string): boolean {
    return this.#channels.has(channel);
  }

  isLiveOn(channel: string): boolean {
    const delivered = this.#channels.get(channel);
    return delivered !== undefined && delivered.done === undefined;
  }

  isBehindOn(channel: string): boolean {
    return this.#channels.get(channel)?.done !== undefined;
  }

  channels(): Iterable<string> {
    return this.#channels.keys();
  }

  behind(): readonly string[] {
    return [...this.#channels].filter(([, { done }]) => done !== undefined).map(([name]) => name);
  }

  /** Where reading has to go on: everything up to here was delivered. `head` if all channels are live. */
  from(head: number): number {
    let from = this.#behind === 0 ? head : Number.MAX_SAFE_INTEGER;
    for (const { done } of this.#channels.values()) {
      if (done !== undefined && done < from) from = done;
    }
    return from;
  }

  /** Wants everything after `since`; where that is not `head`, the channel is behind. Returns whether it is live. */
  subscribe(channel: string, since: number, head: number): boolean {
    assert(!this.#channels.has(channel), `channel ${channel} is subscribed already`);
    const live = since === head && this.#behind === 0;
    this.#channels.set(channel, { begin: since, done: live ? undefined : since });
    if (!live) {
      this.#behind += 1;
      this.channelsVersion += 1;
    }
    return live;
  }

  /**
   * Nothing more of it goes out before `release`, and nothing of the others either: whoever heard a later change of the shard
   * would go on behind it, and never ask for what was held back. Returns those that were on the live path.
   */
  hold(channel: string, head: number): readonly string[] {
    const stalled = this.stall(head);
    const { begin, done } = this.#channels.get(channel) ?? {};
    assert(begin !== undefined, `channel ${channel} is not subscribed`);
    this.#channels.set(channel, { begin, done, held: true });
    this.channelsVersion += 1;
    return stalled;
  }

  release(channel: string): void {
    const { begin, done } = this.#channels.get(channel) ?? {};
    if (begin !== undefined) this.#channels.set(channel, { begin, done });
  }

  /** Whether reading waits: for a channel that is held nothing may be left out. */
  get isHeld(): boolean {
    for (const { held } of this.#channels.values()) if (held) return true;
    return false;
  }

  /** Everything of it was delivered up to here. */
  doneOf(channel: string, head: number): number {
    return this.#channels.get(channel)?.done ?? head;
  }

  /** Returns whether it was live. */
  unsubscribe(channel: string): boolean {
    const delivered = this.#channels.get(channel);
    if (delivered === undefined) return false;
    this.#channels.delete(channel);
    if (delivered.done !== undefined) this.#behind -= 1;
    return delivered.done === undefined;
  }

  /** Takes all channels off the live path; returns those that were on it. */
  stall(head: number): readonly string[] {
    const stalled: string[] = [];
    for (const [channel, { begin, done }] of this.#channels) {
      if (done !== undefined) continue;
      this.#channels.set(channel, { begin, done: head });
      this.#behind += 1;
      stalled.push(channel);
    }
    if (stalled.length > 0) this.channelsVersion += 1;
    return stalled;
  }

  /**
   * The channel on which a change that was read goes out; undefined if none of them waits for it, or if one of them has
   * delivered it already. `channels` in order of preference.
   */
  replay(sequence: number, channels: readonly string[]): string | undefined {
    let chosen: string | undefined;
    for (const channel of channels) {
      const delivered = this.#channels.get(channel);
      if (delivered === undefined || sequence <= delivered.begin || delivered.held) continue;
      if (delivered.done === undefined || sequence <= delivered.done) return undefined;
      chosen ??= channel;
    }
    return chosen;
  }

  /** Everything up to `sequence` was read from `from` on. */
  advance(sequence: number): void {
    for (const [channel, { begin, done, held }] of this.#channels) {
      if (held || done === undefined || done >= sequence) continue;
      this.#channels.set(channel, { begin, done: sequence });
    }
  }

  /** Goes live if everything up to `head` was delivered; returns the channels that went. */
  rejoin(head: number): readonly string[] {
    if (this.#behind === 0) return [];
    const joined: string[] = [];
    for (const [channel, { done, held }] of this.#channels) {
      if (done === undefined) continue;
      if (held || done !== head) return [];
      joined.push(channel);
    }
    for (const channel of joined) {
      const { begin } = this.#channels.get(channel) ?? { begin: head };
      this.#channels.set(channel, { begin, done: undefined });
    }
    this.#behind = 0;
    return joined;
  }
}
