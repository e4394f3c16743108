import type { Calendar, Caller } from "../domain/index.js";
import { furtherRange, untouched } from "./calendar-rows.js";
import { gather } from "./gather.js";
import { groupsOfRange } from "./group-rows.js";
import { findGroup } from "./membership.js";
import { KEYS, prefixRange } from "./rows.js";
import type { StateReader } from "./state-reader.js";

/** Calendars of others that a list shows. */
const SHARED_MAX = 500;

/**
 * The caller's own, those of the groups that the caller is in, and those that the caller was made a reader of, in order of key.
 * Of calendars of other shards it says what their keys say.
 */
export function listCalendars(
  state: StateReader,
  { user }: Caller & { readonly kind: "user" },
): readonly Calendar[] {
  const further = furtherRange(user);
  const groups = groupsOfRange(user);
  const shared = prefixRange(`cr/${user}`, SHARED_MAX);
  gather(state.view, { keys: [KEYS.calendar(user)], ranges: [further, groups, shared] });
  const own = state.view.range(further).map(({ value }) => state.rows.calendar.decode(value));
  const ids = state.view.range(groups).map(({ key }) => lastPart(key));
  gather(state.view, { keys: ids.map(KEYS.group), ranges: [] });
  const groupKeys = ids.filter((id) => findGroup(state, id)).map((id) => `${id}.group`);
  const sharedKeys = state.view.range(shared).map(({ key }) => lastPart(key));
  const others = [...new Set([user, ...groupKeys, ...sharedKeys])];
  gather(state.view, { keys: others.map(KEYS.calendar), ranges: [] });
  const found = others.map((key) => {
    const calendar = state.find(state.rows.calendar, KEYS.calendar(key)) ?? untouched(key);
    return key === user ? calendar : { ...calendar, readers: [] };
  });
  return [...own, ...found]
    .filter(({ deleteTimeMs }) => deleteTimeMs === 0)
    .sort((a, b) => (a.key < b.key ? -1 : 1));
}

function lastPart(key: string): string {
  return key.slice(key.lastIndexOf("/") + 1);
}
