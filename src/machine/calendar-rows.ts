import type { Calendar } from "../domain/index.js";
import { calendarOwner } from "../policy/index.js";
import { refuse } from "./draft.js";
import type { Draft, Refusal } from "./draft.js";
import { KEYS } from "./rows.js";
import type { StateReader } from "./state-reader.js";
import type { KeyRange, StateKey } from "./types.js";

/** Calendars that a user has beside the primary one, those that were deleted included. */
export const FURTHER_MAX = 50;

/** A calendar of which something was said, and that was not deleted. */
export function findCalendar(state: StateReader, key: string): Calendar | undefined {
  const calendar = state.find(state.rows.calendar, KEYS.calendar(key));
  return calendar?.deleteTimeMs === 0 ? calendar : undefined;
}

/** Any calendar: one of which nothing was said is as its key has it. */
export function calendarOf(state: StateReader, key: string): Calendar {
  return findCalendar(state, key) ?? untouched(key);
}

export function untouched(key: string): Calendar {
  return {
    key,
    displayName: "",
    timeZone: "UTC",
    conflictPolicy: "allow",
    public: false,
    readers: [],
    createTimeMs: 0,
    updateTimeMs: 0,
    deleteTimeMs: 0,
    revision: 0,
  };
}

/** Neither a user's primary calendar nor a group's. */
export function isFurther(key: string): boolean {
  return key.includes(".") && calendarOwner(key)?.kind === "user";
}

/** The primary calendar beside a further one: its key is the user's id. */
export function primaryOf(further: string): string {
  return further.slice(0, further.indexOf("."));
}

/** Rows of the further calendars of a user: the primary one's has no dot. */
export function furtherRange(user: string): KeyRange {
  return { start: `${KEYS.calendar(user)}.`, end: `${KEYS.calendar(user)}/`, limit: FURTHER_MAX };
}

/** A first event makes the calendar that it is put into. */
export function ensureCalendar(draft: Draft, key: string): Refusal | undefined {
  if (!isFurther(key)) return undefined;
  const calendar = draft.find(draft.rows.calendar, KEYS.calendar(key));
  if (calendar !== undefined) return calendar.deleteTimeMs === 0 ? undefined : refuseDeleted(key);
  const refusal = refuseFull(draft, key);
  if (refusal !== undefined) return refusal;
  const made = { ...untouched(key), createTimeMs: draft.nowMs, updateTimeMs: draft.nowMs };
  draft.put(draft.rows.calendar, KEYS.calendar(key), made);
  return undefined;
}

export function refuseDeleted(key: string): Refusal {
  return refuse("failed-precondition", `calendars/${key} was deleted: choose another name`);
}

export function refuseFull(draft: Draft, key: string): Refusal | undefined {
  const user = primaryOf(key);
  if (draft.view.range(furtherRange(user)).length < FURTHER_MAX) return undefined;
  return refuse("failed-precondition", `users/${user} has ${FURTHER_MAX} calendars, the most`);
}

/** That a calendar has events in these classes; of a further one, its owner's primary calendar knows. */
export function noteInIndex(draft: Draft, calendar: string, classes: readonly string[]): void {
  draft.noteIndex(calendar, { classes });
  if (isFurther(calendar)) draft.noteIndex(primaryOf(calendar), { further: [calendar] });
}

/** What that reads. */
export function indexReads(calendar: string): readonly StateKey[] {
  const own = KEYS.calendarIndex(calendar);
  return isFurther(calendar) ? [own, KEYS.calendarIndex(primaryOf(calendar))] : [own];
}
