import type { Event } from "../../../gen/cabildo/v1/events_pb.js";
import { EVENT_FIELDS } from "../../domain/index.js";
import type { EventBody, EventContent, EventField } from "../../domain/index.js";
import { contentFromPublic } from "../../wire/index.js";
import { fieldFault } from "../faults.js";
import { requireTimeZone } from "../time-zone.js";

/** Paths of an update mask that stand for what a person writes. */
const WRITABLE: ReadonlyMap<string, EventField> = new Map([
  ["title", "title"],
  ["description", "description"],
  ["location", "location"],
  ["timed", "span"],
  ["all_day", "span"],
  ["visibility", "visibility"],
  ["transparency", "transparency"],
  ["labels", "labels"],
  ["reminders", "reminderMinutes"],
  ["recurrence", "recurrence"],
  ["attendees", "invitees"],
]);

/** What only the cluster sets is passed over, in a mask as in the event (AIP-203). */
const SET_BY_THE_CLUSTER: ReadonlySet<string> = new Set([
  "name",
  "ical_uid",
  "sequence",
  "organizer",
  "organizer_event",
  "conflicts",
  "group",
  "recurring_event",
  "original_start_time",
  "state",
  "create_time",
  "update_time",
  "delete_time",
  "purge_time",
  "etag",
  "shard",
  "position",
]);

/** Stands where a span is not written. */
const NO_SPAN = { kind: "timed", startMs: 0, endMs: 1, timeZone: "UTC" } as const;

/** Some fields of an event, and the content that they are taken from. */
export interface EventWrite {
  readonly fields: readonly EventField[];
  readonly content: EventContent;
}

/** All of an event that is to be created. */
export function newContent(event: Event | undefined, path = "event"): EventContent {
  if (event === undefined) throw fieldFault(path, "must be set");
  return readWrite(event, EVENT_FIELDS, path).content;
}

/** The fields that a mask names: those that are set for an empty mask, all for `*` (AIP-134). */
export function maskedContent(event: Event, mask: readonly string[]): EventWrite {
  return readWrite(event, mask.length === 0 ? populated(event) : mask.flatMap(fieldsOfPath));
}

/** An event's content with some fields written over. */
export function overwrite(before: EventBody, { fields, content }: EventWrite): EventContent {
  const pick = <Field extends keyof EventBody>(field: Field): EventBody[Field] =>
    (fields.includes(field) ? content : before)[field];
  return {
    invitees: content.invitees,
    title: pick("title"),
    description: pick("description"),
    location: pick("location"),
    span: pick("span"),
    visibility: pick("visibility"),
    transparency: pick("transparency"),
    labels: pick("labels"),
    reminderMinutes: pick("reminderMinutes"),
    recurrence: pick("recurrence"),
  };
}

function fieldsOfPath(path: string): readonly EventField[] {
  if (path === "*") return EVENT_FIELDS;
  const field = WRITABLE.get(path);
  if (field !== undefined) return [field];
  if (SET_BY_THE_CLUSTER.has(path)) return [];
  const [head = ""] = path.split(".");
  if (WRITABLE.has(head)) {
    throw fieldFault("update_mask", `${path}: name the whole field, ${head}`);
  }
  throw fieldFault("update_mask", `${path}: an event has no such field`);
}

function populated(event: Event): readonly EventField[] {
  const isSet: Record<EventField, boolean> = {
    title: event.title !== "",
    description: event.description !== "",
    location: event.location !== "",
    span: event.span.case !== undefined,
    visibility: event.visibility !== 0,
    transparency: event.transparency !== 0,
    labels: Object.keys(event.labels).length > 0,
    reminderMinutes: event.reminders.length > 0,
    recurrence: event.recurrence.length > 0,
    invitees: event.attendees.length > 0,
  };
  return EVENT_FIELDS.filter((field) => isSet[field]);
}

function readWrite(event: Event, fields: readonly EventField[], path = "event"): EventWrite {
  const { span, ...content } = contentFromPublic(event, path, fieldFault);
  if (fields.includes("title") && content.title === "") {
    throw fieldFault(`${path}.title`, "must be set");
  }
  if (!fields.includes("span")) {
    return { fields: [...new Set(fields)], content: { ...content, span: NO_SPAN } };
  }
  if (span === undefined) throw fieldFault(path, "must say when it is: set timed or all_day");
  if (span.kind === "all-day")
    return { fields: [...new Set(fields)], content: { ...content, span } };
  requireTimeZone(span.timeZone, `${path}.timed.time_zone`);
  const timeZone = span.timeZone === "" ? "UTC" : span.timeZone;
  return { fields: [...new Set(fields)], content: { ...content, span: { ...span, timeZone } } };
}
