import { toBinary } from "@bufbuild/protobuf";
import * as pb from "../../../gen/cabildo/store/v1/resources_pb.js";
import { unreachable } from "../../base/index.js";
import type {
  Attendee,
  CalendarDate,
  CalendarEvent,
  EventBody,
  EventContent,
  EventSpan,
  Occurrences,
} from "../../domain/index.js";
import { toSafeInteger, toInt64 } from "../int64.js";
import { Malformed, required } from "./decoding.js";
import { DECISION_RULE, EVENT_STATE, RESPONSE, TRANSPARENCY, VISIBILITY } from "./enums.js";
import { ROW_VERSION } from "./row-version.js";

export function toEvent(event: CalendarEvent): pb.Event {
  return {
    $typeName: "cabildo.store.v1.Event",
    version: ROW_VERSION,
    calendar: event.calendar,
    id: event.id,
    content: toEventContent(event),
    organizer: event.organizer,
    state: EVENT_STATE.encode(event.state),
    sequence: event.sequence,
    createTimeMs: toInt64(event.createTimeMs),
    updateTimeMs: toInt64(event.updateTimeMs),
    deleteTimeMs: toInt64(event.deleteTimeMs),
    purgeTimeMs: toInt64(event.purgeTimeMs),
    revision: toInt64(event.revision),
    recurringEvent: event.recurringEvent,
    originalStartMs: toInt64(event.originalStartMs),
    attendees: event.attendees.map(toAttendee),
    group: event.group,
    rule: DECISION_RULE.encode(event.rule),
    source: event.source,
    icalUid: event.icalUid,
  };
}

export function toAttendee(attendee: Attendee): pb.Attendee {
  return {
    $typeName: "cabildo.store.v1.Attendee",
    user: attendee.user,
    optional: attendee.optional,
    response: RESPONSE.encode(attendee.response),
    comment: attendee.comment,
    respondTimeMs: toInt64(attendee.respondTimeMs),
  };
}

export function fromAttendee(message: pb.Attendee): Attendee {
  return {
    user: message.user,
    optional: message.optional,
    response: RESPONSE.decode(message.response),
    comment: message.comment,
    respondTimeMs: toSafeInteger(message.respondTimeMs),
  };
}

export function fromEvent(message: pb.Event): CalendarEvent {
  return {
    calendar: message.calendar,
    id: message.id,
    ...fromEventBody(required(message.content, "content")),
    organizer: message.organizer,
    attendees: message.attendees.map(fromAttendee),
    group: message.group,
    rule: DECISION_RULE.decode(message.rule),
    source: message.source,
    icalUid: message.icalUid,
    state: EVENT_STATE.decode(message.state),
    sequence: message.sequence,
    createTimeMs: toSafeInteger(message.createTimeMs),
    updateTimeMs: toSafeInteger(message.updateTimeMs),
    deleteTimeMs: toSafeInteger(message.deleteTimeMs),
    purgeTimeMs: toSafeInteger(message.purgeTimeMs),
    revision: toSafeInteger(message.revision),
    recurringEvent: message.recurringEvent,
    originalStartMs: toSafeInteger(message.originalStartMs),
  };
}

/** Of a stored event, which says of its attendees more than whom to invite: without invitees. */
export function toEventContent(
  content: EventBody & Partial<Pick<EventContent, "invitees">>,
): pb.EventContent {
  return {
    $typeName: "cabildo.store.v1.EventContent",
    title: content.title,
    description: content.description,
    location: content.location,
    span: toSpan(content.span),
    visibility: VISIBILITY.encode(content.visibility),
    transparency: TRANSPARENCY.encode(content.transparency),
    labels: content.labels.map(({ key, value }) => ({
      $typeName: "cabildo.store.v1.Label" as const,
      key,
      value,
    })),
    reminderMinutes: [...content.reminderMinutes],
    recurrence: [...content.recurrence],
    invitees: (content.invitees ?? []).map(({ user, optional }) => ({
      $typeName: "cabildo.store.v1.Invitee" as const,
      user,
      optional,
    })),
  };
}

export function fromEventContent(message: pb.EventContent): EventContent {
  const invitees = message.invitees.map(({ user, optional }) => ({ user, optional }));
  return { ...fromEventBody(message), invitees };
}

function fromEventBody(message: pb.EventContent): EventBody {
  return {
    title: message.title,
    description: message.description,
    location: message.location,
    span: fromSpan(message.span),
    visibility: VISIBILITY.decode(message.visibility),
    transparency: TRANSPARENCY.decode(message.transparency),
    labels: message.labels.map(({ key, value }) => ({ key, value })),
    reminderMinutes: message.reminderMinutes,
    recurrence: message.recurrence,
  };
}

export function toOccurrences({ startsMs, untilMs }: Occurrences): pb.Occurrences {
  return {
    $typeName: "cabildo.store.v1.Occurrences",
    startsMs: startsMs.map(toInt64),
    untilMs: toInt64(untilMs),
  };
}

export function fromOccurrences({ startsMs, untilMs }: pb.Occurrences): Occurrences {
  return { startsMs: startsMs.map(toSafeInteger), untilMs: toSafeInteger(untilMs) };
}

function toSpan(span: EventSpan): pb.EventContent["span"] {
  switch (span.kind) {
    case "timed":
      return {
        case: "timed",
        value: {
          $typeName: "cabildo.store.v1.TimedSpan",
          startMs: toInt64(span.startMs),
          endMs: toInt64(span.endMs),
          timeZone: span.timeZone,
        },
      };
    case "all-day":
      return {
        case: "allDay",
        value: {
          $typeName: "cabildo.store.v1.AllDaySpan",
          start: toDate(span.start),
          end: toDate(span.end),
        },
      };
    default:
      return unreachable(span);
  }
}

function fromSpan(span: pb.EventContent["span"]): EventSpan {
  switch (span.case) {
    case "timed":
      return {
        kind: "timed",
        startMs: toSafeInteger(span.value.startMs),
        endMs: toSafeInteger(span.value.endMs),
        timeZone: span.value.timeZone,
      };
    case "allDay":
      return {
        kind: "all-day",
        start: fromDate(required(span.value.start, "start")),
        end: fromDate(required(span.value.end, "end")),
      };
    case undefined:
      throw new Malformed("span is missing");
    default:
      return unreachable(span);
  }
}

function toDate({ year, month, day }: CalendarDate): pb.CalendarDate {
  return { $typeName: "cabildo.store.v1.CalendarDate", year, month, day };
}

function fromDate({ year, month, day }: pb.CalendarDate): CalendarDate {
  return { year, month, day };
}

/**
 * An event stands in two rows, a reply, an outcome and a change: it is encoded once for all. Events
 * are never written to.
 */
const eventBytes = new WeakMap<CalendarEvent, Uint8Array>();

export function encodeEvent(event: CalendarEvent): Uint8Array {
  let bytes = eventBytes.get(event);
  if (bytes === undefined) {
    bytes = toBinary(pb.EventSchema, toEvent(event));
    eventBytes.set(event, bytes);
  }
  return bytes;
}
