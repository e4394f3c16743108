import type { CalendarEvent } from "../domain/index.js";
import type { Draft } from "./draft.js";
import { TELLS_NO_CANCELLED } from "./feature-level.js";
import { eventName } from "./event-name.js";
import { notify } from "./notifications.js";

type Notice = "invitation" | "withdrawal" | "cancellation" | "new-time" | "decision" | "answer";

/** Tells who was invited what became of the event; nothing where it is as before in what matters to them. */
export function noticeCopy(
  draft: Draft,
  user: string,
  before: CalendarEvent | undefined,
  after: CalendarEvent,
): void {
  const type = before === undefined ? whatCame(draft, after) : whatChanged(before, after);
  if (type !== undefined) notice(draft, user, type, after);
}

export function noticeWithdrawal(draft: Draft, user: string, event: CalendarEvent): void {
  notice(draft, user, "withdrawal", event);
}

/** Tells who organises an event that somebody answered, or what that decided. */
export function noticeAnswer(draft: Draft, before: CalendarEvent, after: CalendarEvent): void {
  // Of a group's event, the organiser's calendar is elsewhere.
  if (after.organizer !== after.calendar) return;
  notice(draft, after.organizer, whatChanged(before, after) ?? "answer", after);
}

function whatCame(draft: Draft, { state }: CalendarEvent): Notice | undefined {
  const isOver = state === "cancelled" && draft.context.featureLevel >= TELLS_NO_CANCELLED;
  return isOver ? undefined : "invitation";
}

/** A new time asks everyone again, which undoes what was decided: it is the time that they are to hear of. */
function whatChanged(before: CalendarEvent, after: CalendarEvent): Notice | undefined {
  if (before.state !== after.state && after.state === "cancelled") return "cancellation";
  if (before.sequence !== after.sequence) return "new-time";
  return before.state === after.state ? undefined : "decision";
}

function notice(draft: Draft, user: string, type: Notice, event: CalendarEvent): void {
  notify(draft, user, { type, subject: eventName(event.calendar, event.id), text: event.title });
}
