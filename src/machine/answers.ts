import type {
  Attendee,
  CalendarEvent,
  Caller,
  ChangeKind,
  Delivery,
  Operation,
} from "../domain/index.js";
import { calendarOwner, decide } from "../policy/index.js";
import { refuseConflict } from "./conflicts.js";
import { attendeeOf, decideState, withAttendee } from "./decision.js";
import { refuse, refuseNotFound } from "./draft.js";
import type { Draft, Outcome, Refusal } from "./draft.js";
import { noticeAnswer } from "./event-notices.js";
import { timeRange } from "./event-times.js";
import { findEventRow } from "./find-event.js";
import type { FoundEvent } from "./find-event.js";
import { isRecurring } from "./instances.js";
import { exceptOccurrence, refuseFullSeries } from "./series.js";
import type { Standing } from "./series.js";
import { COPY_ATTENDEES_MAX, tell } from "./tell.js";
import { eventName } from "./event-name.js";
import { writeEvent } from "./write-event.js";

type RespondEvent = Extract<Operation, { kind: "respond-event" }>;
type Answer = Extract<Delivery, { kind: "answer" }>;

/** Written where the person's calendar is, at once; from there it goes to the organiser's event, which decides. */
export function respondEvent(draft: Draft, caller: Caller, operation: RespondEvent): Outcome {
  const { calendar, event: id, response, comment } = operation;
  const name = eventName(calendar, id);
  const facts = { kind: "calendar", owner: calendarOwner(calendar) } as const;
  if (caller.kind !== "user" || decide(caller, "event.respond", facts).kind === "deny") {
    return refuseNotFound(name);
  }
  const found = findEventRow(draft.view, draft.rows, calendar, id);
  if (found?.event.deleteTimeMs !== 0) return refuseNotFound(name);
  const { event } = found;
  const own = attendeeOf(event, caller.user);
  if (event.source === "" || own === undefined) {
    return refuse("failed-precondition", `${name} is yours: cancel it if it is not to be`);
  }
  const refusal = refuseAnswer(draft, event, own);
  if (refusal !== undefined) return refusal;
  if (own.response === response && own.comment === comment) {
    const resource = { kind: "event", event } as const;
    return { kind: "done", name, revision: event.revision, resource };
  }
  const full = found.kind === "occurrence" ? refuseFullSeries(found.series) : undefined;
  if (full !== undefined) return full;
  const before = standingOf(found);
  const conflict =
    response === "accepted" ? refuseConflict(draft, { ...before, event }) : undefined;
  if (conflict !== undefined) return conflict;
  const attendee: Attendee = {
    ...own,
    response,
    comment,
    respondTimeMs: Math.max(draft.nowMs, own.respondTimeMs + 1),
  };
  draft.postTo("calendars", event.source, {
    kind: "answer",
    calendar: event.source,
    event: id,
    sequence: event.sequence,
    attendee,
  });
  const answered: CalendarEvent = {
    ...event,
    attendees: withAttendee(event, attendee),
    updateTimeMs: draft.nowMs,
    revision: draft.nextRevision,
  };
  return writeAnswered(draft, "updated", answered, found);
}

/** As others know it: an occurrence has nothing of its own. */
function standingOf({ kind, event, series }: FoundEvent): Standing {
  return { event, series: kind === "row" ? series : undefined };
}

/** An occurrence that is answered by itself becomes a row of its own, as one that is written by itself does. */
function writeAnswered(
  draft: Draft,
  kind: ChangeKind,
  event: CalendarEvent,
  found: FoundEvent,
): Outcome {
  if (found.kind === "row") return writeEvent(draft, kind, { event, series: found.series }, found);
  exceptOccurrence(draft, found.recurring, found.series, event.originalStartMs);
  return writeEvent(draft, kind, { event, series: undefined }, undefined);
}

function refuseAnswer(draft: Draft, event: CalendarEvent, own: Attendee): Refusal | undefined {
  const name = eventName(event.calendar, event.id);
  if (own.response === "auto-accepted") {
    return refuse("failed-precondition", `${name} is imposed by a superior: it is not answered`);
  }
  if (event.state === "cancelled") return refuse("failed-precondition", `${name} is cancelled`);
  const { endMs } = timeRange(event.span);
  if (!isRecurring(event) && endMs <= draft.nowMs) {
    return refuse("failed-precondition", `${name} is over`);
  }
  return undefined;
}

/**
 * An answer to how the event was before, or an older one, is none: whoever gave it is asked again, or has said more since.
 * One that comes while the event is deleted is kept: it may come back.
 */
export function receiveAnswer(draft: Draft, answer: Answer): void {
  const { calendar, event: id, sequence, attendee } = answer;
  const found = findEventRow(draft.view, draft.rows, calendar, id);
  if (found === undefined) return;
  // As many instances as can differ do already: their organiser has to end this event and make another.
  if (found.kind === "occurrence" && refuseFullSeries(found.series) !== undefined) return;
  const { event: before } = found;
  const own = attendeeOf(before, attendee.user);
  if (own === undefined || own.response === "auto-accepted") return;
  if (before.sequence !== sequence || own.respondTimeMs >= attendee.respondTimeMs) return;
  const { response, comment, respondTimeMs } = attendee;
  const attendees = withAttendee(before, { ...own, response, comment, respondTimeMs });
  const event: CalendarEvent = {
    ...before,
    attendees,
    state: decideState({ ...before, attendees }),
    updateTimeMs: draft.nowMs,
    revision: draft.nextRevision,
  };
  if (before.deleteTimeMs !== 0) {
    writeAnswered(draft, "deleted", event, found);
    return;
  }
  writeAnswered(draft, "updated", event, found);
  noticeAnswer(draft, before, event);
  const isShown = attendees.length <= COPY_ATTENDEES_MAX;
  if (!isShown && event.state === before.state) return;
  const was = standingOf(found);
  tell(draft, was, { ...was, event });
}
