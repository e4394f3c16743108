import ICAL from "ical.js";
import type { Attendee, CalendarDate, CalendarEvent, EventSpan } from "../domain/index.js";
import { readLines } from "./recurrence.js";
import { formatLocal } from "./jcal.js";
import { localMs } from "./zone-clock.js";
import { timeZoneComponent } from "./write-time-zone.js";
import type { JCalComponent, JCalProperty } from "./jcal.js";

// The library counts what it folds without the space that begins the next line: 75 octets with it (RFC 5545, 3.1).
ICAL.foldLength = 74;

/** Of one line: as much as an event that is imported may have in one. */
const LINE_TIMES_MAX = 50;
const PRODUCT = "-//Cabildo//Cabildo//EN";

/** An event as a file has it. */
export interface WrittenEvent {
  /** An event, or an instance that was changed: one of an event that repeats. */
  readonly event: CalendarEvent;
  /** Starts of instances that were deleted. */
  readonly goneMs: readonly number[];
}

/** A calendar as a file (RFC 5545). Users are `cabildo:users/{user}`: their e-mail addresses are theirs to give. */
export function writeCalendar(events: readonly WrittenEvent[], nowMs: number): string {
  const zones = new Map<string, number>();
  for (const { event } of events) {
    if (event.span.kind !== "timed" || isUtc(event.span.timeZone)) continue;
    const { timeZone, startMs } = event.span;
    zones.set(timeZone, Math.min(startMs, zones.get(timeZone) ?? Infinity));
  }
  const calendar: JCalComponent = [
    "vcalendar",
    [text("prodid", PRODUCT), text("version", "2.0")],
    [
      ...[...zones].map(([zone, fromMs]) => timeZoneComponent(zone, fromMs, nowMs)),
      ...events.map((written) => eventComponent(written, nowMs)),
    ],
  ];
  return ICAL.stringify([...calendar]);
}

/** The UID of an event, and of all its instances: where it came from elsewhere, the one that it has there. */
function uidOf({ id, recurringEvent, icalUid }: CalendarEvent): string {
  if (icalUid !== "") return icalUid;
  return `${recurringEvent === "" ? id : recurringEvent}@cabildo`;
}

function eventComponent({ event, goneMs }: WrittenEvent, nowMs: number): JCalComponent {
  const { span } = event;
  const [start, end] = bounds(span);
  const properties: readonly JCalProperty[] = [
    text("uid", uidOf(event)),
    utc("dtstamp", event.updateTimeMs === 0 ? nowMs : event.updateTimeMs),
    ...(event.createTimeMs === 0 ? [] : [utc("created", event.createTimeMs)]),
    ["sequence", {}, "integer", event.sequence],
    text("summary", event.title === "" ? "Busy" : event.title),
    ...(event.description === "" ? [] : [text("description", event.description)]),
    ...(event.location === "" ? [] : [text("location", event.location)]),
    start,
    end,
    ...recurrence(event, goneMs),
    text("status", STATUS[event.state]),
    text("transp", event.transparency === "opaque" ? "OPAQUE" : "TRANSPARENT"),
    ...classOf(event),
    ...(event.labels.length === 0 ? [] : [categories(event)]),
    ...people(event),
  ];
  return ["vevent", properties, event.reminderMinutes.map((minutes) => alarm(event, minutes))];
}

const STATUS = {
  pending: "TENTATIVE",
  confirmed: "CONFIRMED",
  rejected: "CANCELLED",
  cancelled: "CANCELLED",
} as const;

const CLASS = { public: "PUBLIC", private: "PRIVATE", "busy-only": "CONFIDENTIAL" } as const;

function classOf({ visibility }: CalendarEvent): readonly JCalProperty[] {
  return visibility === "default" ? [] : [text("class", CLASS[visibility])];
}

function categories({ labels }: CalendarEvent): JCalProperty {
  return ["categories", {}, "text", ...labels.map(({ key, value }) => `${key}=${value}`)];
}

function bounds(span: EventSpan): readonly [JCalProperty, JCalProperty] {
  if (span.kind === "all-day") {
    return [
      ["dtstart", {}, "date", date(span.start)],
      ["dtend", {}, "date", date(span.end)],
    ];
  }
  return [local("dtstart", span.startMs, span.timeZone), local("dtend", span.endMs, span.timeZone)];
}

/** The times that a series has beside its rule are said in UTC, and as dates where the event is all day. */
function recurrence(event: CalendarEvent, goneMs: readonly number[]): readonly JCalProperty[] {
  const { span } = event;
  const isAllDay = span.kind === "all-day";
  const times = (name: string, all: readonly number[]): readonly JCalProperty[] => {
    const lines: JCalProperty[] = [];
    for (let i = 0; i < all.length; i += LINE_TIMES_MAX) {
      const some = all.slice(i, i + LINE_TIMES_MAX).map((ms) => moment(ms, isAllDay));
      lines.push([name, {}, isAllDay ? "date" : "date-time", ...some]);
    }
    return lines;
  };
  if (event.recurringEvent !== "") return times("recurrence-id", [event.originalStartMs]);
  if (event.recurrence.length === 0) return [];
  const { rule, addedMs, leftMs } = readLines({ span, lines: event.recurrence });
  return [
    ...(rule === undefined ? [] : [ruleProperty(rule, isAllDay)]),
    ...times("rdate", addedMs),
    ...times(
      "exdate",
      [...new Set([...leftMs, ...goneMs])].sort((a, b) => a - b),
    ),
  ];
}

function ruleProperty(
  rule: { readonly text: string; readonly count: number; readonly untilMs: number },
  isAllDay: boolean,
): JCalProperty {
  const bound = [
    ...(rule.count === Infinity ? [] : [`COUNT=${rule.count}`]),
    ...(rule.untilMs === Infinity
      ? []
      : [`UNTIL=${moment(rule.untilMs, isAllDay).replaceAll(/[-:]/g, "")}`]),
  ];
  const value: unknown = ICAL.Recur.fromString([rule.text, ...bound].join(";")).toJSON();
  return ["rrule", {}, "recur", value];
}

function people({ organizer, attendees }: CalendarEvent): readonly JCalProperty[] {
  if (organizer === "" || attendees.length === 0) return [];
  return [
    ["organizer", {}, "cal-address", address(organizer)],
    ...attendees.map((attendee): JCalProperty => {
      const role = attendee.optional ? "OPT-PARTICIPANT" : "REQ-PARTICIPANT";
      const params = { partstat: PARTSTAT[attendee.response], role };
      return ["attendee", params, "cal-address", address(attendee.user)];
    }),
  ];
}

const PARTSTAT: Readonly<Record<Attendee["response"], string>> = {
  "needs-action": "NEEDS-ACTION",
  accepted: "ACCEPTED",
  "auto-accepted": "ACCEPTED",
  declined: "DECLINED",
  tentative: "TENTATIVE",
};

function address(user: string): string {
  return `cabildo:users/${user}`;
}

function alarm(event: CalendarEvent, minutes: number): JCalComponent {
  const trigger: JCalProperty = ["trigger", {}, "duration", `-PT${minutes}M`];
  const title = event.title === "" ? "Busy" : event.title;
  return ["valarm", [text("action", "DISPLAY"), text("description", title), trigger], []];
}

function local(name: string, ms: number, timeZone: string): JCalProperty {
  if (isUtc(timeZone)) return utc(name, ms);
  return [name, { tzid: timeZone }, "date-time", formatLocal(localMs(ms, timeZone))];
}

function utc(name: string, ms: number): JCalProperty {
  return [name, {}, "date-time", moment(ms, false)];
}

function moment(ms: number, isDate: boolean): string {
  return isDate ? new Date(ms).toISOString().slice(0, 10) : `${formatLocal(ms)}Z`;
}

function date({ year, month, day }: CalendarDate): string {
  return moment(Date.UTC(year, month - 1, day), true);
}

function isUtc(timeZone: string): boolean {
  return timeZone === "" || timeZone === "UTC";
}

function text(name: string, value: string): JCalProperty {
  return [name, {}, "text", value];
}
