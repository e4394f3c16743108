import type { CalendarEvent, Caller } from "../domain/index.js";
import { calendarOwner, sightOf } from "../policy/index.js";
import type { Facts, Membership, Relation } from "../policy/index.js";
import { calendarOf } from "./calendar-rows.js";
import { attendeeOf } from "./decision.js";
import { gather } from "./gather.js";
import { groupsOfRange } from "./group-rows.js";
import { ANCESTORS_MAX, findGroup, findMember } from "./membership.js";
import { KEYS } from "./rows.js";
import type { StateReader } from "./state-reader.js";

type CalendarFacts = Facts & { readonly kind: "calendar"; readonly relation: Relation };

/** What a caller is to a calendar, from the rows of its shard. Nothing is read for one's own. */
export function calendarFacts(state: StateReader, caller: Caller, key: string): CalendarFacts {
  const owner = calendarOwner(key);
  const facts = (relation: Relation, membership?: Membership): CalendarFacts => ({
    kind: "calendar",
    owner,
    relation,
    membership,
  });
  if (owner === undefined || caller.kind !== "user") return facts("stranger");
  if (owner.kind === "user" && owner.user === caller.user) return facts("owner");
  const calendar = calendarOf(state, key);
  const mayRead = calendar.public || calendar.readers.includes(caller.user);
  if (owner.kind === "group") {
    const member = findMember(state, owner.group, caller.user);
    if (member === undefined) return facts(mayRead ? "reader" : "stranger");
    const leads = member.role === "leader" || member.role === "deputy";
    return facts(leads ? "owner" : "reader", member);
  }
  return facts(mayRead ? "reader" : placeBeside(state, caller.user, owner.user));
}

/** Brings what is needed to know what a caller is to many calendars at once, but for groups of groups. */
export function loadRelations(
  state: StateReader,
  caller: Caller,
  calendars: readonly string[],
): void {
  if (caller.kind !== "user") return;
  const owners = calendars.flatMap((key) => calendarOwner(key) ?? []);
  const users = owners.flatMap((owner) => (owner.kind === "user" ? [owner.user] : []));
  const others = [...new Set(users)].filter((user) => user !== caller.user);
  if (others.length === 0) return;
  const ranges = [caller.user, ...others].map(groupsOfRange);
  gather(state.view, { keys: calendars.map(KEYS.calendar), ranges });
  const own = state.view.range(groupsOfRange(caller.user)).map(({ key }) => lastPart(key));
  const keys = own.flatMap((group) => [
    KEYS.group(group),
    ...[caller.user, ...others].map((user) => KEYS.member(group, user)),
  ]);
  gather(state.view, { keys, ranges: [] });
}

/** What a caller is to an event, given what the caller is to its calendar. */
export function relationToEvent(caller: Caller, event: CalendarEvent, of: Relation): Relation {
  if (of === "owner" || caller.kind !== "user") return of;
  if (event.organizer === caller.user) return "owner";
  return attendeeOf(event, caller.user) === undefined ? of : "attendee";
}

/** What a caller sees of an event; undefined where that is nothing. */
export type EventSight = (event: CalendarEvent) => CalendarEvent | undefined;

/** An event as a caller sees it: undefined where that is nothing. */
export function asSeen(
  caller: Caller,
  event: CalendarEvent,
  ofCalendar: Relation,
): CalendarEvent | undefined {
  switch (sightOf(event.visibility, relationToEvent(caller, event, ofCalendar))) {
    case "details":
      return event;
    case "busy":
      return takesTime(event) ? asBusy(event) : undefined;
    case "nothing":
      return undefined;
  }
}

/** Whether an event keeps people from doing something else. */
export function takesTime({ transparency, state, deleteTimeMs }: CalendarEvent): boolean {
  const stands = state !== "cancelled" && state !== "rejected" && deleteTimeMs === 0;
  return stands && transparency === "opaque";
}

/** When, and not what: not even how often it was changed. */
function asBusy(event: CalendarEvent): CalendarEvent {
  return {
    ...event,
    title: "",
    description: "",
    location: "",
    organizer: "",
    attendees: [],
    group: "",
    rule: "organizer",
    source: "",
    labels: [],
    reminderMinutes: [],
    recurrence: [],
    visibility: "busy-only",
    state: "confirmed",
    sequence: 0,
    createTimeMs: 0,
    updateTimeMs: 0,
    revision: 0,
  };
}

/** In a group of both: strictly above in a hierarchical one, or beside. Observers are above nobody. */
function placeBeside(state: StateReader, viewer: string, owner: string): Relation {
  const ranges = [groupsOfRange(viewer), groupsOfRange(owner)];
  gather(state.view, { keys: [], ranges });
  const own = ranges.map((range) => state.view.range(range).map(({ key }) => lastPart(key)));
  if (own.some((ids) => ids.length === 0)) return "stranger";
  const ids = [...new Set(own.flat())];
  loadLines(state, ids, [viewer, owner]);
  let relation: Relation = "stranger";
  for (const id of ids) {
    const above = findMember(state, id, viewer);
    const below = findMember(state, id, owner);
    if (above === undefined || below === undefined) continue;
    const isHierarchical = findGroup(state, id)?.kind === "hierarchical";
    if (isHierarchical && above.role !== "observer" && above.rank > below.rank) return "superior";
    relation = "peer";
  }
  return relation;
}

/** Level by level, for a query may not ask for more state too often. */
function loadLines(state: StateReader, ids: readonly string[], users: readonly string[]): void {
  const seen = new Set<string>();
  let level = ids;
  for (let depth = 0; level.length > 0 && depth <= ANCESTORS_MAX; depth++) {
    const keys = level.flatMap((id) => [
      KEYS.group(id),
      ...users.map((user) => KEYS.member(id, user)),
    ]);
    gather(state.view, { keys, ranges: [] });
    for (const id of level) seen.add(id);
    const parents = level.map((id) => findGroup(state, id)?.parent ?? "");
    level = [...new Set(parents)].filter((id) => id !== "" && !seen.has(id));
  }
}

function lastPart(key: string): string {
  return key.slice(key.lastIndexOf("/") + 1);
}
