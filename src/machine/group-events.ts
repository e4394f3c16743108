import { assert } from "../base/index.js";
import type { CalendarEvent, Delivery } from "../domain/index.js";
import type { Draft } from "./draft.js";
import { gather } from "./gather.js";
import { isRecurring } from "./instances.js";
import { lineOf } from "./membership.js";
import { keyAfter, KEYS, prefixRange, timeKey } from "./rows.js";
import type { Standing } from "./series.js";
import type { StateKey } from "./types.js";
import { calendarReads } from "./write-event.js";
import { writeRecord } from "./write-record.js";

type GroupEvents = Extract<Delivery, { kind: "group-events" | "group-moved" }>;

/** Events that one command looks at; more go on in the next. */
const LOOKED_MAX = 10;
/** Rows that writing one takes at most, with all its attendees: some of its own, and a delivery for each. */
const EVENT_ROWS = 520;

/**
 * What becomes of a group's events that are not over: those of a group that is gone are cancelled, and who left a group, or is
 * not in it any more where it was moved, is no longer waited for.
 */
export function followGroup(draft: Draft, news: GroupEvents): void {
  const { group, after } = news;
  const from = `ge/${group}/${timeKey(draft.nowMs)}`;
  const range = prefixRange(`ge/${group}`, LOOKED_MAX);
  const start = after === "" ? from : keyAfter(after);
  const rows = draft.view.range({ ...range, start });
  const names = rows.map(({ key }) => {
    const [, , , calendar = "", id = ""] = key.split("/");
    return { key, calendar, id };
  });
  const keys = names.map(({ calendar, id }) => KEYS.event(calendar, id));
  const beside = names.flatMap(({ calendar, id }) => [
    ...calendarReads(calendar),
    KEYS.series(calendar, id),
  ]);
  gather(draft.view, { keys: [...keys, ...beside], ranges: [] });
  const isOut = leaversOf(draft, news, keys);
  let last = "";
  for (const { key, calendar, id } of names) {
    if (draft.writes.length > 0 && !draft.hasRoom(EVENT_ROWS)) break;
    const event = draft.find(draft.rows.event, KEYS.event(calendar, id));
    assert(event !== undefined, `a group's event that is not there: ${key}`);
    const series = isRecurring(event)
      ? draft.find(draft.rows.series, KEYS.series(calendar, id))
      : undefined;
    if (isOut === undefined) cancel(draft, { event, series });
    else release(draft, isOut, { event, series });
    last = key;
  }
  const [first] = names;
  const isAll = last === names.at(-1)?.key && names.length < LOOKED_MAX;
  if (first === undefined || isAll) return;
  draft.postTo("calendars", first.calendar, { ...news, after: last });
}

/** Who is not waited for any more; undefined where the group itself is gone. */
function leaversOf(
  draft: Draft,
  news: GroupEvents,
  events: readonly StateKey[],
): ((user: string) => boolean) | undefined {
  if (news.kind === "group-events") {
    return news.left === "" ? undefined : (user) => user === news.left;
  }
  const found = events.map((key) => draft.find(draft.rows.event, key));
  const users = new Set(found.flatMap((event) => event?.attendees.map(({ user }) => user) ?? []));
  const line = lineOf(draft, news.group);
  const keys = line.flatMap(({ id }) => [...users].map((user) => KEYS.member(id, user)));
  gather(draft.view, { keys, ranges: [] });
  const isIn = (user: string): boolean => line.some(({ id }) => draft.has(KEYS.member(id, user)));
  return (user) => !isIn(user);
}

function cancel(draft: Draft, before: Standing): void {
  const event = { ...touched(draft, before.event), state: "cancelled" } as const;
  writeRecord(draft, "updated", { event, series: before.series }, before);
}

function release(draft: Draft, isOut: (user: string) => boolean, before: Standing): void {
  const attendees = before.event.attendees.filter(({ user }) => !isOut(user));
  if (attendees.length === before.event.attendees.length) return;
  const event = { ...touched(draft, before.event), attendees };
  writeRecord(draft, "updated", { event, series: before.series }, before);
}

function touched(draft: Draft, event: CalendarEvent): CalendarEvent {
  return { ...event, updateTimeMs: draft.nowMs, revision: draft.nextRevision };
}
