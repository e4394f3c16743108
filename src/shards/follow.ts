import { create } from "@bufbuild/protobuf";
import type { Client } from "@grpc/grpc-js";
import { ChangesRequestSchema } from "../../gen/cabildo/shard/v1/shard_pb.js";
import { ClusterError } from "../base/index.js";
import { toUint64, type FeedFrame } from "../wire/index.js";
import { sleep, type ShardClock } from "./clock.js";
import { FeedSession } from "./feed-session.js";
import type { ShardObserver } from "./observer.js";
import type { ChangesEvent, ChangesOptions } from "./types.js";

/** What a replica holds may be this old; then another may know more. */
const LEADER_AGE_MAX_MS = 2000;
/** A replica that nobody followed has to ask first how old it is. */
const PROOF_MS = 1000;
const BACKOFF_FIRST_MS = 50;
const BACKOFF_MAX_MS = 1000;

export interface FollowContext {
  readonly clock: ShardClock;
  readonly random: () => number;
  readonly observer: Partial<ShardObserver>;
  /** With a replica of the shard; may change. */
  readonly nodes: () => readonly string[];
  readonly clientOf: (node: string) => Client;
}

/**
 * Reads a shard's feed off one replica after the other, each begun where the last ended. What is given is checked: without
 * channels sequences are dense, and `upTo` never goes back.
 */
export async function* follow(
  context: FollowContext,
  options: ChangesOptions,
): AsyncGenerator<ChangesEvent, void, undefined> {
  const { clock, random, observer, nodes } = context;
  const { shard, signal, until } = options;
  const place = new Place(options);
  let turn = Math.floor(random() * nodes().length);
  let fruitless = 0;
  const isStopped = () => signal.aborted;
  while (!isStopped()) {
    const holders = nodes();
    const node = holders[turn++ % holders.length];
    if (node === undefined) throw new ClusterError("unreachable", `no node holds shard ${shard}`);
    const session = new FeedSession(context.clientOf(node), place.request(), clock);
    const stop = () => session.close();
    signal.addEventListener("abort", stop);
    const openedAtMs = clock.monotonicMs();
    let reason = "stale";
    try {
      for (;;) {
        const frame = await session.next();
        const event = place.advance(frame);
        if (event !== undefined) yield event;
        if (place.isPast(until) || isStopped()) return;
        const hadTime = clock.monotonicMs() - openedAtMs >= PROOF_MS;
        if (hadTime && frame.leaderAgeMs > LEADER_AGE_MAX_MS) break;
        fruitless = 0;
      }
    } catch (error) {
      if (!(error instanceof ClusterError)) throw error;
      if (error.code === "position-gone" || error.code === "epoch-changed") throw error;
      reason = error.message;
    } finally {
      signal.removeEventListener("abort", stop);
      session.close();
    }
    if (isStopped()) return;
    observer.feedSwitched?.(shard, node, reason);
    if (fruitless++ > 0) {
      const ceiling = Math.min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS * 2 ** (fruitless - 2));
      await sleep(clock, ceiling * (0.5 + random() / 2), signal);
    }
  }
}

/** How far a follower has come. */
class Place {
  readonly #options: ChangesOptions;
  readonly #filtered: boolean;
  #at: { readonly epoch: number; readonly sequence: number } | undefined;
  #told = false;

  constructor(options: ChangesOptions) {
    this.#options = options;
    this.#filtered = (options.channels?.length ?? 0) > 0;
    this.#at = options.after;
  }

  request() {
    const { shard, channels, until } = this.#options;
    return create(ChangesRequestSchema, {
      shard,
      afterSequence: toUint64(this.#at?.sequence ?? 0),
      epoch: this.#at?.epoch ?? 0,
      channels: [...(channels ?? [])],
      untilSequence: toUint64(until ?? 0),
      fromNow: this.#at === undefined,
    });
  }

  /** The event that a frame amounts to; undefined where it says nothing new. Throws where it leaves a gap. */
  advance(frame: FeedFrame): ChangesEvent | undefined {
    const { upTo, firstSequence, epoch } = frame;
    const at = this.#at;
    if (at === undefined) {
      this.#at = { epoch, sequence: upTo };
      this.#told = true;
      return { items: [], upTo, firstSequence, epoch };
    }
    // An epoch of 0 is a caller's that has never seen one.
    if (epoch !== at.epoch && at.epoch !== 0) {
      throw new ClusterError("epoch-changed", "the shard was restored: read its state again");
    }
    const items = frame.items.filter(({ sequence }) => sequence > at.sequence);
    if (!this.#filtered) {
      let expected = at.sequence;
      for (const { sequence } of items) {
        if (sequence !== ++expected) throw gap(sequence, expected);
      }
      if (upTo > expected) throw gap(upTo, expected);
    }
    if (upTo <= at.sequence) {
      const first = !this.#told && upTo === at.sequence;
      this.#told ||= first;
      return first ? { items: [], upTo, firstSequence, epoch } : undefined;
    }
    this.#at = { epoch, sequence: upTo };
    this.#told = true;
    return { items, upTo, firstSequence, epoch };
  }

  isPast(until: number | undefined): boolean {
    return until !== undefined && this.#at !== undefined && this.#at.sequence >= until;
  }
}

function gap(sequence: number, expected: number): ClusterError {
  return new ClusterError("internal", `the feed jumped to ${sequence}, ${expected} was due`);
}
