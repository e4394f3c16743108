import type { Answer, Caller } from "../domain/index.js";
import { calendarOwner, decide } from "../policy/index.js";
import { calendarOf } from "./calendar-rows.js";
import { seenSince } from "./default-visibility.js";
import { refuseNotFound } from "./draft.js";
import type { Refusal } from "./draft.js";
import { gather } from "./gather.js";
import { findMember, lineOf } from "./membership.js";
import { calendarFacts } from "./relation.js";
import { KEYS } from "./rows.js";
import type { StateReader } from "./state-reader.js";

/** Whether a caller may hear a calendar's changes, how, since when, and what may end that. */
export function channelRight(state: StateReader, caller: Caller, key: string): Answer | Refusal {
  const facts = calendarFacts(state, caller, key);
  if (caller.kind !== "user" || decide(caller, "channel.watch", facts).kind === "deny") {
    return refuseNotFound(`calendars/${key}`);
  }
  const owner = calendarOwner(key);
  const isOwner = facts.relation === "owner";
  const seen = isOwner ? 0 : seenSince(state, key);
  const right = { kind: "channel-right", isOwner, seenSince: seen } as const;
  if (owner?.kind !== "group") {
    const since = right.isOwner ? 0 : (readSince(state, caller.user, key) ?? 0);
    const through = owner === undefined ? [] : [`users/${owner.user}`];
    // What was read or committed before shows what may not be seen now, or hides what may.
    return {
      ...right,
      since: seen === 0 ? since : Math.max(since, seen + 1),
      through,
      asMember: false,
    };
  }
  const line = lineOf(state, owner.group);
  const through = [...new Set([owner.group, ...line.map(({ id }) => id)])];
  const member = findMember(state, owner.group, caller.user);
  const read = right.isOwner ? undefined : readSince(state, caller.user, key);
  if (member === undefined) return { ...right, since: read ?? 0, through, asMember: false };
  // Nor before each group between the two was where it is.
  const place = line.findIndex(({ id }) => id === member.group);
  const links = line.slice(0, place + 1).map(({ revision }) => revision);
  const joined = Math.max(member.joinRevision, ...links);
  return { ...right, since: Math.min(joined, read ?? joined), through, asMember: true };
}

/** As one of its readers, or where it is open to everyone; undefined for neither. */
function readSince(state: StateReader, user: string, key: string): number | undefined {
  const [own, everyone] = [KEYS.readGrant(user, key), KEYS.publicGrant(key)];
  gather(state.view, { keys: [own, everyone], ranges: [] });
  const calendar = calendarOf(state, key);
  const since = (grant: string): number =>
    state.find(state.rows.readGrant, grant)?.since ?? calendar.revision;
  const found = [
    ...(calendar.readers.includes(user) ? [since(own)] : []),
    ...(calendar.public ? [since(everyone)] : []),
  ];
  return found.length === 0 ? undefined : Math.min(...found);
}
