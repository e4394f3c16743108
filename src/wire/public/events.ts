import type { AllDaySpan, Event, TimedSpan } from "../../../gen/cabildo/v1/events_pb.js";
import type { Date as PublicDate } from "../../../gen/google/type/date_pb.js";
import type * as domain from "../../domain/index.js";
import { EVENT_STATE, RESPONSE, TRANSPARENCY, VISIBILITY } from "./enums.js";
import { formatEtag, timestampOfMs, timestampToMs, toTimestamp } from "./times.js";

/** What an event says of where it is kept. */
export interface EventPlace {
  /** Name of the shard. */
  readonly shard: string;
  /** Encoded position of this version. */
  readonly position: string;
}

/** Written out, with every field: `create` puts a message together name by name, at four times the cost and the garbage. */
export function eventToPublic(event: domain.CalendarEvent, place: EventPlace): Event {
  return {
    $typeName: "cabildo.v1.Event",
    name: `calendars/${event.calendar}/events/${event.id}`,
    icalUid: icalUidOf(event),
    sequence: event.sequence,
    ...contentToPublic(event),
    ...invitationToPublic(event),
    state: EVENT_STATE.toPublic(event.state),
    ...instanceToPublic(event),
    createTime: toTimestamp(event.createTimeMs),
    updateTime: toTimestamp(event.updateTimeMs),
    deleteTime: toTimestamp(event.deleteTimeMs),
    purgeTime: toTimestamp(event.purgeTimeMs),
    etag: event.revision === 0 ? "" : formatEtag(event.revision),
    shard: place.shard,
    position: place.position,
    conflicts: [],
  };
}

function icalUidOf({ id, recurringEvent, icalUid }: domain.CalendarEvent): string {
  if (icalUid !== "") return icalUid;
  return `${recurringEvent === "" ? id : recurringEvent}@cabildo`;
}

/** Who organises it is nobody's to know who sees only that time is taken. */
function invitationToPublic({ organizer, attendees, group, source, id }: domain.CalendarEvent) {
  return {
    organizer: organizer === "" ? "" : `users/${organizer}`,
    group: group === "" ? "" : `groups/${group}`,
    organizerEvent: source === "" ? "" : `calendars/${source}/events/${id}`,
    attendees: attendees.map(({ user, response, optional, comment, respondTimeMs }) => ({
      $typeName: "cabildo.v1.Attendee" as const,
      user: `users/${user}`,
      response: RESPONSE.toPublic(response),
      optional,
      comment,
      respondTime: toTimestamp(respondTimeMs),
      imposed: response === "auto-accepted",
    })),
  };
}

function instanceToPublic({ calendar, recurringEvent, originalStartMs }: domain.CalendarEvent) {
  if (recurringEvent === "") return { recurringEvent, originalStartTime: undefined };
  return {
    recurringEvent: `calendars/${calendar}/events/${recurringEvent}`,
    originalStartTime: timestampOfMs(originalStartMs),
  };
}

function contentToPublic(content: domain.EventBody) {
  const { title, description, location } = content;
  return {
    title,
    description,
    location,
    span: spanToPublic(content.span),
    visibility: VISIBILITY.toPublic(content.visibility),
    transparency: TRANSPARENCY.toPublic(content.transparency),
    labels: Object.fromEntries(content.labels.map(({ key, value }) => [key, value])),
    reminders: content.reminderMinutes.map((minutesBefore) => ({
      $typeName: "cabildo.v1.Reminder" as const,
      minutesBefore,
    })),
    recurrence: [...content.recurrence],
  };
}

function spanToPublic(span: domain.EventSpan): Event["span"] {
  if (span.kind === "timed") {
    const value = {
      $typeName: "cabildo.v1.TimedSpan" as const,
      startTime: timestampOfMs(span.startMs),
      endTime: timestampOfMs(span.endMs),
      timeZone: span.timeZone,
    };
    return { case: "timed", value };
  }
  const value = {
    $typeName: "cabildo.v1.AllDaySpan" as const,
    startDate: { $typeName: "google.type.Date" as const, ...span.start },
    endDate: { $typeName: "google.type.Date" as const, ...span.end },
  };
  return { case: "allDay", value };
}

/** A field of a request that does not say what it has to. */
export type FieldFault = (field: string, description: string) => Error;

/** What a person wrote, all fields of it; `fault` makes what is thrown. `path` stands before the names of fields. */
export function contentFromPublic(
  event: Event,
  path: string,
  fault: FieldFault,
): Omit<domain.EventContent, "span"> & { readonly span: domain.EventSpan | undefined } {
  return {
    title: event.title,
    description: event.description,
    location: event.location,
    span: spanFromPublic(event.span, path, fault),
    visibility: VISIBILITY.fromPublic(event.visibility) ?? "default",
    transparency: TRANSPARENCY.fromPublic(event.transparency) ?? "opaque",
    labels: Object.entries(event.labels).map(([key, value]) => ({ key, value })),
    reminderMinutes: event.reminders.map(({ minutesBefore }) => minutesBefore),
    recurrence: event.recurrence,
    invitees: event.attendees.map(({ user, optional }, i) => ({
      user: userOf(user, `${path}.attendees[${i}].user`, fault),
      optional,
    })),
  };
}

function userOf(name: string, field: string, fault: FieldFault): string {
  const [, user] = /^users\/([a-z](?:[a-z0-9-]{0,61}[a-z0-9])?)$/.exec(name) ?? [];
  if (user === undefined) throw fault(field, "must be a name such as users/{user}");
  return user;
}

function spanFromPublic(
  span: Event["span"],
  path: string,
  fault: FieldFault,
): domain.EventSpan | undefined {
  switch (span.case) {
    case "timed":
      return timedFromPublic(span.value, `${path}.timed`, fault);
    case "allDay":
      return allDayFromPublic(span.value, `${path}.all_day`, fault);
    case undefined:
      return undefined;
  }
}

function timedFromPublic(span: TimedSpan, path: string, fault: FieldFault): domain.EventSpan {
  const startMs = span.startTime && timestampToMs(span.startTime);
  const endMs = span.endTime && timestampToMs(span.endTime);
  if (startMs === undefined) throw fault(`${path}.start_time`, "must be a time");
  if (endMs === undefined) throw fault(`${path}.end_time`, "must be a time");
  if (endMs <= startMs) throw fault(`${path}.end_time`, "must be after the start");
  return { kind: "timed", startMs, endMs, timeZone: span.timeZone };
}

function allDayFromPublic(span: AllDaySpan, path: string, fault: FieldFault): domain.EventSpan {
  const start = span.startDate && dateFromPublic(span.startDate);
  const end = span.endDate && dateFromPublic(span.endDate);
  if (start === undefined) throw fault(`${path}.start_date`, "must be a date");
  if (end === undefined) throw fault(`${path}.end_date`, "must be a date");
  if (ordinal(end) <= ordinal(start)) {
    throw fault(`${path}.end_date`, "must be after the first day: it is exclusive");
  }
  return { kind: "all-day", start, end };
}

function dateFromPublic({ year, month, day }: PublicDate): domain.CalendarDate | undefined {
  if (year < 1 || year > 9999 || month < 1 || month > 12 || day < 1) return undefined;
  const isLeap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  const days = month === 2 ? (isLeap ? 29 : 28) : [4, 6, 9, 11].includes(month) ? 30 : 31;
  return day > days ? undefined : { year, month, day };
}

function ordinal({ year, month, day }: domain.CalendarDate): number {
  return (year * 100 + month) * 100 + day;
}
