import type { CalendarDate, EventSpan } from "../domain/index.js";
import { timeKey } from "./rows.js";
import type { StateKey } from "./types.js";

const DAY_MS = 86_400_000;

/**
 * Events are indexed by start within classes of length, so that a window needs of each class only
 * what starts at most that length before it. A page costs one range read a class (and state of
 * deletion), and rows looked at in vain are those that start up to a class's length before the
 * window and end before it: at most a day's worth of short events. Only events longer than the last
 * bound are looked at from the first on.
 */
export const LENGTH_CLASSES: readonly { readonly name: string; readonly maxMs: number }[] = [
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
  readonly deleteTimeMs: number;
}): StateKey {
  const { startMs, endMs } = timeRange(event.span);
  const lengthMs = endMs - startMs;
  const found = LENGTH_CLASSES.find(({ maxMs }) => lengthMs <= maxMs);
  const prefix = indexPrefix(event.calendar, found?.name ?? "3", event.deleteTimeMs !== 0);
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
function dateMs({ year, month, day }: CalendarDate): number {
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / 400);
  const yearOfEra = y - era * 400;
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  const dayOfEra =
    yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return (era * 146_097 + dayOfEra - 719_468) * DAY_MS;
}
