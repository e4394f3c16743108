import { assert } from "../base/index.js";
import type {
  CalendarEvent,
  Caller,
  ChangeKind,
  EventBody,
  EventContent,
  EventField,
  EventSpan,
  NewEvent,
  Operation,
} from "../domain/index.js";
import { ensureCalendar } from "./calendar-rows.js";
import { refuseConflict, refuseMutual } from "./conflicts.js";
import { askAgain } from "./decision.js";
import { CommandTooLarge, refuse, refuseNotFound } from "./draft.js";
import type { Draft, Outcome, Refusal } from "./draft.js";
import { formatEtag } from "./etag.js";
import { putPurge, PURGE_DELAY_MS } from "./event-purge.js";
import { findStanding, refuseUnlessTheirs, refuseWriter } from "./event-rights.js";
import { findEventRow } from "./find-event.js";
import type { FoundEvent } from "./find-event.js";
import { gather } from "./gather.js";
import { invite } from "./invite.js";
import type { Invited } from "./invite.js";
import { instanceId, isRecurring } from "./instances.js";
import { findGroup, findMember } from "./membership.js";
import { KEYS } from "./rows.js";
import type { SeriesRow } from "./rows.js";
import { EXCEPTED_MAX, exceptOccurrence, seriesCost } from "./series.js";
import type { Standing } from "./series.js";
import { compareText } from "./text.js";
import { eventName } from "./event-name.js";
import { writeRecord } from "./write-record.js";

type CreateEvent = Extract<Operation, { kind: "create-event" }>;
type UpdateEvent = Extract<Operation, { kind: "update-event" }>;
type DeleteEvent = Extract<Operation, { kind: "delete-event" }>;
type UndeleteEvent = Extract<Operation, { kind: "undelete-event" }>;
type CancelEvent = Extract<Operation, { kind: "cancel-event" }>;
type CreateEvents = Extract<Operation, { kind: "create-events" }>;
type DeleteEvents = Extract<Operation, { kind: "delete-events" }>;

/** Rows that deleting one event writes, but for those of a series. */
const DELETE_ROWS = 5;
/** Rows that cancelling one writes, but for those that tell of it. */
const CANCEL_ROWS = 3;

export function createEvent(draft: Draft, caller: Caller, operation: CreateEvent): Outcome {
  const refusal = refuseCalendar(draft, caller, operation.calendar);
  return refusal ?? createOne(draft, caller, operation.calendar, operation);
}

/** Named for the first: the others' ids follow from it, and a repeated request has no others. */
export function createEvents(draft: Draft, caller: Caller, operation: CreateEvents): Outcome {
  const { calendar, events } = operation;
  const refusal = refuseCalendar(draft, caller, calendar);
  if (refusal !== undefined) return refusal;
  const made: Standing[] = [];
  const outcome = forAll(draft, events, (event) => createOne(draft, caller, calendar, event, made));
  const conflict = outcome.kind === "done" ? refuseMutual(draft, calendar, made) : undefined;
  if (conflict === undefined) return outcome;
  draft.discard();
  return conflict;
}

export function deleteEvents(draft: Draft, caller: Caller, operation: DeleteEvents): Outcome {
  const { calendar, events } = operation;
  const done = forAll(draft, events, (event) =>
    deleteEvent(draft, caller, { kind: "delete-event", calendar, event, etag: "" }),
  );
  return done.kind === "refused" ? done : { ...done, name: `calendars/${calendar}` };
}

/** All or none: the first refusal is the whole answer, and nothing is written. */
function forAll<Item>(draft: Draft, items: readonly Item[], run: (item: Item) => Outcome): Outcome {
  let first: Outcome | undefined;
  for (const item of items) {
    const outcome = run(item);
    if (outcome.kind === "refused") {
      draft.discard();
      return outcome;
    }
    first ??= { kind: "done", name: outcome.name, revision: outcome.revision };
  }
  assert(first !== undefined, "a batch of nothing");
  return first;
}

function refuseCalendar(draft: Draft, caller: Caller, calendar: string): Refusal | undefined {
  const name = `calendars/${calendar}`;
  return (
    refuseWriter(draft, caller, "event.create", calendar, name) ?? ensureCalendar(draft, calendar)
  );
}

function createOne(
  draft: Draft,
  caller: Caller,
  calendar: string,
  { event: id, content, group = "", occurrences }: NewEvent,
  made: Standing[] = [],
): Outcome {
  if (caller.kind !== "user") return refuseNotFound(`calendars/${calendar}`);
  if (draft.has(KEYS.event(calendar, id))) {
    return refuse("already-exists", `${eventName(calendar, id)} exists`);
  }
  const { invitees, ...body } = inOrder(content);
  const invited = invite(draft, { organizer: caller.user, calendar, group, invitees });
  if (invited.kind === "refused") return invited;
  const event: CalendarEvent = {
    calendar,
    id,
    ...body,
    organizer: caller.user,
    attendees: invited.attendees,
    group: invited.group,
    rule: invited.rule,
    source: "",
    state: "confirmed",
    sequence: 0,
    createTimeMs: draft.nowMs,
    updateTimeMs: draft.nowMs,
    deleteTimeMs: 0,
    purgeTimeMs: 0,
    revision: draft.nextRevision,
    recurringEvent: "",
    originalStartMs: 0,
  };
  const series = occurrences && { occurrences, exceptedMs: [] };
  const conflict = refuseConflict(draft, { event, series });
  if (conflict !== undefined) return conflict;
  made.push({ event, series });
  return writeRecord(draft, "created", { event, series }, undefined);
}

/** An occurrence that is written by itself becomes a row of its own. */
export function updateEvent(draft: Draft, caller: Caller, operation: UpdateEvent): Outcome {
  const { calendar, event: id, content, fields, etag } = operation;
  const found = findStanding(draft, caller, "event.update", calendar, id);
  if (found.kind === "refused") return found;
  const before = found.event;
  if (isStale(etag, before)) return refuseStale(before);
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
  const cut = isRecurring(before) && !isRecurring(event) ? exceptionsOf(draft, found) : [];
  const outcome = writeRecord(draft, "updated", after, found);
  for (const exception of cut) deleteRow(draft, { event: exception, series: undefined });
  return outcome;
}

/** Deleted events are kept for a while; to further writes they are gone. */
export function deleteEvent(draft: Draft, caller: Caller, operation: DeleteEvent): Outcome {
  const { calendar, event: id, etag } = operation;
  const found = findStanding(draft, caller, "event.delete", calendar, id);
  if (found.kind === "refused") return found;
  if (isStale(etag, found.event)) return refuseStale(found.event);
  if (found.kind === "occurrence") {
    return writeException(draft, "deleted", asDeleted(draft, found.event), found);
  }
  const exceptions = exceptionsOf(draft, found);
  const cost = seriesCost(found) + (exceptions.length + 1) * DELETE_ROWS;
  if (!draft.hasRoom(cost)) {
    return refuse("invalid-argument", "too much at once: delete what repeats in smaller batches");
  }
  const outcome = deleteRow(draft, found);
  for (const exception of exceptions) deleteRow(draft, { event: exception, series: undefined });
  return outcome;
}

/** It stays where it is, and no longer takes time; the instances that differ go the same way. */
export function cancelEvent(draft: Draft, caller: Caller, operation: CancelEvent): Outcome {
  const { calendar, event: id, etag } = operation;
  const found = findStanding(draft, caller, "event.cancel", calendar, id);
  if (found.kind === "refused") return found;
  if (isStale(etag, found.event)) return refuseStale(found.event);
  if (found.event.state === "cancelled") return refuseCancelled(found.event);
  if (found.kind === "occurrence") {
    return writeException(draft, "updated", asCancelled(draft, found.event), found);
  }
  const exceptions = exceptionsOf(draft, found).filter(({ state }) => state !== "cancelled");
  if (!draft.hasRoom((exceptions.length + 1) * CANCEL_ROWS)) throw new CommandTooLarge();
  const outcome = cancelRow(draft, found);
  for (const exception of exceptions) cancelRow(draft, { event: exception, series: undefined });
  return outcome;
}

/** Back as it was, until it is purged, and with it the instances that went with it. */
export function undeleteEvent(draft: Draft, caller: Caller, operation: UndeleteEvent): Outcome {
  const { calendar, event: id } = operation;
  const name = eventName(calendar, id);
  const refusal = refuseWriter(draft, caller, "event.undelete", calendar, name);
  if (refusal !== undefined) return refusal;
  const found = findEventRow(draft.view, draft.rows, calendar, id);
  if (found === undefined) return refuseNotFound(name);
  const denied = refuseUnlessTheirs(draft, caller, found.event);
  if (denied !== undefined) return denied;
  const { deleteTimeMs, recurringEvent } = found.event;
  if (found.kind === "occurrence" || deleteTimeMs === 0) {
    return refuse("failed-precondition", `${name} is not deleted`);
  }
  if (recurringEvent !== "") {
    const recurring = draft.find(draft.rows.event, KEYS.event(calendar, recurringEvent));
    if (recurring?.deleteTimeMs !== 0) {
      return refuse("failed-precondition", "the event that repeats is deleted: undelete that one");
    }
  }
  const back = { ...found.event, deleteTimeMs: 0 };
  const conflict = refuseConflict(draft, { event: back, series: found.series });
  if (conflict !== undefined) return conflict;
  const exceptions = exceptionsOf(draft, found, deleteTimeMs);
  const outcome = undeleteRow(draft, found);
  for (const exception of exceptions) undeleteRow(draft, { event: exception, series: undefined });
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
  if (occurrences === undefined || !isKnown) return refuseStale(found.event);
  return { kind: "series", row: { occurrences, exceptedMs: row?.exceptedMs ?? [] } };
}

/** Instances that were written by themselves: those that stand, or those that were deleted just then. */
function exceptionsOf(
  draft: Draft,
  { event, series }: Standing,
  deletedMs = 0,
): readonly CalendarEvent[] {
  if (series === undefined) return [];
  const keys = series.exceptedMs.map((ms) => KEYS.event(event.calendar, instanceId(event.id, ms)));
  gather(draft.view, { keys, ranges: [] });
  return keys
    .map((key) => draft.find(draft.rows.event, key))
    .filter((row) => row !== undefined)
    .filter((row) => row.deleteTimeMs === deletedMs);
}

function asDeleted(draft: Draft, event: CalendarEvent): CalendarEvent {
  return {
    ...event,
    updateTimeMs: draft.nowMs,
    deleteTimeMs: draft.nowMs,
    purgeTimeMs: draft.nowMs + PURGE_DELAY_MS,
    revision: draft.nextRevision,
  };
}

function deleteRow(draft: Draft, before: Standing): Outcome {
  const event = asDeleted(draft, before.event);
  putPurge(draft, event);
  return writeRecord(draft, "deleted", { event, series: before.series }, before);
}

function asCancelled(draft: Draft, event: CalendarEvent): CalendarEvent {
  const revision = draft.nextRevision;
  return { ...event, state: "cancelled", updateTimeMs: draft.nowMs, revision };
}

function cancelRow(draft: Draft, before: Standing): Outcome {
  const event = asCancelled(draft, before.event);
  return writeRecord(draft, "updated", { event, series: before.series }, before);
}

function undeleteRow(draft: Draft, before: Standing): Outcome {
  const { calendar, id, purgeTimeMs } = before.event;
  draft.delete(KEYS.eventPurge(purgeTimeMs, calendar, id));
  const event: CalendarEvent = {
    ...before.event,
    updateTimeMs: draft.nowMs,
    deleteTimeMs: 0,
    purgeTimeMs: 0,
    revision: draft.nextRevision,
  };
  const caughtUp = followedGroup(draft, event);
  return writeRecord(draft, "updated", { event: caughtUp, series: before.series }, before);
}

/** What became of its group while the event was deleted. */
function followedGroup(draft: Draft, event: CalendarEvent): CalendarEvent {
  const { group, attendees } = event;
  if (group === "") return event;
  if (findGroup(draft, group) === undefined) return { ...event, state: "cancelled" };
  const stay = attendees.filter(({ user }) => findMember(draft, group, user) !== undefined);
  return stay.length === attendees.length ? event : { ...event, attendees: stay };
}

function writeException(
  draft: Draft,
  kind: ChangeKind,
  event: CalendarEvent,
  found: FoundEvent & { readonly kind: "occurrence" },
): Outcome {
  const { recurring, series } = found;
  if (series.exceptedMs.length >= EXCEPTED_MAX) {
    return refuse(
      "failed-precondition",
      `${EXCEPTED_MAX} instances of this event differ from it, the most: end it and make another`,
    );
  }
  exceptOccurrence(draft, recurring, series, event.originalStartMs);
  if (event.deleteTimeMs !== 0) putPurge(draft, event);
  const was = { event: found.event, series: undefined };
  return writeRecord(draft, kind, { event, series: undefined }, undefined, was);
}

function inOrder(content: EventContent): EventContent {
  const labels = [...content.labels].sort((a, b) => compareText(a.key, b.key));
  return { ...content, labels };
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

function isStale(etag: string, event: CalendarEvent): boolean {
  return etag !== "" && etag !== formatEtag(event.revision);
}

function refuseCancelled(event: CalendarEvent): Refusal {
  const name = eventName(event.calendar, event.id);
  return refuse("failed-precondition", `${name} is cancelled: create another`);
}

function refuseStale(event: CalendarEvent): Refusal {
  return refuse(
    "stale-etag",
    `${eventName(event.calendar, event.id)} has changed since: read it again, then write`,
  );
}
