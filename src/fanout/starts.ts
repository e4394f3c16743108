import { ClusterError } from "../base/index.js";
import type { ShardNumber } from "../placement/index.js";
import type { ShardPosition } from "../shards/index.js";
import type { Channel } from "./channels.js";
import type { Limits } from "./limits.js";
import type { ShardFollower } from "./shard-follower.js";

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
    // The caller has waited for it. Who went on from there would hear nothing, and then not all.
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
