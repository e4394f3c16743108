import type { Caller, Operation } from "../domain/index.js";
import { calendarOwner, decide } from "../policy/index.js";
import { attendeeOf } from "./decision.js";
import { refuse } from "./draft.js";
import type { Draft, Outcome } from "./draft.js";
import { timeRange } from "./event-times.js";
import { findEventRow } from "./find-event.js";
import type { FoundEvent } from "./find-event.js";
import { gather } from "./gather.js";
import { instanceId, isRecurring, standingStarts } from "./instances.js";
import { notify } from "./notifications.js";
import { KEYS, TIME_END_MS, TIME_MIN_MS, timeKey } from "./rows.js";
import type { SeriesRow } from "./rows.js";
import type { Standing } from "./series.js";
import type { KeyRange } from "./types.js";
import { eventName } from "./event-name.js";

type FireReminders = Extract<Operation, { kind: "fire-reminders" }>;

const MINUTE_MS = 60_000;
/** Queue entries that one command works off; each gives five notifications at most. */
export const REMINDERS_FIRED_MAX = 20;

/**
 * Keeps the one entry that an event has in the queue: its next reminder. One that is there still though the event has
 * changed since does no harm, for what is due is looked at again.
 */
export function writeReminder(
  draft: Draft,
  before: Standing | undefined,
  after: Standing | undefined,
): void {
  const former = before && nextReminderMs(before, draft.nowMs);
  const present = after && nextReminderMs(after, draft.nowMs);
  if (former === present) return;
  if (before !== undefined && former !== undefined) {
    draft.delete(KEYS.reminder(former, before.event.calendar, before.event.id));
  }
  if (after !== undefined && present !== undefined) putReminder(draft, after, present);
}

/**
 * Tells people what begins soon. The entry goes with the notification in one batch: whoever proposes it and however often,
 * each is told once.
 */
export function fireReminders(draft: Draft, caller: Caller, { limit }: FireReminders): Outcome {
  if (decide(caller, "reminders.fire", { kind: "none" }).kind === "deny") {
    return refuse("permission-denied", "only the cluster fires reminders");
  }
  const due = draft.view.range(dueReminders(draft.nowMs, Math.min(limit, REMINDERS_FIRED_MAX)));
  const entries = due.map(({ key }) => {
    const [, time = "", calendar = "", id = ""] = key.split("/");
    return { key, dueMs: Number(time) + TIME_MIN_MS, calendar, id };
  });
  const keys = entries.flatMap(({ calendar, id }) => [
    KEYS.event(calendar, id),
    KEYS.series(calendar, id),
  ]);
  gather(draft.view, { keys, ranges: [] });
  for (const { key, dueMs, calendar, id } of entries) {
    draft.delete(key);
    const found = findEventRow(draft.view, draft.rows, calendar, id);
    if (found?.kind !== "row" || !isStanding(found)) continue;
    for (const startMs of startsToTell(found, dueMs)) tell(draft, found, startMs);
    const nextMs = nextReminderMs(found, dueMs);
    if (nextMs !== undefined) putReminder(draft, found, nextMs);
  }
  return { kind: "done", name: "reminders", revision: 0 };
}

export function dueReminders(nowMs: number, limit: number): KeyRange {
  const end = `rm/${timeKey(Math.min(Math.max(nowMs + 1, TIME_MIN_MS), TIME_END_MS))}`;
  return { start: "rm/", end, limit };
}

/** Who declined is not reminded. */
function isStanding({ event }: Standing): boolean {
  const stands = event.state !== "cancelled" && event.state !== "rejected";
  const isDeclined = attendeeOf(event, event.calendar)?.response === "declined";
  return event.deleteTimeMs === 0 && stands && !isDeclined;
}

/** When the first reminder after a moment is due; undefined where there is none. */
function nextReminderMs(standing: Standing, afterMs: number): number | undefined {
  if (standing.event.reminderMinutes.length === 0 || !isStanding(standing)) return undefined;
  if (calendarOwner(standing.event.calendar)?.kind !== "user") return undefined;
  let nextMs: number | undefined;
  for (const startMs of startsOf(standing)) {
    for (const minutes of standing.event.reminderMinutes) {
      const dueMs = startMs - minutes * MINUTE_MS;
      if (dueMs > afterMs && dueMs >= TIME_MIN_MS) nextMs = Math.min(nextMs ?? Infinity, dueMs);
    }
  }
  return nextMs;
}

function startsToTell(found: FoundEvent, dueMs: number): readonly number[] {
  const { reminderMinutes } = found.event;
  return startsOf(found).filter((startMs) =>
    reminderMinutes.some((minutes) => startMs - minutes * MINUTE_MS === dueMs),
  );
}

function startsOf({
  event,
  series,
}: {
  readonly event: Standing["event"];
  readonly series: SeriesRow | undefined;
}): readonly number[] {
  if (isRecurring(event)) return series === undefined ? [] : standingStarts(series);
  return [timeRange(event.span).startMs];
}

function putReminder(draft: Draft, { event }: Standing, dueMs: number): void {
  const key = KEYS.reminder(dueMs, event.calendar, event.id);
  draft.put(draft.rows.expiry, key, { keys: [], bytes: 0 });
}

function tell(draft: Draft, { event }: FoundEvent, startMs: number): void {
  const owner = calendarOwner(event.calendar);
  if (owner?.kind !== "user") return;
  const id = isRecurring(event) ? instanceId(event.id, startMs) : event.id;
  const subject = eventName(event.calendar, id);
  notify(draft, owner.user, { type: "reminder", subject, text: event.title });
}
