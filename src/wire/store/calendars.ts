import type * as pb from "../../../gen/cabildo/store/v1/resources_pb.js";
import type { Calendar, CalendarContent } from "../../domain/index.js";
import { toInt64, toSafeInteger } from "../int64.js";
import { required } from "./decoding.js";
import { CONFLICT_POLICY } from "./enums.js";

/** Version of the row. */
const VERSION = 1;

export function toCalendar(calendar: Calendar): pb.Calendar {
  return {
    $typeName: "cabildo.store.v1.Calendar",
    version: VERSION,
    key: calendar.key,
    content: toCalendarContent(calendar),
    readers: [...calendar.readers],
    createTimeMs: toInt64(calendar.createTimeMs),
    updateTimeMs: toInt64(calendar.updateTimeMs),
    deleteTimeMs: toInt64(calendar.deleteTimeMs),
    revision: toInt64(calendar.revision),
  };
}

export function fromCalendar(message: pb.Calendar): Calendar {
  return {
    key: message.key,
    ...fromCalendarContent(required(message.content, "content")),
    readers: message.readers,
    createTimeMs: toSafeInteger(message.createTimeMs),
    updateTimeMs: toSafeInteger(message.updateTimeMs),
    deleteTimeMs: toSafeInteger(message.deleteTimeMs),
    revision: toSafeInteger(message.revision),
  };
}

export function toCalendarContent(content: CalendarContent): pb.CalendarContent {
  return {
    $typeName: "cabildo.store.v1.CalendarContent",
    displayName: content.displayName,
    timeZone: content.timeZone,
    conflictPolicy: CONFLICT_POLICY.encode(content.conflictPolicy),
    public: content.public,
  };
}

export function fromCalendarContent(message: pb.CalendarContent): CalendarContent {
  return {
    displayName: message.displayName,
    timeZone: message.timeZone,
    conflictPolicy: CONFLICT_POLICY.decode(message.conflictPolicy),
    public: message.public,
  };
}
