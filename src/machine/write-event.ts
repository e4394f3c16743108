import type { CalendarEvent, ChangeKind } from "../domain/index.js";
import { calendarOwner } from "../policy/index.js";
import type { Draft, Outcome } from "./draft.js";
import { defaultVisibilityOf, defaultVisibilityReads } from "./default-visibility.js";
import { eventName } from "./event-name.js";
import { indexReads, noteInIndex } from "./calendar-rows.js";
import { classesOf, indexKey } from "./event-times.js";
import { groupIndexKey } from "./group-index.js";
import { writeReminder } from "./reminders.js";
import { KEYS, MARK } from "./rows.js";
import { writeSeries } from "./series.js";
import type { Standing } from "./series.js";
import { formerlyPartOf, toReaders } from "./to-readers.js";
import type { StateKey } from "./types.js";

/**
 * An event, everything that is kept beside it, and the change. The row and its copy in the index hold the same bytes.
 * `before` is what the event's rows were, undefined where it had none.
 */
export function writeEvent(
  draft: Draft,
  kind: ChangeKind,
  after: Standing,
  before: Standing | undefined,
): Outcome {
  const { event } = after;
  const { calendar, id, revision } = event;
  const bytes = draft.rows.event.encode(event);
  const index = indexKey(event);
  const formerIndex = before === undefined ? undefined : indexKey(before.event);
  draft.putBytes(KEYS.event(calendar, id), bytes);
  if (formerIndex !== undefined && formerIndex !== index) draft.delete(formerIndex);
  draft.putBytes(index, bytes);
  if (before === undefined || classesOf(before.event).join() !== classesOf(event).join()) {
    noteInIndex(draft, calendar, classesOf(event));
  }
  writeGroupIndex(draft, before?.event, event);
  writeReminder(draft, before, after);
  if (after.series !== undefined || before?.series !== undefined) writeSeries(draft, before, after);
  const name = eventName(calendar, id);
  const resource = { kind: "event", event } as const;
  const byDefault = defaultVisibilityOf(draft, calendar);
  draft.change({
    kind,
    channel: `calendars/${calendar}`,
    audience: audienceOf(event),
    resourceName: name,
    resource,
    toReaders: toReaders(draft.rows, before, after, byDefault),
    formerly: formerlyPartOf(before?.event, event),
    ...(byDefault === "default" ? {} : { defaultVisibility: byDefault }),
  });
  return { kind: "done", name, revision, resource };
}

/** What it reads of the event's calendar. */
export function calendarReads(calendar: string): readonly StateKey[] {
  return [...indexReads(calendar), ...defaultVisibilityReads(calendar)];
}

function writeGroupIndex(
  draft: Draft,
  before: CalendarEvent | undefined,
  after: CalendarEvent,
): void {
  const former = before && groupIndexKey(before);
  const present = groupIndexKey(after);
  if (former === present) return;
  if (former !== undefined) draft.delete(former);
  if (present !== undefined) draft.putBytes(present, MARK);
}

/** Whom an event concerns, wherever they look: the owner of its calendar. */
function audienceOf(event: CalendarEvent): readonly string[] {
  const owner = calendarOwner(event.calendar);
  return owner?.kind === "user" ? [owner.user] : [];
}
