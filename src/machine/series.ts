import type {
  CalendarEvent,
  Caller,
  EventBody,
  Occurrences,
  Operation,
  Question,
  SeriesEnd,
} from "../domain/index.js";
import { decide } from "../policy/index.js";
import { refuse } from "./draft.js";
import type { Draft, Outcome, Refusal } from "./draft.js";
import { occurrenceKey, timeRange } from "./event-times.js";
import { findEventRow } from "./find-event.js";
import { gather } from "./gather.js";
import { extendAtMs, isRecurring, standingStarts } from "./instances.js";
import { writeReminder } from "./reminders.js";
import { KEYS, TIME_END_MS, TIME_MIN_MS, timeKey } from "./rows.js";
import type { RowCodecs, SeriesRow } from "./rows.js";
import type { StateKey, View } from "./types.js";

type ExtendSeries = Extract<Operation, { kind: "extend-series" }>;

/** Of one event in the index at once: with those that they replace they fit a command. */
export const OCCURRENCES_MAX = 400;
/** Instances of one event that were written by themselves, or deleted, among the known occurrences. */
const EXCEPTED_MAX = 100;

const DUE_SERIES_MAX = 100;

/** An event with what belongs to it if it repeats. */
export interface Standing {
  readonly event: CalendarEvent;
  readonly series: SeriesRow | undefined;
}

/** Rows that a write of this takes at most. */
export function seriesCost({ series }: Standing): number {
  return series === undefined ? 0 : series.occurrences.startsMs.length + 2;
}

/** Makes the rows of a series and its occurrences follow the event that they belong to. */
export function writeSeries(draft: Draft, before: Standing | undefined, after: Standing): void {
  const { event, series } = after;
  const former = occurrenceRows(before);
  const present = occurrenceRows(after);
  for (const key of former.keys()) if (!present.has(key)) draft.delete(key);
  for (const [key, endMs] of present) {
    if (former.get(key) !== endMs) draft.put(draft.rows.occurrence, key, { endMs });
  }
  const key = KEYS.series(event.calendar, event.id);
  if (series === undefined) {
    if (before?.series !== undefined) draft.delete(key);
    return;
  }
  if (series !== before?.series) draft.put(draft.rows.series, key, series);
  if (series.occurrences === before?.series?.occurrences && event.deleteTimeMs !== 0) return;
  const atMs = extendAtMs(series, draft.nowMs);
  if (atMs === undefined) return;
  const endKey = KEYS.seriesEnd(atMs, event.calendar, event.id);
  draft.put(draft.rows.expiry, endKey, { keys: [], bytes: 0 });
}

/** Where no further instance can be written by itself. */
export function refuseFullSeries({ exceptedMs }: SeriesRow): Refusal | undefined {
  if (exceptedMs.length < EXCEPTED_MAX) return undefined;
  return refuse(
    "failed-precondition",
    `${EXCEPTED_MAX} instances of this event differ from it, the most: end it and make another`,
  );
}

/** Takes one occurrence out of a series: from now on it is a row of its own, or deleted. */
export function exceptOccurrence(
  draft: Draft,
  recurring: CalendarEvent,
  series: SeriesRow,
  startMs: number,
): void {
  const exceptedMs = [...series.exceptedMs, startMs].sort((a, b) => a - b);
  draft.put(draft.rows.series, KEYS.series(recurring.calendar, recurring.id), {
    ...series,
    exceptedMs,
  });
  draft.delete(occurrenceKey(recurring, startMs));
}

/** Old occurrences make room for new ones, and are no longer listed. Nobody is told: the event is the same. */
export function extendSeries(draft: Draft, caller: Caller, operation: ExtendSeries): Outcome {
  const { calendar, event: id, dueMs, afterMs, occurrences } = operation;
  if (decide(caller, "series.extend", { kind: "none" }).kind === "deny") {
    return refuse("permission-denied", "only the cluster extends what repeats");
  }
  const event = draft.find(draft.rows.event, KEYS.event(calendar, id));
  const series = draft.find(draft.rows.series, KEYS.series(calendar, id));
  draft.delete(KEYS.seriesEnd(dueMs, calendar, id));
  const name = `calendars/${calendar}/events/${id}`;
  const isDue = event?.deleteTimeMs === 0 && series?.occurrences.untilMs === afterMs;
  if (isDue && afterMs !== 0 && occurrences.startsMs.every((ms) => ms >= afterMs)) {
    const known = [...series.occurrences.startsMs, ...occurrences.startsMs];
    const startsMs = known.slice(-OCCURRENCES_MAX);
    const [firstMs = 0] = startsMs;
    const extended = {
      occurrences: { startsMs, untilMs: occurrences.untilMs },
      exceptedMs: series.exceptedMs.filter((ms) => ms >= firstMs),
    };
    writeReminder(draft, { event, series }, { event, series: extended });
    writeSeries(draft, { event, series }, { event, series: extended });
  }
  return { kind: "done", name, revision: event?.revision ?? 0 };
}

/** For who extends them: what the queue says is due, oldest first. */
export function listDueSeries(
  view: View,
  rows: RowCodecs,
  { nowMs, limit }: Extract<Question, { kind: "list-due-work" }>,
): readonly SeriesEnd[] {
  const end = `eh/${timeKey(Math.min(Math.max(nowMs, TIME_MIN_MS), TIME_END_MS))}`;
  const due = view.range({ start: "eh/", end, limit: Math.min(limit, DUE_SERIES_MAX) });
  const entries = due.map(({ key }) => {
    const [, time = "", calendar = "", id = ""] = key.split("/");
    return { dueMs: Number(time) + TIME_MIN_MS, calendar, id };
  });
  const keys = entries.flatMap(({ calendar, id }) => [
    KEYS.event(calendar, id),
    KEYS.series(calendar, id),
  ]);
  gather(view, { keys, ranges: [] });
  return entries.map((entry) => {
    const found = findEventRow(view, rows, entry.calendar, entry.id);
    if (found?.kind !== "row" || found.series === undefined || found.event.deleteTimeMs !== 0) {
      return { ...entry, untilMs: 0 };
    }
    return { ...entry, untilMs: found.series.occurrences.untilMs, event: found.event };
  });
}

/** What an event that repeats has to say of its occurrences, and one that does not must not. */
export function occurrencesFault(
  content: EventBody,
  occurrences: Occurrences | undefined,
): string | undefined {
  if (content.recurrence.length === 0) {
    return occurrences === undefined ? undefined : "occurrences: the event does not repeat";
  }
  if (occurrences === undefined) return "occurrences: must be set for an event that repeats";
  const { startMs, endMs } = timeRange(content.span);
  if (endMs - startMs > LENGTH_MS_MAX) return "event: too long to repeat";
  return startsFault(occurrences);
}

const LENGTH_MS_MAX = 366 * 86_400_000;

export function startsFault({ startsMs, untilMs }: Occurrences): string | undefined {
  if (startsMs.length > OCCURRENCES_MAX) return `occurrences: at most ${OCCURRENCES_MAX}`;
  const isTime = (ms: number): boolean => Number.isSafeInteger(ms) && ms >= 0 && ms < TIME_MS_MAX;
  if (!startsMs.every((ms) => isTime(ms) && ms % 1000 === 0) || !isTime(untilMs)) {
    return "occurrences: not a time";
  }
  const inOrder = startsMs.every((ms, i) => i === 0 || ms > (startsMs[i - 1] ?? 0));
  return inOrder ? undefined : "occurrences: not in order";
}

/** Some years before the last that a key can hold, for an occurrence has an end too. */
const TIME_MS_MAX = 253_000_000_000_000;

function occurrenceRows(standing: Standing | undefined): ReadonlyMap<StateKey, number> {
  const rows = new Map<StateKey, number>();
  if (standing?.series === undefined || standing.event.deleteTimeMs !== 0) return rows;
  const { event, series } = standing;
  if (!isRecurring(event)) return rows;
  const { startMs, endMs } = timeRange(event.span);
  for (const ms of standingStarts(series)) {
    rows.set(occurrenceKey(event, ms), ms + endMs - startMs);
  }
  return rows;
}
