import type { CalendarEvent, EventSpan } from "../domain/index.js";
import { dateMs, dateOfMs, timeRange } from "./event-times.js";
import type { SeriesRow } from "./rows.js";
import type { StateKey } from "./types.js";

const INSTANCE = /^(e[0-9a-hjkmnp-tv-z]{26})_([0-9]{8})t([0-9]{2})([0-9]{2})([0-9]{2})z$/;
const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;

/** Which occurrence of which event an id names. */
export interface InstanceOf {
  readonly event: string;
  readonly originalStartMs: number;
}

/** Undefined for the id of an event of its own. */
export function parseInstanceId(id: string): InstanceOf | undefined {
  const [, event, date = "", hour, minute, second] = INSTANCE.exec(id) ?? [];
  if (event === undefined) return undefined;
  const day = {
    year: Number(date.slice(0, 4)),
    month: Number(date.slice(4, 6)),
    day: Number(date.slice(6)),
  };
  const inDayMs = Number(hour) * HOUR_MS + Number(minute) * MINUTE_MS + Number(second) * 1000;
  return { event, originalStartMs: dateMs(day) + inDayMs };
}

export function instanceId(event: string, originalStartMs: number): string {
  const { year, month, day } = dateOfMs(originalStartMs);
  const inDayMs = originalStartMs - dateMs({ year, month, day });
  const digits = (value: number, count: number): string => String(value).padStart(count, "0");
  const date = `${digits(year, 4)}${digits(month, 2)}${digits(day, 2)}`;
  const hour = digits(Math.floor(inDayMs / HOUR_MS), 2);
  const minute = digits(Math.floor((inDayMs % HOUR_MS) / MINUTE_MS), 2);
  const second = digits(Math.floor((inDayMs % MINUTE_MS) / 1000), 2);
  return `${event}_${date}t${hour}${minute}${second}z`;
}

export function isRecurring(event: CalendarEvent): boolean {
  return event.recurrence.length > 0;
}

/** The starts at which an event that repeats stands in the calendar itself, in order. */
export function standingStarts({ occurrences, exceptedMs }: SeriesRow): readonly number[] {
  if (exceptedMs.length === 0) return occurrences.startsMs;
  const excepted = new Set(exceptedMs);
  return occurrences.startsMs.filter((ms) => !excepted.has(ms));
}

/** One occurrence as an event: of the event that repeats in everything but when it is. */
export function instanceAt(event: CalendarEvent, startMs: number): CalendarEvent {
  return {
    ...event,
    id: instanceId(event.id, startMs),
    span: spanAt(event.span, startMs),
    recurrence: [],
    recurringEvent: event.id,
    originalStartMs: startMs,
  };
}

function spanAt(span: EventSpan, startMs: number): EventSpan {
  if (span.kind === "timed") {
    return { ...span, startMs, endMs: startMs + span.endMs - span.startMs };
  }
  const { startMs: from, endMs: to } = timeRange(span);
  return { kind: "all-day", start: dateOfMs(startMs), end: dateOfMs(startMs + to - from) };
}

/** All rows of an event's instances: they begin with its id and an underscore, after which comes a backquote. */
export function instanceRows(
  calendar: string,
  event: string,
): { readonly start: StateKey; readonly end: StateKey } {
  return { start: `ev/${calendar}/${event}_`, end: `ev/${calendar}/${event}\`` };
}

/** When to work out what comes after a series' last known occurrence; undefined where nothing comes. */
export function extendAtMs({ occurrences }: SeriesRow, nowMs: number): number | undefined {
  if (occurrences.untilMs === 0) return undefined;
  return nowMs + Math.max(Math.floor((occurrences.untilMs - nowMs) / 2), DAY_MS / 24);
}
