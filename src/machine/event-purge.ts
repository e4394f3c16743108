import type { CalendarEvent } from "../domain/index.js";
import type { Draft } from "./draft.js";
import { indexKey } from "./event-times.js";
import { isRecurring } from "./instances.js";
import { KEYS } from "./rows.js";

/** How long a deleted event is kept, in log time. */
export const PURGE_DELAY_MS = 30 * 86_400_000;

/** When a deleted event goes, and what goes with it. */
export function putPurge(draft: Draft, event: CalendarEvent): void {
  const { calendar, id, purgeTimeMs } = event;
  const keys = [indexKey(event), ...(isRecurring(event) ? [KEYS.series(calendar, id)] : [])];
  const purgeKey = KEYS.eventPurge(purgeTimeMs, calendar, id);
  draft.put(draft.rows.expiry, purgeKey, { keys, bytes: 0 });
}
