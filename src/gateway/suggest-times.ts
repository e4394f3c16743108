import type { BusySpan, WorkingHours } from "../domain/index.js";
import { localMs } from "../ical/index.js";

/** Whom a time is looked for. */
export interface Participant {
  /** `users/{user}` */
  readonly name: string;
  readonly required: boolean;
  /** In order, apart from each other. */
  readonly busy: readonly BusySpan[];
  readonly timeZone: string;
  /** Empty: all day, every day. */
  readonly workingHours: readonly WorkingHours[];
}

export interface TimeSearch {
  readonly participants: readonly Participant[];
  readonly durationMs: number;
  readonly windowStartMs: number;
  readonly windowEndMs: number;
  readonly workingHoursOnly: boolean;
  readonly resultsMax: number;
}

export interface Suggestion {
  readonly startMs: number;
  readonly endMs: number;
  readonly available: readonly string[];
  readonly busy: readonly string[];
}

/** Times begin at full quarters of an hour. */
const STEP_MS = 15 * 60_000;
const DAY_MINUTES = 24 * 60;
const MINUTE_MS = 60_000;

/** The best times: most of the required people first, then most of the optional ones, then the earliest. */
export function suggestTimes(search: TimeSearch): readonly Suggestion[] {
  const { participants, durationMs, windowStartMs, windowEndMs, resultsMax } = search;
  const found: (Suggestion & { readonly rank: number })[] = [];
  const weight = participants.length + 1;
  const firstMs = Math.ceil(windowStartMs / STEP_MS) * STEP_MS;
  for (let startMs = firstMs; startMs + durationMs <= windowEndMs; startMs += STEP_MS) {
    const span = { startMs, endMs: startMs + durationMs };
    const free = participants.map((participant) => isFree(participant, span, search));
    const names = (wanted: boolean): readonly string[] =>
      participants.filter((_, i) => free[i] === wanted).map(({ name }) => name);
    const rank = participants.reduce(
      (sum, { required }, i) => sum + (free[i] === true ? (required ? weight : 1) : 0),
      0,
    );
    if (rank > 0) found.push({ ...span, available: names(true), busy: names(false), rank });
  }
  return found
    .sort((a, b) => b.rank - a.rank || a.startMs - b.startMs)
    .slice(0, resultsMax)
    .map(({ startMs, endMs, available, busy }) => ({ startMs, endMs, available, busy }));
}

function isFree(participant: Participant, span: BusySpan, search: TimeSearch): boolean {
  const { busy, workingHours } = participant;
  if (busy.some(({ startMs, endMs }) => startMs < span.endMs && span.startMs < endMs)) return false;
  if (!search.workingHoursOnly || workingHours.length === 0) return true;
  return isWithinHours(participant, span);
}

/** Within one stretch of a day, by the participant's own clock. */
function isWithinHours({ timeZone, workingHours }: Participant, span: BusySpan): boolean {
  const zone = timeZone === "" ? "UTC" : timeZone;
  const start = localMs(span.startMs, zone);
  const dayMs = DAY_MINUTES * MINUTE_MS;
  const day = Math.floor(start / dayMs);
  const fromMinute = (start - day * dayMs) / MINUTE_MS;
  const toMinute = fromMinute + (localMs(span.endMs, zone) - start) / MINUTE_MS;
  // 1970 began on a Thursday.
  const weekday = ((day + 3) % 7) + 1;
  return workingHours.some(
    (hours) =>
      hours.weekday === weekday && hours.startMinute <= fromMinute && toMinute <= hours.endMinute,
  );
}
