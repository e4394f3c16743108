import type { CalendarEvent, ToReaders, Visibility } from "../domain/index.js";
import { seenAs } from "../policy/index.js";
import type { RowCodecs } from "./rows.js";
import type { Standing } from "./series.js";

/** What a change is to readers: from what they saw before it, and what they see after it. */
export function toReaders(
  rows: Pick<RowCodecs, "event">,
  before: Standing | undefined,
  after: Standing,
  defaultVisibility: Visibility,
): ToReaders {
  const former = before && seenAs(before.event, "reader", defaultVisibility);
  const present = seenAs(after.event, "reader", defaultVisibility);
  if (present === undefined) return former === undefined ? "nothing" : "gone";
  if (present === after.event) return "details";
  if (former === undefined) return "busy-created";
  const isSame = sameBytes(rows, former, present) && sameOccurrences(before, after);
  return isSame ? "nothing" : "busy-updated";
}

/** Whose part in an event ended, be it that they were invited or that they organised it. */
export function formerlyPartOf(
  before: CalendarEvent | undefined,
  after: CalendarEvent,
): readonly string[] {
  if (before === undefined) return [];
  const present = new Set(partOf(after));
  return partOf(before).filter((user) => !present.has(user));
}

function partOf({ organizer, attendees }: CalendarEvent): readonly string[] {
  return [organizer, ...attendees.map(({ user }) => user)];
}

function sameBytes(rows: Pick<RowCodecs, "event">, a: CalendarEvent, b: CalendarEvent): boolean {
  const [before, after] = [rows.event.encode(a), rows.event.encode(b)];
  return before.length === after.length && before.every((byte, i) => byte === after[i]);
}

/** Of an event that repeats, when it does is no part of the event's own row. */
function sameOccurrences(before: Standing | undefined, after: Standing): boolean {
  const [a, b] = [before?.series, after.series];
  if (a === undefined || b === undefined) return a === b;
  const isSame = (x: readonly number[], y: readonly number[]): boolean =>
    x.length === y.length && x.every((time, i) => time === y[i]);
  return (
    isSame(a.occurrences.startsMs, b.occurrences.startsMs) && isSame(a.exceptedMs, b.exceptedMs)
  );
}
