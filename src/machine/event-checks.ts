import { unreachable } from "../base/index.js";
import { EVENT_FIELDS } from "../domain/index.js";
import type { EventContent, EventField, EventSpan, Invitee, NewEvent } from "../domain/index.js";
import { calendarOwner } from "../policy/index.js";
import { bytesFault, idFault, rangeFault, textFault, TIME_ZONE_BYTES_MAX } from "./bounds.js";
import { isDate, timeRange } from "./event-times.js";
import { instanceId, parseInstanceId } from "./instances.js";
import { TIME_END_MS, TIME_MIN_MS } from "./rows.js";
import { OCCURRENCES_MAX, occurrencesFault } from "./series.js";

const EVENT_ID = /^e[0-9a-hjkmnp-tv-z]{26}$/;
const TITLE_CHARS_MAX = 255;
const LOCATION_CHARS_MAX = 255;
const DESCRIPTION_BYTES_MAX = 8_192;
const ICAL_UID_BYTES_MAX = 1_024;
const LABELS_MAX = 32;
const LABEL_KEY_BYTES_MAX = 63;
const LABEL_VALUE_BYTES_MAX = 255;
export const BATCH_EVENTS_MAX = 100;
const RECURRENCE_LINES_MAX = 16;
const RECURRENCE_LINE_BYTES_MAX = 1_024;
const ATTENDEES_MAX = 200;
const REMINDERS_MAX = 5;
const REMINDER_MINUTES_MAX = 40_320;

/** Of an event, or of an instance of one that repeats. */
export function isEventId(text: string): boolean {
  if (EVENT_ID.test(text)) return true;
  const instance = parseInstanceId(text);
  return instance !== undefined && instanceId(instance.event, instance.originalStartMs) === text;
}

export function newEventFault({
  content,
  group = "",
  occurrences,
  icalUid = "",
}: NewEvent): string | undefined {
  return (
    bytesFault("event.ical_uid", icalUid, ICAL_UID_BYTES_MAX) ??
    (group === "" ? undefined : idFault("event.group", group)) ??
    findContentFault(content, EVENT_FIELDS) ??
    occurrencesFault(content, occurrences)
  );
}

export function batchSizeFault(events: readonly NewEvent[]): string | undefined {
  const counts = events.map(({ occurrences }) => occurrences?.startsMs.length ?? 0);
  const total = counts.reduce((sum, count) => sum + count, 0);
  if (total <= OCCURRENCES_MAX) return undefined;
  return `events: more than ${OCCURRENCES_MAX} occurrences: create what repeats one by one`;
}

/** Only fields that are written are looked at. */
export function findContentFault(
  content: EventContent,
  fields: readonly EventField[],
): string | undefined {
  for (const field of fields) {
    const fault = findFieldFault(content, field);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

function findFieldFault(content: EventContent, field: EventField): string | undefined {
  switch (field) {
    case "title":
      if (content.title === "") return "event.title: must be set";
      return textFault("event.title", content.title, TITLE_CHARS_MAX);
    case "description":
      return bytesFault("event.description", content.description, DESCRIPTION_BYTES_MAX);
    case "location":
      return textFault("event.location", content.location, LOCATION_CHARS_MAX);
    case "span":
      return spanFault(content.span);
    case "visibility":
    case "transparency":
      return undefined;
    case "labels":
      return labelsFault(content.labels);
    case "reminderMinutes":
      return remindersFault(content.reminderMinutes);
    case "recurrence":
      return recurrenceFault(content.recurrence);
    case "invitees":
      return inviteesFault(content.invitees);
    default:
      return unreachable(field);
  }
}

function spanFault(span: EventSpan): string | undefined {
  if (span.kind === "timed") {
    const fault = bytesFault("event.timed.time_zone", span.timeZone, TIME_ZONE_BYTES_MAX);
    if (fault !== undefined) return fault;
  } else if (!isDate(span.start) || !isDate(span.end)) {
    return "event.all_day: not a date";
  }
  const { startMs, endMs } = timeRange(span);
  if (!Number.isSafeInteger(startMs) || !Number.isSafeInteger(endMs)) return "event: not a time";
  if (startMs < TIME_MIN_MS || endMs > TIME_END_MS) return "event: outside of the years 1 to 9999";
  return startMs < endMs ? undefined : "event: must start before it ends";
}

function labelsFault(labels: EventContent["labels"]): string | undefined {
  if (labels.length > LABELS_MAX) return `event.labels: at most ${LABELS_MAX}`;
  const keys = new Set<string>();
  for (const { key, value } of labels) {
    if (keys.has(key)) return "event.labels: a key twice";
    keys.add(key);
    const fault =
      bytesFault("event.labels", key, LABEL_KEY_BYTES_MAX) ??
      bytesFault("event.labels", value, LABEL_VALUE_BYTES_MAX);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

function recurrenceFault(lines: readonly string[]): string | undefined {
  if (lines.length > RECURRENCE_LINES_MAX) {
    return `event.recurrence: at most ${RECURRENCE_LINES_MAX} lines`;
  }
  for (const line of lines) {
    if (line === "") return "event.recurrence: an empty line";
    const fault = bytesFault("event.recurrence", line, RECURRENCE_LINE_BYTES_MAX);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

function inviteesFault(invitees: readonly Invitee[]): string | undefined {
  if (invitees.length > ATTENDEES_MAX) return `event.attendees: at most ${ATTENDEES_MAX}`;
  if (new Set(invitees.map(({ user }) => user)).size < invitees.length) {
    return "event.attendees: one twice";
  }
  return invitees
    .map(({ user }) => idFault("event.attendees.user", user))
    .find((fault) => fault !== undefined);
}

function remindersFault(minutes: readonly number[]): string | undefined {
  if (minutes.length > REMINDERS_MAX) return `event.reminders: at most ${REMINDERS_MAX}`;
  for (const value of minutes) {
    const fault = rangeFault("event.reminders", value, 0, REMINDER_MINUTES_MAX);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

interface EventName {
  readonly calendar: string;
  readonly event: string;
}

/** Of an event of its own. */
export function eventNameFault(name: EventName): string | undefined {
  if (calendarOwner(name.calendar) === undefined) return "calendar: not a calendar's key";
  return EVENT_ID.test(name.event) ? undefined : "event: not an event id";
}

/** Of an event or an instance of one. */
export function instanceNameFault(name: EventName): string | undefined {
  if (calendarOwner(name.calendar) === undefined) return "calendar: not a calendar's key";
  return isEventId(name.event) ? undefined : "event: not an event id";
}

export function batchFault(calendar: string, events: readonly string[]): string | undefined {
  if (events.length === 0 || events.length > BATCH_EVENTS_MAX) {
    return `events: from 1 to ${BATCH_EVENTS_MAX}`;
  }
  if (new Set(events).size < events.length) return "events: one twice";
  return events
    .map((event) => eventNameFault({ calendar, event }))
    .find((fault) => fault !== undefined);
}
