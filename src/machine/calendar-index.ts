import { KEYS } from "./rows.js";
import type { CalendarIndexRow } from "./rows.js";
import type { StateReader } from "./state-reader.js";

const EMPTY: CalendarIndexRow = { classes: [], further: [] };

/** Where a calendar has events. */
export function indexOf(state: StateReader, calendar: string): CalendarIndexRow {
  return state.find(state.rows.calendarIndex, KEYS.calendarIndex(calendar)) ?? EMPTY;
}
