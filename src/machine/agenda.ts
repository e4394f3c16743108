import { indexOf } from "./calendar-index.js";
import { gather } from "./gather.js";
import { KEYS } from "./rows.js";
import type { StateReader } from "./state-reader.js";

/** The calendars of people: those that were named, each primary one with the further ones of its owner that have events. */
export function agendasOf(
  state: StateReader,
  calendars: readonly string[],
): ReadonlyMap<string, readonly string[]> {
  gather(state.view, { keys: calendars.map(KEYS.calendarIndex), ranges: [] });
  return new Map(calendars.map((key) => [key, [key, ...indexOf(state, key).further]]));
}
