import type { Attendee, CalendarEvent, Delivery } from "../domain/index.js";
import { attendeeOf } from "./decision.js";
import type { Draft } from "./draft.js";
import { noticeCopy, noticeWithdrawal } from "./event-notices.js";
import { putPurge, PURGE_DELAY_MS } from "./event-purge.js";
import { gather } from "./gather.js";
import { instanceId, isRecurring, parseInstanceId } from "./instances.js";
import { KEYS } from "./rows.js";
import type { SeriesRow } from "./rows.js";
import { exceptOccurrence } from "./series.js";
import type { Standing } from "./series.js";
import { shownTo } from "./tell.js";
import { compareNumbers } from "./text.js";
import type { StateKey } from "./types.js";
import { calendarReads, writeEvent } from "./write-event.js";

/** Instances that one person answers by themselves in the moment that it takes to be heard: what goes with a series. */
const UNHEARD_MAX = 4;

type EventNews = Extract<Delivery, { kind: "event" }>;

/** Puts an event as its organiser has it into the calendars of those whom it concerns, and takes it from those of others. */
export function receiveEvent(draft: Draft, news: EventNews): void {
  gather(draft.view, { keys: copyReads(news), ranges: [] });
  for (const user of news.users) receiveFor(draft, user, news);
}

export function copyReads({ event, users }: EventNews): readonly StateKey[] {
  const ids = [event.id, ...(event.recurringEvent === "" ? [] : [event.recurringEvent])];
  return users.flatMap((user) => [
    ...calendarReads(user),
    ...ids.flatMap((id) => [KEYS.event(user, id), KEYS.series(user, id)]),
  ]);
}

function receiveFor(draft: Draft, user: string, news: EventNews): void {
  const before = findCopy(draft, user, news.event.id);
  if (before?.event.source === "") return;
  const own = attendeeOf(news.event, user);
  if (own !== undefined && news.event.deleteTimeMs === 0) write(draft, user, own, news, before);
  else if (before === undefined) leaveSeries(draft, user, news.event);
  else withdraw(draft, user, news, before);
}

function findCopy(draft: Draft, user: string, id: string): Standing | undefined {
  const event = draft.find(draft.rows.event, KEYS.event(user, id));
  if (event === undefined) return undefined;
  const series = isRecurring(event)
    ? draft.find(draft.rows.series, KEYS.series(user, id))
    : undefined;
  return { event, series };
}

/** As it was last known here: what became of it since is no longer theirs to know. */
function withdraw(draft: Draft, user: string, news: EventNews, before: Standing): void {
  if (before.event.deleteTimeMs !== 0) return;
  dropUnheard(draft, user, news, before);
  const event = drop(draft, before);
  if (before.event.state !== "cancelled") noticeWithdrawal(draft, user, event);
}

function drop(draft: Draft, before: Standing): CalendarEvent {
  const event: CalendarEvent = {
    ...before.event,
    updateTimeMs: draft.nowMs,
    deleteTimeMs: draft.nowMs,
    purgeTimeMs: draft.nowMs + PURGE_DELAY_MS,
    revision: draft.nextRevision,
  };
  putPurge(draft, event);
  writeEvent(draft, "deleted", { event, series: before.series }, before);
  return event;
}

function write(
  draft: Draft,
  user: string,
  own: Attendee,
  news: EventNews,
  before: Standing | undefined,
): void {
  const { event: record } = news;
  const isNew = before === undefined || before.event.deleteTimeMs !== 0;
  const event: CalendarEvent = {
    ...record,
    calendar: user,
    source: record.calendar,
    attendees: latest(record, own, isNew ? undefined : before.event),
    createTimeMs: before?.event.createTimeMs ?? draft.nowMs,
    updateTimeMs: draft.nowMs,
    revision: draft.nextRevision,
  };
  if (!isNew && isSame(draft, before.event, event)) return;
  if (isNew && before !== undefined) {
    draft.delete(KEYS.eventPurge(before.event.purgeTimeMs, user, record.id));
  }
  if (before === undefined) leaveSeries(draft, user, record);
  const row = isRecurring(event) ? seriesRow(news, before) : undefined;
  if (before !== undefined && before.event.sequence !== event.sequence) {
    dropUnheard(draft, user, news, before);
  }
  writeEvent(draft, isNew ? "created" : "updated", { event, series: row }, before);
  noticeCopy(draft, user, isNew ? undefined : before.event, event);
}

/** An instance that has a row of its own, or is gone, stands no longer in its series. */
function leaveSeries(draft: Draft, user: string, record: CalendarEvent): void {
  const instance = parseInstanceId(record.id);
  if (instance === undefined) return;
  const recurring = draft.find(draft.rows.event, KEYS.event(user, instance.event));
  const series = draft.find(draft.rows.series, KEYS.series(user, instance.event));
  if (recurring === undefined || recurring.source === "" || series === undefined) return;
  if (series.exceptedMs.includes(instance.originalStartMs)) return;
  exceptOccurrence(draft, recurring, series, instance.originalStartMs);
}

/** Instances that were answered here, which the organiser has not heard yet, still have rows of their own. */
function seriesRow(
  { event, series }: EventNews,
  before: Standing | undefined,
): SeriesRow | undefined {
  if (series === undefined) return undefined;
  const { occurrences, exceptedMs } = series;
  if (before === undefined || before.event.sequence !== event.sequence) {
    return { occurrences, exceptedMs };
  }
  const starts = new Set(occurrences.startsMs);
  const kept = unheardOf(series, before).filter((ms) => starts.has(ms));
  return { occurrences, exceptedMs: [...exceptedMs, ...kept].sort(compareNumbers) };
}

/** With a new time they are none: all are asked again. */
function dropUnheard(draft: Draft, user: string, news: EventNews, before: Standing): void {
  const unheard = unheardOf(news.series, before).slice(0, UNHEARD_MAX);
  const keys = unheard.map((ms) => KEYS.event(user, instanceId(before.event.id, ms)));
  gather(draft.view, { keys, ranges: [] });
  for (const key of keys) {
    const instance = draft.find(draft.rows.event, key);
    if (instance?.deleteTimeMs === 0) drop(draft, { event: instance, series: undefined });
  }
}

function unheardOf(series: EventNews["series"], { series: known }: Standing): readonly number[] {
  const heard = new Set(series?.exceptedMs);
  return (known?.exceptedMs ?? []).filter((ms) => !heard.has(ms));
}

/**
 * What its owner has said since, and what the organiser has not heard yet, stands. Of a copy that was gone nothing does: the
 * organiser may have taken no notice of it.
 */
function latest(
  record: CalendarEvent,
  own: Attendee,
  before: CalendarEvent | undefined,
): readonly Attendee[] {
  const shown = shownTo(record, own.user);
  const said = before && attendeeOf(before, own.user);
  const isLater =
    before !== undefined &&
    said !== undefined &&
    before.sequence === record.sequence &&
    own.response !== "auto-accepted" &&
    said.respondTimeMs > own.respondTimeMs;
  if (!isLater) return shown;
  const { response, comment, respondTimeMs } = said;
  return shown.map((attendee) =>
    attendee.user === own.user ? { ...attendee, response, comment, respondTimeMs } : attendee,
  );
}

/** Nothing that its owner would see: nobody is told twice. */
function isSame(draft: Draft, before: CalendarEvent, after: CalendarEvent): boolean {
  if (isRecurring(after) || isRecurring(before)) return false;
  const { updateTimeMs, revision } = before;
  const a = draft.rows.event.encode(before);
  const b = draft.rows.event.encode({ ...after, updateTimeMs, revision });
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
