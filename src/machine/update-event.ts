import type {
  CalendarEvent,
  Caller,
  EventBody,
  EventContent,
  EventField,
  EventSpan,
  Operation,
} from "../domain/index.js";
import { refuseConflict } from "./conflicts.js";
import { inOrder } from "./content-order.js";
import { askAgain } from "./decision.js";
import { refuse } from "./draft.js";
import type { Draft, Outcome, Refusal } from "./draft.js";
import { deleteRow } from "./end-events.js";
import { exceptionsOf, writeException } from "./event-exceptions.js";
import { isStale, refuseCancelled, refuseStaleEvent } from "./event-refusals.js";
import { findStanding } from "./event-rights.js";
import type { FoundEvent } from "./find-event.js";
import { isRecurring } from "./instances.js";
import { invite } from "./invite.js";
import type { Invited } from "./invite.js";
import type { SeriesRow } from "./rows.js";
import type { Standing } from "./series.js";
import { writeRecord } from "./write-record.js";

type UpdateEvent = Extract<Operation, { kind: "update-event" }>;

/** An occurrence that is written by itself becomes a row of its own. */
export function updateEvent(draft: Draft, caller: Caller, operation: UpdateEvent): Outcome {
  const { calendar, event: id, content, fields, etag } = operation;
  const found = findStanding(draft, caller, "event.update", calendar, id);
  if (found.kind === "refused") return found;
  const before = found.event;
  if (isStale(etag, before)) return refuseStaleEvent(before);
  if (before.state === "cancelled") return refuseCancelled(before);
  const written = withFields(before, inOrder(content), fields);
  const series = seriesAfter(found, written, operation);
  if (series.kind === "refused") return series;
  const invited = inviteesAfter(draft, before, operation);
  if (invited.kind === "refused") return invited;
  const isSameTime = isSameSpan(before.span, written.span) && isSameRecurrence(before, written);
  const event: CalendarEvent = {
    ...written,
    attendees: isSameTime ? invited.attendees : askAgain(invited.attendees, before.organizer),
    sequence: before.sequence + (isSameTime ? 0 : 1),
    updateTimeMs: draft.nowMs,
    revision: draft.nextRevision,
  };
  const after = { event, series: series.row };
  const takesMore = !isSameTime || event.transparency !== before.transparency;
  const conflict = takesMore ? refuseConflict(draft, after) : undefined;
  if (conflict !== undefined) return conflict;
  if (found.kind === "occurrence") return writeException(draft, "updated", after.event, found);
  const cut = isSameTime ? [] : instancesLeft(draft, found, after);
  const outcome = writeRecord(draft, "updated", after, found);
  for (const exception of cut) deleteRow(draft, { event: exception, series: undefined });
  return outcome;
}

type Invitees = Pick<Invited, "kind" | "attendees"> | Refusal;

/** Who stays has said what they said; who is new is asked as at the beginning. */
function inviteesAfter(
  draft: Draft,
  before: CalendarEvent,
  { content, fields }: UpdateEvent,
): Invitees {
  const { attendees, organizer, calendar, group } = before;
  if (!fields.includes("invitees")) return { kind: "invited", attendees };
  const invited = invite(draft, { organizer, calendar, group, invitees: content.invitees });
  if (invited.kind === "refused") return invited;
  const said = new Map(attendees.map((attendee) => [attendee.user, attendee]));
  return {
    kind: "invited",
    attendees: invited.attendees.map((attendee) => {
      const former = said.get(attendee.user);
      return former === undefined ? attendee : { ...former, optional: attendee.optional };
    }),
  };
}

type SeriesAfter = { readonly kind: "series"; readonly row: SeriesRow | undefined } | Refusal;

/** Occurrences were worked out for what the event was thought to become: it has to become just that. */
function seriesAfter(
  found: FoundEvent,
  written: CalendarEvent,
  { content, fields, occurrences }: UpdateEvent,
): SeriesAfter {
  if (!isRecurring(written)) return { kind: "series", row: undefined };
  if (written.recurringEvent !== "") {
    return refuse("invalid-argument", "an instance does not repeat: write the event that does");
  }
  const row = found.kind === "row" ? found.series : undefined;
  if (!fields.includes("span") && !fields.includes("recurrence")) return { kind: "series", row };
  const isKnown = isSameSpan(content.span, written.span) && isSameRecurrence(content, written);
  if (occurrences === undefined || !isKnown) return refuseStaleEvent(found.event);
  return { kind: "series", row: { occurrences, exceptedMs: row?.exceptedMs ?? [] } };
}

/** Those that are no instances any more, for the event does not repeat then. Of one that still repeats, what has begun stays. */
function instancesLeft(
  draft: Draft,
  before: Standing,
  { event, series }: Standing,
): readonly CalendarEvent[] {
  const exceptions = exceptionsOf(draft, before);
  if (!isRecurring(event)) return exceptions;
  const starts = new Set(series?.occurrences.startsMs);
  return exceptions.filter(({ originalStartMs: ms }) => ms > draft.nowMs && !starts.has(ms));
}

function withFields(
  event: CalendarEvent,
  content: EventContent,
  fields: readonly EventField[],
): CalendarEvent {
  const has = (field: EventField): boolean => fields.includes(field);
  return {
    ...event,
    title: has("title") ? content.title : event.title,
    description: has("description") ? content.description : event.description,
    location: has("location") ? content.location : event.location,
    span: has("span") ? content.span : event.span,
    visibility: has("visibility") ? content.visibility : event.visibility,
    transparency: has("transparency") ? content.transparency : event.transparency,
    labels: has("labels") ? content.labels : event.labels,
    reminderMinutes: has("reminderMinutes") ? content.reminderMinutes : event.reminderMinutes,
    recurrence: has("recurrence") ? content.recurrence : event.recurrence,
  };
}

function isSameRecurrence(a: EventBody, b: EventBody): boolean {
  return (
    a.recurrence.length === b.recurrence.length &&
    a.recurrence.every((line, i) => line === b.recurrence[i])
  );
}

function isSameSpan(a: EventSpan, b: EventSpan): boolean {
  if (a.kind === "timed" && b.kind === "timed") {
    return a.startMs === b.startMs && a.endMs === b.endMs && a.timeZone === b.timeZone;
  }
  if (a.kind === "all-day" && b.kind === "all-day") {
    return (
      a.start.year === b.start.year &&
      a.start.month === b.start.month &&
      a.start.day === b.start.day &&
      a.end.year === b.end.year &&
      a.end.month === b.end.month &&
      a.end.day === b.end.day
    );
  }
  return false;
}
