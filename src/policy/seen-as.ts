import type { CalendarEvent, Visibility } from "../domain/index.js";
import { sightOf } from "./privacy.js";
import type { Relation } from "./privacy.js";

/** What a user is to an event, given what the user is to its calendar. */
export function relationToEvent(
  user: string,
  event: CalendarEvent,
  ofCalendar: Relation,
): Relation {
  if (ofCalendar === "owner" || event.organizer === user) return "owner";
  return event.attendees.some((attendee) => attendee.user === user) ? "attendee" : ofCalendar;
}

/**
 * An event as it is to somebody: undefined where that is nothing. Reads and the live channels see by this alone.
 * `defaultVisibility` is what its calendar's owner says of events that say nothing of their own.
 */
export function seenAs(
  event: CalendarEvent,
  relation: Relation,
  defaultVisibility: Visibility,
): CalendarEvent | undefined {
  const visibility = event.visibility === "default" ? defaultVisibility : event.visibility;
  switch (sightOf(visibility, relation)) {
    case "details":
      return event;
    case "busy":
      return takesTime(event) ? asBusy(event) : undefined;
    case "nothing":
      return undefined;
  }
}

/** Whether an event keeps people from doing something else. */
export function takesTime({ transparency, state, deleteTimeMs }: CalendarEvent): boolean {
  const stands = state !== "cancelled" && state !== "rejected" && deleteTimeMs === 0;
  return stands && transparency === "opaque";
}

/** When, and not what: not even how often it was changed. */
function asBusy(event: CalendarEvent): CalendarEvent {
  return {
    ...event,
    title: "",
    description: "",
    location: "",
    organizer: "",
    attendees: [],
    group: "",
    rule: "organizer",
    source: "",
    icalUid: "",
    labels: [],
    reminderMinutes: [],
    recurrence: [],
    visibility: "busy-only",
    state: "confirmed",
    sequence: 0,
    createTimeMs: 0,
    updateTimeMs: 0,
    revision: 0,
  };
}
