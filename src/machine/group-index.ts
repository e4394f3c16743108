import type { CalendarEvent } from "../domain/index.js";
import { timeRange } from "./event-times.js";
import { isRecurring } from "./instances.js";
import { TIME_END_MS, timeKey } from "./rows.js";
import type { StateKey } from "./types.js";

/** Where a group's event that stands is found by its end; undefined for what no longer follows the group. */
export function groupIndexKey(event: CalendarEvent): StateKey | undefined {
  const { group, source, deleteTimeMs, state, calendar, id } = event;
  if (group === "" || source !== "" || deleteTimeMs !== 0 || state === "cancelled")
    return undefined;
  const endMs = isRecurring(event) ? TIME_END_MS : timeRange(event.span).endMs;
  return `ge/${group}/${timeKey(endMs)}/${calendar}/${id}`;
}
