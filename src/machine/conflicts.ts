import type { CalendarEvent, Conflict } from "../domain/index.js";
import { calendarOwner, takesTime } from "../policy/index.js";
import { indexOf } from "./calendar-index.js";
import { calendarOf } from "./calendar-rows.js";
import { attendeeOf, hasAccepted } from "./decision.js";
import { refuse } from "./draft.js";
import type { Draft, Refusal } from "./draft.js";
import { timeRange } from "./event-times.js";
import type { TimeRange } from "./event-times.js";
import { isRecurring, standingStarts } from "./instances.js";
import { EventScan } from "./scan-events.js";
import type { Standing } from "./series.js";
import type { StateReader } from "./state-reader.js";
import { eventName } from "./event-name.js";

/** Of one event that an answer names. */
export const CONFLICTS_MAX = 20;
/** Rows that a search looks at; where that is not enough, nobody can say that there is no conflict. */
const ROWS_MAX = 4_000;
const CHUNK_ROWS = 64;

export interface FoundConflicts {
  readonly conflicts: readonly Conflict[];
  /** There was more to look at than one search does. */
  readonly isCut: boolean;
}

/**
 * What else keeps a person from being there: events of all their calendars that take time at the same time, their own ones and
 * those that they accepted. Of a group's calendar the other events in it.
 */
export function findConflicts(
  state: StateReader,
  standing: Standing,
  fromMs: number,
): FoundConflicts {
  const { event } = standing;
  const spans = takesTime(event) ? spansOf(standing, fromMs) : [];
  const [first] = spans;
  if (first === undefined) return { conflicts: [], isCut: false };
  const scan = new EventScan(state.view, state.rows, {
    calendars: calendarsBeside(state, event.calendar),
    windowStartMs: first.startMs,
    windowEndMs: Math.max(...spans.map(({ endMs }) => endMs)),
    showDeleted: false,
    after: "",
    chunkRows: CHUNK_ROWS,
  });
  const conflicts: Conflict[] = [];
  for (let rows = 0; rows < ROWS_MAX && conflicts.length < CONFLICTS_MAX; rows++) {
    const found = scan.next();
    if (found === undefined) return { conflicts, isCut: scan.isCut };
    const { event: other } = found;
    if (!found.overlaps || isSame(event, other) || !keepsAway(other)) continue;
    const span = timeRange(other.span);
    if (!spans.some((own) => own.startMs < span.endMs && span.startMs < own.endMs)) continue;
    conflicts.push({ calendar: other.calendar, event: other.id, ...span });
  }
  return { conflicts, isCut: conflicts.length < CONFLICTS_MAX };
}

/** Where the calendar says so, what would be in conflict is refused. What a superior imposes is never asked here. */
export function refuseConflict(draft: Draft, after: Standing): Refusal | undefined {
  const { calendar } = after.event;
  if (calendarOf(draft, calendar).conflictPolicy === "allow") return undefined;
  const { conflicts, isCut } = findConflicts(draft, after, draft.nowMs);
  const [first] = conflicts;
  if (first !== undefined) return refuseFor(calendar, eventName(first.calendar, first.event));
  if (!isCut) return undefined;
  return refuse(
    "failed-precondition",
    `calendars/${calendar} rejects conflicts, and there is too much to look at for this event`,
  );
}

/** Events that are made together do not see each other. */
export function refuseMutual(
  draft: Draft,
  calendar: string,
  made: readonly Standing[],
): Refusal | undefined {
  if (calendarOf(draft, calendar).conflictPolicy === "allow") return undefined;
  const spans = made
    .filter(({ event }) => takesTime(event))
    .flatMap((one) => spansOf(one, draft.nowMs).map((span) => ({ ...span, id: one.event.id })))
    .sort((a, b) => a.startMs - b.startMs);
  let last: (TimeRange & { readonly id: string }) | undefined;
  for (const span of spans) {
    if (last !== undefined && span.startMs < last.endMs && span.id !== last.id) {
      return refuseFor(calendar, "another event of the batch");
    }
    if (last === undefined || span.endMs > last.endMs) last = span;
  }
  return undefined;
}

function refuseFor(calendar: string, other: string): Refusal {
  return refuse(
    "failed-precondition",
    `calendars/${calendar} rejects conflicts: this is at the same time as ${other}`,
  );
}

/** Of an event that repeats, those occurrences that are not over. */
function spansOf({ event, series }: Standing, fromMs: number): readonly TimeRange[] {
  const range = timeRange(event.span);
  if (!isRecurring(event) || series === undefined) return [range];
  const lengthMs = range.endMs - range.startMs;
  return standingStarts(series)
    .map((startMs) => ({ startMs, endMs: startMs + lengthMs }))
    .filter(({ endMs }) => endMs > fromMs);
}

function calendarsBeside(state: StateReader, calendar: string): readonly string[] {
  const owner = calendarOwner(calendar);
  if (owner?.kind !== "user") return [calendar];
  return [owner.user, ...indexOf(state, owner.user).further];
}

/** An event and its own instances. */
function isSame(event: CalendarEvent, other: CalendarEvent): boolean {
  if (event.calendar !== other.calendar) return false;
  const of = ({ id, recurringEvent }: CalendarEvent): string => recurringEvent || id;
  return event.id === other.id || (of(event) === of(other) && isRecurring(event));
}

/** What takes time, and of what others organise what was accepted. */
export function keepsAway(event: CalendarEvent): boolean {
  if (!takesTime(event)) return false;
  if (event.source === "") return true;
  const own = attendeeOf(event, event.calendar);
  return own !== undefined && hasAccepted(own);
}
