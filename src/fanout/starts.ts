import { ClusterError } from "../base/index.js";
import type { ShardNumber } from "../placement/index.js";
import { sleep } from "../shards/index.js";
import type { ShardPosition } from "../shards/index.js";
import type { Channel } from "./channels.js";
import type { Clock } from "./clock.js";
import type { Limits } from "./limits.js";
import type { ShardFollower } from "./shard-follower.js";

/** A shard that is waited for is looked at so often, whether or not it moves. */
const AGAIN_MS = 100;

/** Where a channel begins in one shard. */
export interface Start {
  readonly follower: ShardFollower;
  readonly since: number;
  /** Whether the client said so. */
  readonly asked: boolean;
}

export type Starts =
  | { readonly kind: "found"; readonly starts: readonly Start[] }
  | { readonly kind: "epoch-changed"; readonly error: ClusterError }
  /** What the client asked for cannot be had whole; it can from `first` on. */
  | { readonly kind: "too-old"; readonly first: readonly Start[]; readonly error: ClusterError };

export function shardsOf(
  channel: Channel,
  followers: ReadonlyMap<ShardNumber, ShardFollower>,
): readonly ShardNumber[] {
  switch (channel.kind) {
    case "personal":
      return [...followers.keys()];
    case "cluster":
      return [];
    default:
      return [channel.shard];
  }
}

/**
 * Resolves when these shards are followed up to where the client says that it was. Fails with `unreachable` where one is not
 * followed in time; where one does not come so far in time, there is no such place.
 */
export async function whenFollowed(
  shards: Iterable<ShardNumber>,
  from: ReadonlyMap<ShardNumber, ShardPosition>,
  services: {
    readonly followers: ReadonlyMap<ShardNumber, ShardFollower>;
    readonly limits: Limits;
    readonly clock: Clock;
  },
): Promise<void> {
  const { followers, limits, clock } = services;
  const deadlineMs = clock.monotonicMs() + limits.feedMs;
  for (const shard of shards) {
    const follower = followers.get(shard);
    if (follower === undefined) continue;
    const asked = from.get(shard);
    const isThere = (): boolean =>
      follower.isReady && (asked === undefined || !follower.isBehind(asked));
    while (!isThere()) {
      const leftMs = deadlineMs - clock.monotonicMs();
      if (leftMs <= 0) break;
      await Promise.race([follower.moved(), sleep(clock, Math.min(AGAIN_MS, leftMs))]);
    }
    if (follower.isReady) continue;
    const message = `the changes of shard ${follower.shard.name} cannot be had now: try again`;
    throw new ClusterError("unreachable", message, { retryAfterMs: 1_000 });
  }
}

/**
 * Where a channel can begin: where the client asked for it, or now. Never is a part given for the whole: what the feed has
 * no longer, what is too far back, and what was committed before the client's right began, is refused.
 */
export function findStarts(
  channel: Channel,
  from: ReadonlyMap<ShardNumber, ShardPosition>,
  services: {
    readonly followers: ReadonlyMap<ShardNumber, ShardFollower>;
    readonly limits: Limits;
    /** Sequence with which the right to hear it began. */
    readonly grantedSince: number;
  },
): Starts {
  const { followers, limits, grantedSince } = services;
  const starts: Start[] = [];
  let gone = false;
  for (const shard of shardsOf(channel, followers)) {
    const follower = followers.get(shard);
    if (follower === undefined) continue;
    const asked = from.get(shard);
    if (asked !== undefined && asked.epoch !== follower.epoch) {
      return epochChanged("the cluster was restored since this position: read again what you show");
    }
    // It was waited for. Who went on from there would hear nothing, and then not all.
    if (asked !== undefined && follower.isBehind(asked)) {
      return epochChanged("nothing is known here of this position: read again what you show");
    }
    const first = Math.max(
      follower.firstSequence - 1,
      follower.head - limits.changesBehindMax,
      grantedSince - 1,
    );
    gone ||= asked !== undefined && asked.sequence < first;
    const since = Math.max(asked === undefined ? follower.head : asked.sequence, first);
    starts.push({ follower, since, asked: asked !== undefined });
  }
  if (!gone) return { kind: "found", starts };
  const message =
    "not all changes after this position are kept, and yours to hear: read again what you show";
  return { kind: "too-old", first: starts, error: new ClusterError("position-gone", message) };
}

function epochChanged(message: string): Starts {
  return { kind: "epoch-changed", error: new ClusterError("epoch-changed", message) };
}
