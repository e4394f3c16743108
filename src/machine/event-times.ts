import type { CalendarDate, CalendarEvent, EventSpan } from "../domain/index.js";
import { timeKey } from "./rows.js";
import type { StateKey } from "./types.js";

const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;

/**
 * Events are indexed by start within classes of length, so that a window needs of each class only what starts at most that
 * length before it. A page costs one range read for each class that the calendar has events in (and state of deletion), and
 * rows looked at in vain are those that start up to a class's length before the window and end before it: an hour's worth of
 * what most events are. Only events longer than the last bound are looked at from the first on.
 */
export const LENGTH_CLASSES: readonly { readonly name: string; readonly maxMs: number }[] = [
  { name: "h", maxMs: HOUR_MS },
  { name: "0", maxMs: DAY_MS },
  { name: "1", maxMs: 16 * DAY_MS },
  { name: "2", maxMs: 256 * DAY_MS },
  { name: "3", maxMs: Infinity },
];

export interface TimeRange {
  readonly startMs: number;
  readonly endMs: number;
}

/** When an event is; dates count as days of UTC. */
export function timeRange(span: EventSpan): TimeRange {
  if (span.kind === "timed") return { startMs: span.startMs, endMs: span.endMs };
  return { startMs: dateMs(span.start), endMs: dateMs(span.end) };
}

/** Occurrences of events that repeat are no longer than the last bound. */
export const OCCURRENCE_CLASSES: readonly { readonly name: string; readonly maxMs: number }[] = [
  { name: "h", maxMs: HOUR_MS },
  { name: "0", maxMs: DAY_MS },
  { name: "1", maxMs: 16 * DAY_MS },
  { name: "2", maxMs: 366 * DAY_MS },
];
/** Events that repeat stand here by their first start, whatever their length. */
export const RECURRING_CLASS = "r";

/** Key of one occurrence of an event that repeats. */
export function occurrenceKey(event: CalendarEvent, startMs: number): StateKey {
  return `eo/${event.calendar}/${occurrenceClass(event)}/${indexSuffix(startMs, event.id)}`;
}

function occurrenceClass({ span }: Pick<CalendarEvent, "span">): string {
  const { startMs, endMs } = timeRange(span);
  return OCCURRENCE_CLASSES.find(({ maxMs }) => endMs - startMs <= maxMs)?.name ?? "2";
}

/** How a class of occurrences is named beside those of events. */
export function ofOccurrences(name: string): string {
  return `o${name}`;
}

/** The classes in which an event stands, deleted or not. */
export function classesOf(event: Pick<CalendarEvent, "span" | "recurrence">): readonly string[] {
  if (event.recurrence.length === 0) return [lengthClass(event)];
  return [RECURRING_CLASS, ofOccurrences(occurrenceClass(event))];
}

function lengthClass({ span }: Pick<CalendarEvent, "span">): string {
  const { startMs, endMs } = timeRange(span);
  return LENGTH_CLASSES.find(({ maxMs }) => endMs - startMs <= maxMs)?.name ?? "3";
}

/** Prefix of the index rows of a calendar's events in one class; `deleted` ones have their own. */
export function indexPrefix(calendar: string, lengthClass: string, deleted: boolean): string {
  return `${deleted ? "ed" : "es"}/${calendar}/${lengthClass}`;
}

/** What orders events within a prefix, and across prefixes. */
export function indexSuffix(startMs: number, event: string): string {
  return `${timeKey(startMs)}/${event}`;
}

export function indexKey(event: {
  readonly calendar: string;
  readonly id: string;
  readonly span: EventSpan;
  readonly recurrence: readonly string[];
  readonly deleteTimeMs: number;
}): StateKey {
  const { startMs } = timeRange(event.span);
  const [name = ""] = classesOf(event);
  const prefix = indexPrefix(event.calendar, name, event.deleteTimeMs !== 0);
  return `${prefix}/${indexSuffix(startMs, event.id)}`;
}

export function isDate({ year, month, day }: CalendarDate): boolean {
  if (!Number.isInteger(year) || year < 1 || year > 9999) return false;
  if (!Number.isInteger(month) || month < 1 || month > 12) return false;
  return Number.isInteger(day) && day >= 1 && day <= daysInMonth(year, month);
}

function daysInMonth(year: number, month: number): number {
  if (month === 2) {
    return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
  }
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

/**
 * Midnight UTC of a day of the proleptic Gregorian calendar (Hinnant, "chrono-Compatible Low-Level
 * Date Algorithms").
 */
export function dateMs({ year, month, day }: CalendarDate): number {
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / 400);
  const yearOfEra = y - era * 400;
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  const dayOfEra =
    yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return (era * 146_097 + dayOfEra - 719_468) * DAY_MS;
}

/** The day of UTC that a moment is in: the inverse of `dateMs`. */
export function dateOfMs(ms: number): CalendarDate {
  const days = Math.floor(ms / DAY_MS) + 719_468;
  const era = Math.floor(days / 146_097);
  const dayOfEra = days - era * 146_097;
  const yearOfEra = Math.floor(
    (dayOfEra -
      Math.floor(dayOfEra / 1_460) +
      Math.floor(dayOfEra / 36_524) -
      Math.floor(dayOfEra / 146_096)) /
      365,
  );
  const dayOfYear =
    dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const shifted = Math.floor((5 * dayOfYear + 2) / 153);
  const month = shifted < 10 ? shifted + 3 : shifted - 9;
  return {
    year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0),
    month,
    day: dayOfYear - Math.floor((153 * shifted + 2) / 5) + 1,
  };
}
