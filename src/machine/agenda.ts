import { furtherRange } from "./calendar-rows.js";
import { gather } from "./gather.js";
import type { StateReader } from "./state-reader.js";

/** Calendars that one agenda takes in, those of all its people together. */
const SCANNED_MAX = 200;

/** The calendars of people: those that were named, and their further ones. */
export function withFurther(state: StateReader, calendars: readonly string[]): readonly string[] {
  const ranges = calendars.map(furtherRange);
  gather(state.view, { keys: [], ranges });
  const further = ranges
    .flatMap((range) => state.view.range(range))
    .map(({ value }) => state.rows.calendar.decode(value))
    .filter(({ deleteTimeMs }) => deleteTimeMs === 0)
    .map(({ key }) => key);
  return [...calendars, ...further].slice(0, SCANNED_MAX);
}
