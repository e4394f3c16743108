import type { Attendee, CalendarEvent, EventState } from "../domain/index.js";

/** Whether an event stands, from who is invited and the rule alone; what was cancelled stays so. */
export function decideState(
  event: Pick<CalendarEvent, "state" | "rule" | "attendees">,
): EventState {
  if (event.state === "cancelled") return "cancelled";
  if (event.rule !== "unanimous") return "confirmed";
  const required = event.attendees.filter(({ optional }) => !optional);
  if (required.some(({ response }) => response === "declined")) return "rejected";
  return required.every(hasAccepted) ? "confirmed" : "pending";
}

export function hasAccepted({ response }: Attendee): boolean {
  return response === "accepted" || response === "auto-accepted";
}

/** After a change of time an answer says nothing: all are asked again, but for who organises it and whom it is imposed on. */
export function askAgain(attendees: readonly Attendee[], organizer: string): readonly Attendee[] {
  return attendees.map((attendee) =>
    attendee.user === organizer || attendee.response === "auto-accepted"
      ? attendee
      : { ...attendee, response: "needs-action", comment: "", respondTimeMs: 0 },
  );
}

export function attendeeOf(event: CalendarEvent, user: string): Attendee | undefined {
  return event.attendees.find((attendee) => attendee.user === user);
}

export function withAttendee(event: CalendarEvent, changed: Attendee): readonly Attendee[] {
  return event.attendees.map((attendee) => (attendee.user === changed.user ? changed : attendee));
}
