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

/** What a caller is to each of many calendars: loaded at once, where one after the other would load too often. */
export function relationsTo(
  state: StateReader,
  caller: Caller,
  keys: readonly string[],
): ReadonlyMap<string, Relation> {
  if (caller.kind === "user") loadPlaces(state, caller.user, keys);
  return new Map(keys.map((key) => [key, calendarFacts(state, caller, key).relation]));
}

function loadPlaces(state: StateReader, viewer: string, keys: readonly string[]): void {
  const isOwn = (key: string): boolean => {
    const owner = calendarOwner(key);
    return owner?.kind === "user" && owner.user === viewer;
  };
  const others = keys.filter((key) => !isOwn(key));
  const owners = others.flatMap((key) => calendarOwner(key) ?? []);
  const users = owners.flatMap((owner) => (owner.kind === "user" ? [owner.user] : []));
  const ranges = users.length === 0 ? [] : [viewer, ...users].map(groupsOfRange);
  gather(state.view, { keys: others.map(KEYS.calendar), ranges });
  const lines = new Lines();
  for (const owner of owners) if (owner.kind === "group") lines.add(owner.group, [viewer]);
  for (const user of users) {
    for (const id of groupsOfBoth(state, viewer, user)) lines.add(id, [viewer, user]);
  }
  loadLines(state, lines);
}

/** In a group of both: strictly above in a hierarchical one, or beside. Observers are above nobody. */
function placeBeside(state: StateReader, viewer: string, owner: string): Relation {
  gather(state.view, { keys: [], ranges: [groupsOfRange(viewer), groupsOfRange(owner)] });
  const ids = groupsOfBoth(state, viewer, owner);
  const lines = new Lines();
  for (const id of ids) lines.add(id, [viewer, owner]);
  loadLines(state, lines);
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

/** Groups that can have both: none where one of them is in none. */
function groupsOfBoth(state: StateReader, viewer: string, owner: string): readonly string[] {
  const own = [viewer, owner].map((user) =>
    state.view.range(groupsOfRange(user)).map(({ key }) => key.slice(key.lastIndexOf("/") + 1)),
  );
  return own.some((ids) => ids.length === 0) ? [] : [...new Set(own.flat())];
}

/** Groups of one level, each with the users whose place in it is asked for. */
class Lines {
  readonly usersOf = new Map<string, Set<string>>();

  add(group: string, users: Iterable<string>): void {
    const known = this.usersOf.get(group) ?? new Set();
    for (const user of users) known.add(user);
    this.usersOf.set(group, known);
  }
}

/** Level by level, for a query may not ask for more state too often. */
function loadLines(state: StateReader, lines: Lines): void {
  let level = lines;
  for (let depth = 0; level.usersOf.size > 0 && depth <= ANCESTORS_MAX; depth++) {
    const keys = [...level.usersOf].flatMap(([id, users]) => [
      KEYS.group(id),
      ...[...users].map((user) => KEYS.member(id, user)),
    ]);
    gather(state.view, { keys, ranges: [] });
    const above = new Lines();
    for (const [id, users] of level.usersOf) {
      const parent = findGroup(state, id)?.parent ?? "";
      if (parent !== "") above.add(parent, users);
    }
    level = above;
  }
}
