import { calendarOwner } from "../policy/index.js";
import { furtherRange } from "./calendar-rows.js";
import { gather } from "./gather.js";
import type { StateReader } from "./state-reader.js";

/** The calendars of people: those that were named, each with the further ones of its owner where it is a primary one. */
export function agendasOf(
  state: StateReader,
  calendars: readonly string[],
): ReadonlyMap<string, readonly string[]> {
  const primary = calendars.filter(
    (key) => calendarOwner(key)?.kind === "user" && !key.includes("."),
  );
  gather(state.view, { keys: [], ranges: primary.map(furtherRange) });
  const further = (user: string): readonly string[] =>
    state.view
      .range(furtherRange(user))
      .map(({ value }) => state.rows.calendar.decode(value))
      .filter(({ deleteTimeMs }) => deleteTimeMs === 0)
      .map(({ key }) => key);
  const isPrimary = new Set(primary);
  return new Map(calendars.map((key) => [key, [key, ...(isPrimary.has(key) ? further(key) : [])]]));
}
