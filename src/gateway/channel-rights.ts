import type { Caller } from "../domain/index.js";
import { calendarOwner, decide } from "../policy/index.js";
import type { Facts } from "../policy/index.js";
import type { ShardPosition } from "../shards/index.js";
import { notFound } from "./faults.js";
import { findChannel } from "./names.js";
import { findMembership } from "./services/group-shard.js";
import type { ShardCalls } from "./shard-calls.js";
import type { ChannelGrant } from "./types.js";

/** The right to hear a channel, as of no earlier than `after`; whoever has none is told that there is no such channel. */
export async function grantChannel(
  shards: ShardCalls,
  caller: Caller,
  channel: string,
  after: readonly ShardPosition[],
): Promise<ChannelGrant> {
  const known = await factsOf(shards, caller, channel);
  if (known === undefined) throw notFound(channel);
  const { facts, since } = known;
  if (decide(caller, "channel.watch", facts).kind === "allow") return { since };
  const isAnothers = facts.kind === "calendar" && facts.owner !== undefined;
  if (!isAnothers || caller.kind !== "user") throw notFound(channel);
  return await readerGrant(shards, caller, channel, after);
}

/**
 * Whether a reader who heard everything up to `done` may go on with a right that was asked for again: it shows as much as before,
 * and did not begin anew in between.
 */
export function mayGoOn(before: ChannelGrant, again: ChannelGrant, done: number): boolean {
  const showsTheSame =
    again.reader?.seesAll === before.reader?.seesAll &&
    again.reader?.seenSince === before.reader?.seenSince;
  return showsTheSame && again.since - 1 <= done;
}

async function factsOf(
  shards: ShardCalls,
  caller: Caller,
  channel: string,
): Promise<{ readonly since: number; readonly facts: Facts } | undefined> {
  const found = findChannel(channel);
  switch (found?.kind) {
    case "calendar":
      return { since: 0, facts: { kind: "calendar", owner: calendarOwner(found.id) } };
    case "user":
      return { since: 0, facts: { kind: "user", user: found.id } };
    case "cluster":
      return { since: 0, facts: { kind: "none" } };
    case "group": {
      const membership = await findMembership({ caller, shards }, found.id);
      return { since: membership?.joinRevision ?? 0, facts: { kind: "group", membership } };
    }
    default:
      return undefined;
  }
}

/** What the shard of the calendar says. */
async function readerGrant(
  shards: ShardCalls,
  caller: Caller,
  channel: string,
  after: readonly ShardPosition[],
): Promise<ChannelGrant> {
  const found = findChannel(channel);
  if (found?.kind !== "calendar") throw notFound(channel);
  const question = { kind: "get-channel-right", calendar: found.id } as const;
  const shard = shards.of("calendars", found.id);
  const { answer, position } = await shards.read(shard, caller, question, after);
  const { isOwner, since, through, asMember, seenSince } = answer;
  const asOf = position.sequence;
  return { since, reader: { seesAll: isOwner, through, asMember, seenSince, asOf } };
}
