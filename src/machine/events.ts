import { assert } from "../base/index.js";
import type {
  CalendarEvent,
  Caller,
  ChangeKind,
  EventContent,
  EventField,
  EventSpan,
  NewEvent,
  Operation,
} from "../domain/index.js";
import { calendarOwner, decide } from "../policy/index.js";
import type { Action } from "../policy/index.js";
import { refuse, refuseNotFound } from "./draft.js";
import type { Draft, Outcome } from "./draft.js";
import { formatEtag } from "./etag.js";
import { indexKey } from "./event-times.js";
import { KEYS } from "./rows.js";
import { compareText } from "./text.js";

type CreateEvent = Extract<Operation, { kind: "create-event" }>;
type UpdateEvent = Extract<Operation, { kind: "update-event" }>;
type DeleteEvent = Extract<Operation, { kind: "delete-event" }>;
type UndeleteEvent = Extract<Operation, { kind: "undelete-event" }>;
type CreateEvents = Extract<Operation, { kind: "create-events" }>;
type DeleteEvents = Extract<Operation, { kind: "delete-events" }>;

/** How long a deleted event is kept, in log time. */
export const PURGE_DELAY_MS = 30 * 86_400_000;

export function createEvent(draft: Draft, caller: Caller, operation: CreateEvent): Outcome {
  return createOne(draft, caller, operation.calendar, operation);
}

/** Named for the first: the others' ids follow from it, and a repeated request has no others. */
export function createEvents(draft: Draft, caller: Caller, operation: CreateEvents): Outcome {
  const { calendar, events } = operation;
  return forAll(draft, events, (event) => createOne(draft, caller, calendar, event));
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

function createOne(
  draft: Draft,
  caller: Caller,
  calendar: string,
  { event: id, content }: NewEvent,
): Outcome {
  if (caller.kind !== "user" || !isAllowed(caller, "event.create", calendar)) {
    return refuseNotFound(`calendars/${calendar}`);
  }
  if (draft.has(KEYS.event(calendar, id))) {
    return refuse("already-exists", `${eventName(calendar, id)} exists`);
  }
  const event: CalendarEvent = {
    calendar,
    id,
    ...inOrder(content),
    organizer: caller.user,
    // A personal event waits for nobody.
    state: "confirmed",
    sequence: 0,
    createTimeMs: draft.nowMs,
    updateTimeMs: draft.nowMs,
    deleteTimeMs: 0,
    purgeTimeMs: 0,
    revision: draft.nextRevision,
  };
  return write(draft, "created", event, undefined);
}

export function updateEvent(draft: Draft, caller: Caller, operation: UpdateEvent): Outcome {
  const { calendar, event: id, content, fields, etag } = operation;
  const before = findEvent(draft, caller, "event.update", calendar, id);
  if (before === undefined) return refuseNotFound(eventName(calendar, id));
  if (isStale(etag, before)) return refuseStale(before);
  const written = withFields(before, inOrder(content), fields);
  const event: CalendarEvent = {
    ...written,
    sequence: before.sequence + (isSameSpan(before.span, written.span) ? 0 : 1),
    updateTimeMs: draft.nowMs,
    revision: draft.nextRevision,
  };
  return write(draft, "updated", event, before);
}

/** Deleted events are kept for a while; to further writes they are gone. */
export function deleteEvent(draft: Draft, caller: Caller, operation: DeleteEvent): Outcome {
  const { calendar, event: id, etag } = operation;
  const before = findEvent(draft, caller, "event.delete", calendar, id);
  if (before === undefined) return refuseNotFound(eventName(calendar, id));
  if (isStale(etag, before)) return refuseStale(before);
  const event: CalendarEvent = {
    ...before,
    updateTimeMs: draft.nowMs,
    deleteTimeMs: draft.nowMs,
    purgeTimeMs: draft.nowMs + PURGE_DELAY_MS,
    revision: draft.nextRevision,
  };
  const purgeKey = KEYS.eventPurge(event.purgeTimeMs, calendar, id);
  draft.put(draft.rows.expiry, purgeKey, { keys: [indexKey(event)], bytes: 0 });
  return write(draft, "deleted", event, before);
}

/** Back as it was, until it is purged. */
export function undeleteEvent(draft: Draft, caller: Caller, operation: UndeleteEvent): Outcome {
  const { calendar, event: id } = operation;
  const name = eventName(calendar, id);
  if (!isAllowed(caller, "event.undelete", calendar)) return refuseNotFound(name);
  const before = draft.find(draft.rows.event, KEYS.event(calendar, id));
  if (before === undefined) return refuseNotFound(name);
  if (before.deleteTimeMs === 0) {
    return refuse("failed-precondition", `${name} is not deleted`);
  }
  const event: CalendarEvent = {
    ...before,
    updateTimeMs: draft.nowMs,
    deleteTimeMs: 0,
    purgeTimeMs: 0,
    revision: draft.nextRevision,
  };
  draft.delete(KEYS.eventPurge(before.purgeTimeMs, calendar, id));
  return write(draft, "updated", event, before);
}

export function eventName(calendar: string, event: string): string {
  return `calendars/${calendar}/events/${event}`;
}

function isAllowed(caller: Caller, action: Action, calendar: string): boolean {
  const facts = { kind: "calendar", owner: calendarOwner(calendar) } as const;
  return decide(caller, action, facts).kind === "allow";
}

/** Undefined too where the caller may not know. */
function findEvent(
  draft: Draft,
  caller: Caller,
  action: Action,
  calendar: string,
  id: string,
): CalendarEvent | undefined {
  if (!isAllowed(caller, action, calendar)) return undefined;
  const event = draft.find(draft.rows.event, KEYS.event(calendar, id));
  return event?.deleteTimeMs === 0 ? event : undefined;
}

/** The row and its copy in the index hold the same bytes. */
function write(
  draft: Draft,
  kind: ChangeKind,
  event: CalendarEvent,
  before: CalendarEvent | undefined,
): Outcome {
  const { calendar, id, revision } = event;
  const bytes = draft.rows.event.encode(event);
  const index = indexKey(event);
  const formerIndex = before === undefined ? undefined : indexKey(before);
  draft.putBytes(KEYS.event(calendar, id), bytes);
  if (formerIndex !== undefined && formerIndex !== index) draft.delete(formerIndex);
  draft.putBytes(index, bytes);
  const name = eventName(calendar, id);
  const resource = { kind: "event", event } as const;
  draft.change({
    kind,
    channel: `calendars/${calendar}`,
    audience: audienceOf(event),
    resourceName: name,
    resource,
  });
  return { kind: "done", name, revision, resource };
}

/** Whom an event concerns, wherever they look: the owner of its calendar. */
function audienceOf(event: CalendarEvent): readonly string[] {
  const owner = calendarOwner(event.calendar);
  return owner?.kind === "user" ? [owner.user] : [];
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
  };
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

function refuseStale(event: CalendarEvent): Outcome {
  return refuse(
    "stale-etag",
    `${eventName(event.calendar, event.id)} has changed since: read it again, then write`,
  );
}
