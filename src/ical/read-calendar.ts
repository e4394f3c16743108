import ICAL from "ical.js";
import type { EventContent, EventSpan, Invitee, Label, Visibility } from "../domain/index.js";
import { localMs, momentOfLocal } from "./zone-clock.js";

/** Of one file. */
const EVENTS_MAX = 1_000;
const REMINDERS_MAX = 5;
const REMINDER_MINUTES_MAX = 40_320;
const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;

/** A text that is no calendar, or says what cannot be kept; the message says where. */
export class CalendarFault extends Error {
  override readonly name = "CalendarFault";
}

export interface ReadEvent {
  readonly uid: string;
  /** Of a changed instance: when it would start. */
  readonly originalStartMs: number | undefined;
  /** User id; empty where it is none of this cluster. */
  readonly organizer: string;
  readonly isCancelled: boolean;
  /** When it was last written; 0 if it does not say. */
  readonly modifiedMs: number;
  readonly content: EventContent;
}

/** The events of a file (RFC 5545). Who attends and organises them is known as `cabildo:users/{user}`, or not at all. */
export function readCalendar(text: string): readonly ReadEvent[] {
  const calendars = parse(text);
  const events = calendars.flatMap((calendar) =>
    calendar.getAllSubcomponents("vevent").map((event) => ({ calendar, event })),
  );
  if (events.length > EVENTS_MAX) throw new CalendarFault(`more than ${EVENTS_MAX} events`);
  return events.map(({ calendar, event }, i) => {
    try {
      return readEvent(calendar, event);
    } catch (cause) {
      const said = cause instanceof Error ? cause.message : String(cause);
      throw new CalendarFault(`event ${i + 1} (UID ${textOf(event, "uid")}): ${said}`);
    }
  });
}

function parse(text: string): readonly ICAL.Component[] {
  let parsed: unknown;
  try {
    parsed = ICAL.parse(text);
  } catch (cause) {
    throw new CalendarFault(cause instanceof Error ? cause.message : String(cause));
  }
  const all = Array.isArray(parsed) && Array.isArray(parsed[0]) ? parsed : [parsed];
  const components = all.map((jCal: unknown) => {
    if (!Array.isArray(jCal) || jCal[0] !== "vcalendar") {
      throw new CalendarFault("begins with BEGIN:VCALENDAR");
    }
    return new ICAL.Component(jCal);
  });
  if (components.length === 0) throw new CalendarFault("begins with BEGIN:VCALENDAR");
  return components;
}

function readEvent(calendar: ICAL.Component, event: ICAL.Component): ReadEvent {
  const uid = textOf(event, "uid");
  if (uid === "") throw new CalendarFault("has no UID");
  const original = event.getFirstProperty("recurrence-id");
  const lines = original === null ? recurrenceOf(event) : [];
  const isRecurring = lines.length > 0 || original !== null;
  const title = textOf(event, "summary");
  return {
    uid,
    originalStartMs: original === null ? undefined : momentOf(calendar, original, true).ms,
    organizer: userOf(event.getFirstProperty("organizer")),
    modifiedMs: modifiedMsOf(event),
    isCancelled: textOf(event, "status").toUpperCase() === "CANCELLED",
    content: {
      title: title === "" ? "Untitled" : title,
      description: textOf(event, "description"),
      location: textOf(event, "location"),
      span: spanOf(calendar, event, isRecurring),
      visibility: VISIBILITY.get(textOf(event, "class").toUpperCase()) ?? "default",
      transparency:
        textOf(event, "transp").toUpperCase() === "TRANSPARENT" ? "transparent" : "opaque",
      labels: labelsOf(event),
      reminderMinutes: remindersOf(event),
      recurrence: lines,
      invitees: original === null ? inviteesOf(event) : [],
    },
  };
}

/** Without a method, a DTSTAMP says the same (RFC 5545, 3.8.7.2). */
function modifiedMsOf(event: ICAL.Component): number {
  for (const name of ["last-modified", "dtstamp"]) {
    const time = event.getFirstPropertyValue(name);
    if (time instanceof ICAL.Time) return time.toUnixTime() * 1_000;
  }
  return 0;
}

/** PUBLIC is what most programs write of everything: it is not taken as a wish that everyone reads it. */
const VISIBILITY: ReadonlyMap<string, Visibility> = new Map([
  ["PRIVATE", "private"],
  ["CONFIDENTIAL", "busy-only"],
]);

function spanOf(calendar: ICAL.Component, event: ICAL.Component, isRecurring: boolean): EventSpan {
  const startProperty = event.getFirstProperty("dtstart");
  if (startProperty === null) throw new CalendarFault("has no DTSTART");
  const start = momentOf(calendar, startProperty, isRecurring);
  const endProperty = event.getFirstProperty("dtend");
  const duration = event.getFirstPropertyValue("duration");
  const lengthMs = duration instanceof ICAL.Duration ? duration.toSeconds() * 1_000 : 0;
  const least = start.isDate ? DAY_MS : MINUTE_MS;
  const endMs =
    endProperty === null
      ? start.ms + Math.max(lengthMs, least)
      : momentOf(calendar, endProperty, isRecurring).ms;
  // A moment without length is kept as the shortest event that there is.
  const end = endMs === start.ms ? start.ms + least : endMs;
  if (end < start.ms) throw new CalendarFault("ends before it starts");
  if (start.isDate) return { kind: "all-day", start: dateOf(start.ms), end: dateOf(end) };
  return { kind: "timed", startMs: start.ms, endMs: end, timeZone: start.zone };
}

interface Moment {
  readonly ms: number;
  readonly zone: string;
  readonly isDate: boolean;
}

/** By the clock of the zone that it names, which must be one of IANA's where it repeats. Without one, UTC. */
function momentOf(calendar: ICAL.Component, property: ICAL.Property, isRecurring: boolean): Moment {
  const time = property.getFirstValue();
  if (!(time instanceof ICAL.Time)) throw new CalendarFault(`${property.name}: no time`);
  const { year, month, day, hour, minute, second, isDate } = time;
  const local = Date.UTC(year, month - 1, day, hour, minute, second);
  const tzid = property.getFirstParameter("tzid");
  if (isDate || time.zone === ICAL.Timezone.utcTimezone || !tzid) {
    return { ms: local, zone: "UTC", isDate };
  }
  if (isZone(tzid)) return { ms: momentOfLocal(local, tzid), zone: tzid, isDate };
  const described = calendar
    .getAllSubcomponents("vtimezone")
    .find((zone) => textOf(zone, "tzid") === tzid);
  if (described === undefined || isRecurring) {
    throw new CalendarFault(`TZID ${tzid} is not the IANA name of a time zone`);
  }
  time.zone = new ICAL.Timezone(described);
  return { ms: time.toUnixTime() * 1_000, zone: "UTC", isDate };
}

function isZone(name: string): boolean {
  try {
    localMs(0, name);
    return true;
  } catch {
    return false;
  }
}

function recurrenceOf(event: ICAL.Component): readonly string[] {
  return ["rrule", "rdate", "exdate"].flatMap((name) =>
    event.getAllProperties(name).map((property) => {
      const unfolded = property.toICALString().replaceAll(/\r?\n[ \t]/g, "");
      return unfolded;
    }),
  );
}

function labelsOf(event: ICAL.Component): readonly Label[] {
  const all = event
    .getAllProperties("categories")
    .flatMap((property): readonly unknown[] => property.getValues());
  const labels = new Map<string, string>();
  for (const text of all) {
    const [, key = "", value = ""] = /^([^=]{1,63})=(.*)$/s.exec(String(text)) ?? [];
    if (key !== "") labels.set(key, value);
  }
  return [...labels].map(([key, value]) => ({ key, value }));
}

/** Those before the start; each minute once, and no more than an event has. */
function remindersOf(event: ICAL.Component): readonly number[] {
  const minutes = event.getAllSubcomponents("valarm").flatMap((alarm) => {
    const trigger = alarm.getFirstPropertyValue("trigger");
    const isOfEnd = alarm.getFirstProperty("trigger")?.getFirstParameter("related") === "END";
    if (!(trigger instanceof ICAL.Duration) || isOfEnd) return [];
    const before = Math.round(-trigger.toSeconds() / 60);
    return before >= 0 && before <= REMINDER_MINUTES_MAX ? [before] : [];
  });
  return [...new Set(minutes)].slice(0, REMINDERS_MAX);
}

function inviteesOf(event: ICAL.Component): readonly Invitee[] {
  const invitees = new Map<string, Invitee>();
  for (const property of event.getAllProperties("attendee")) {
    const user = userOf(property);
    const optional = property.getFirstParameter("role") === "OPT-PARTICIPANT";
    if (user !== "") invitees.set(user, { user, optional });
  }
  return [...invitees.values()];
}

function userOf(property: ICAL.Property | null): string {
  const [, user = ""] =
    /^cabildo:users\/([a-z](?:[a-z0-9-]{0,61}[a-z0-9])?)$/.exec(
      String(property?.getFirstValue() ?? ""),
    ) ?? [];
  return user;
}

function textOf(component: ICAL.Component, name: string): string {
  return String(component.getFirstPropertyValue(name) ?? "");
}

function dateOf(ms: number): { year: number; month: number; day: number } {
  const date = new Date(ms);
  return { year: date.getUTCFullYear(), month: date.getUTCMonth() + 1, day: date.getUTCDate() };
}
