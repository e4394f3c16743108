import { assert } from "../base/index.js";
import type { CalendarEvent, Delivery } from "../domain/index.js";
import { attendeeOf } from "./decision.js";
import type { Draft } from "./draft.js";
import { gather } from "./gather.js";
import { isRecurring } from "./instances.js";
import { keyAfter, KEYS, prefixRange, timeKey } from "./rows.js";
import type { Standing } from "./series.js";
import { writeRecord } from "./write-record.js";

type GroupEvents = Extract<Delivery, { kind: "group-events" }>;

/** Events that one command looks at; more go on in the next. */
const LOOKED_MAX = 10;
/** Rows that writing one takes at most, with all its attendees: some of its own, and a delivery for each. */
const EVENT_ROWS = 520;

/**
 * What becomes of a group's events that are not over: those of a group that is gone are cancelled, and who left a group is no
 * longer waited for.
 */
export function followGroup(draft: Draft, { group, left, after }: GroupEvents): void {
  const from = `ge/${group}/${timeKey(draft.nowMs)}`;
  const range = prefixRange(`ge/${group}`, LOOKED_MAX);
  const start = after === "" ? from : keyAfter(after);
  const rows = draft.view.range({ ...range, start });
  const names = rows.map(({ key }) => {
    const [, , , calendar = "", id = ""] = key.split("/");
    return { key, calendar, id };
  });
  const keys = names.flatMap(({ calendar, id }) => [
    KEYS.event(calendar, id),
    KEYS.series(calendar, id),
  ]);
  gather(draft.view, { keys, ranges: [] });
  let last = "";
  for (const { key, calendar, id } of names) {
    if (draft.writes.length > 0 && !draft.hasRoom(EVENT_ROWS)) break;
    const event = draft.find(draft.rows.event, KEYS.event(calendar, id));
    assert(event !== undefined, `a group's event that is not there: ${key}`);
    const series = isRecurring(event)
      ? draft.find(draft.rows.series, KEYS.series(calendar, id))
      : undefined;
    if (left === "") cancel(draft, { event, series });
    else release(draft, left, { event, series });
    last = key;
  }
  const [first] = names;
  const isAll = last === names.at(-1)?.key && names.length < LOOKED_MAX;
  if (first === undefined || isAll) return;
  draft.postTo("calendars", first.calendar, { kind: "group-events", group, left, after: last });
}

function cancel(draft: Draft, before: Standing): void {
  const event = { ...touched(draft, before.event), state: "cancelled" } as const;
  writeRecord(draft, "updated", { event, series: before.series }, before);
}

function release(draft: Draft, user: string, before: Standing): void {
  if (attendeeOf(before.event, user) === undefined) return;
  const attendees = before.event.attendees.filter((attendee) => attendee.user !== user);
  const event = { ...touched(draft, before.event), attendees };
  writeRecord(draft, "updated", { event, series: before.series }, before);
}

function touched(draft: Draft, event: CalendarEvent): CalendarEvent {
  return { ...event, updateTimeMs: draft.nowMs, revision: draft.nextRevision };
}
