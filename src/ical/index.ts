/** RFC 5545: how events repeat, and calendars as files. Reads the tz database of this Node: never in a state machine. */
export { expandRecurrence, RecurrenceFault } from "./recurrence.js";
export { localMs, momentOfLocal } from "./zone-clock.js";
