import type { CalendarEvent, Caller, Visibility } from "../domain/index.js";
import { calendarOwner, relationToEvent, seenAs } from "../policy/index.js";
import type { Facts, Membership, Relation } from "../policy/index.js";
import { calendarOf } from "./calendar-rows.js";
import { defaultVisibilityOf, defaultVisibilityReads } from "./default-visibility.js";
import { gather } from "./gather.js";
import { groupsOfRange } from "./group-rows.js";
import { ANCESTORS_MAX, findGroup, findMember } from "./membership.js";
import { KEYS } from "./rows.js";
import type { StateReader } from "./state-reader.js";
import type { StateKey } from "./types.js";

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

/** From where a caller looks at the events of a calendar. */
export interface Vantage {
  readonly relation: Relation;
  /** Of events that say nothing of their own. */
  readonly defaultVisibility: Visibility;
}

/** Of whom nothing is known. */
export const OUTSIDE: Vantage = { relation: "stranger", defaultVisibility: "default" };

export function vantageOf(state: StateReader, caller: Caller, key: string): Vantage {
  gather(state.view, { keys: vantageKeys(caller, key), ranges: [] });
  const { relation } = calendarFacts(state, caller, key);
  // An owner sees everything: nothing is read for them.
  const seesAll = relation === "owner";
  return { relation, defaultVisibility: seesAll ? "default" : defaultVisibilityOf(state, key) };
}

/** What is read first of another one's calendar. */
function vantageKeys(caller: Caller, key: string): readonly StateKey[] {
  const owner = calendarOwner(key);
  const isOwn = caller.kind === "user" && owner?.kind === "user" && owner.user === caller.user;
  if (owner === undefined || caller.kind !== "user" || isOwn) return [];
  return [KEYS.calendar(key), ...defaultVisibilityReads(key)];
}

/** What a caller sees of an event; undefined where that is nothing. */
export type EventSight = (event: CalendarEvent) => CalendarEvent | undefined;

/** An event as a caller sees it: undefined where that is nothing. */
export function asSeen(
  caller: Caller,
  event: CalendarEvent,
  { relation, defaultVisibility }: Vantage,
): CalendarEvent | undefined {
  const own = caller.kind === "user" ? relationToEvent(caller.user, event, relation) : relation;
  return seenAs(event, own, defaultVisibility);
}

/** Of many calendars: loaded at once, where one after the other would load too often. */
export function vantagesOf(
  state: StateReader,
  caller: Caller,
  keys: readonly string[],
): ReadonlyMap<string, Vantage> {
  if (caller.kind === "user") loadPlaces(state, caller, keys);
  return new Map(keys.map((key) => [key, vantageOf(state, caller, key)]));
}

function loadPlaces(
  state: StateReader,
  caller: Caller & { readonly kind: "user" },
  keys: readonly string[],
): void {
  const { user: viewer } = caller;
  const others = keys.filter((key) => vantageKeys(caller, key).length > 0);
  const owners = others.flatMap((key) => calendarOwner(key) ?? []);
  const users = owners.flatMap((owner) => (owner.kind === "user" ? [owner.user] : []));
  const ranges = users.length === 0 ? [] : [viewer, ...users].map(groupsOfRange);
  gather(state.view, { keys: others.flatMap((key) => vantageKeys(caller, key)), ranges });
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
