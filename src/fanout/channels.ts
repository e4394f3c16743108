import { findShard } from "../placement/index.js";
import type { RangeMap, ShardNumber } from "../placement/index.js";

const ID = "[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?";
const CALENDAR = new RegExp(`^calendars/${ID}(\\.${ID})?$`);
const GROUP = new RegExp(`^groups/${ID}$`);
const USER = new RegExp(`^users/${ID}$`);

/** A channel that a client may ask for. */
export type Channel =
  /** One shard has all of it, and it is published under a topic. */
  | { readonly kind: "primary"; readonly name: string; readonly shard: ShardNumber }
  /** Gathered from all shards, and sent to each socket apart. */
  | { readonly kind: "personal"; readonly name: string };

/** Undefined where there can be no such channel. */
export function parseChannel(name: string, map: RangeMap): Channel | undefined {
  if (USER.test(name)) return { kind: "personal", name };
  const shard = CALENDAR.test(name)
    ? findShard(map, "calendars", name.slice("calendars/".length))
    : GROUP.test(name)
      ? findShard(map, "groups", name.slice("groups/".length))
      : undefined;
  return shard && { kind: "primary", name, shard: shard.number };
}

/** Whether a channel is one user's, gathered from all shards. */
export function isPersonal(channel: string): boolean {
  return channel.startsWith("users/");
}
