import type { CalendarEvent } from "../domain/index.js";
import { refuse } from "./draft.js";
import type { Refusal } from "./draft.js";
import { formatEtag } from "./etag.js";
import { eventName } from "./event-name.js";

export function isStale(etag: string, event: CalendarEvent): boolean {
  return etag !== "" && etag !== formatEtag(event.revision);
}

export function refuseCancelled(event: CalendarEvent): Refusal {
  const name = eventName(event.calendar, event.id);
  return refuse("failed-precondition", `${name} is cancelled: create another`);
}

export function refuseStaleEvent(event: CalendarEvent): Refusal {
  return refuse(
    "stale-etag",
    `${eventName(event.calendar, event.id)} has changed since: read it again, then write`,
  );
}
