/** RFC 5545: how events repeat, and calendars as files. Reads the tz database of this Node: never in a state machine. */
export { CalendarFault, readCalendar } from "./read-calendar.js";
export type { ReadEvent } from "./read-calendar.js";
export { expandRecurrence, RecurrenceFault } from "./recurrence.js";
export { writeCalendar } from "./write-calendar.js";
export type { WrittenEvent } from "./write-calendar.js";
export { localMs, momentOfLocal } from "./zone-clock.js";
