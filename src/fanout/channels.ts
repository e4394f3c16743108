import { findShard } from "../placement/index.js";
import type { RangeMap, ShardNumber } from "../placement/index.js";

const ID = "[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?";
const EVENT_ID = "e[0-9a-hjkmnp-tv-z]{26}(?:_[0-9]{8}t[0-9]{6}z)?";
const CALENDAR = new RegExp(`^calendars/(${ID}(?:\\.${ID})?)$`);
const EVENT = new RegExp(`^events/(${ID}(?:\\.${ID})?)/${EVENT_ID}$`);
const GROUP = new RegExp(`^groups/(${ID})$`);
const USER = new RegExp(`^users/${ID}$`);

/** A channel that a client may ask for. */
export type Channel =
  /** One shard has all of it, and it is published under a topic. */
  | { readonly kind: "primary"; readonly name: string; readonly shard: ShardNumber }
  /** A part of a calendar's channel, sent to each socket apart. */
  | { readonly kind: "event"; readonly name: string; readonly shard: ShardNumber }
  /** Gathered from all shards, and sent to each socket apart. */
  | { readonly kind: "personal"; readonly name: string }
  /** Of no shard's feed. */
  | { readonly kind: "cluster"; readonly name: string };

/** The state of the cluster: best effort, without positions. */
export const CLUSTER_CHANNEL = "cluster";

/** Undefined where there can be no such channel. */
export function parseChannel(name: string, map: RangeMap): Channel | undefined {
  if (name === CLUSTER_CHANNEL) return { kind: "cluster", name };
  if (USER.test(name)) return { kind: "personal", name };
  const [, event] = EVENT.exec(name) ?? [];
  if (event !== undefined) {
    const shard = findShard(map, "calendars", event);
    return shard && { kind: "event", name, shard: shard.number };
  }
  const [, calendar] = CALENDAR.exec(name) ?? [];
  const [, group] = GROUP.exec(name) ?? [];
  const shard =
    calendar !== undefined
      ? findShard(map, "calendars", calendar)
      : group !== undefined
        ? findShard(map, "groups", group)
        : undefined;
  return shard && { kind: "primary", name, shard: shard.number };
}

/** Whether it has a topic: a calendar's or a group's, heard by many. */
export function hasTopic(channel: string): boolean {
  return channel.startsWith("calendars/") || channel.startsWith("groups/");
}

/** Whether a channel is one user's, gathered from all shards. */
export function isPersonal(channel: string): boolean {
  return channel.startsWith("users/");
}

/** `calendars/ana` of `events/ana/e01...`; undefined for every other channel. */
export function calendarOfEvent(channel: string): string | undefined {
  if (!channel.startsWith("events/")) return undefined;
  return `calendars/${channel.slice("events/".length, channel.lastIndexOf("/"))}`;
}

/** `events/ana/e01...` of the event `calendars/ana/events/e01...`; undefined for what is no event. */
export function eventChannelOf(resourceName: string): string | undefined {
  const [collection, calendar, events, event] = resourceName.split("/");
  if (collection !== "calendars" || events !== "events") return undefined;
  return `events/${calendar ?? ""}/${event ?? ""}`;
}
