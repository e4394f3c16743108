import type { CalendarEvent, Caller, Operation } from "../domain/index.js";
import { refuseConflict } from "./conflicts.js";
import { refuse, refuseNotFound } from "./draft.js";
import type { Draft, Outcome } from "./draft.js";
import { exceptionsOf } from "./event-exceptions.js";
import { eventName } from "./event-name.js";
import { refuseUnlessTheirs, refuseWriter } from "./event-rights.js";
import { findEventRow } from "./find-event.js";
import { gather } from "./gather.js";
import { findMember, lineOf } from "./membership.js";
import { KEYS } from "./rows.js";
import type { Standing } from "./series.js";
import { writeRecord } from "./write-record.js";

type UndeleteEvent = Extract<Operation, { kind: "undelete-event" }>;

/** Back as it was, until it is purged, and with it the instances that went with it. */
export function undeleteEvent(draft: Draft, caller: Caller, operation: UndeleteEvent): Outcome {
  const { calendar, event: id } = operation;
  const name = eventName(calendar, id);
  const refusal = refuseWriter(draft, caller, "event.undelete", calendar, name);
  if (refusal !== undefined) return refusal;
  const found = findEventRow(draft.view, draft.rows, calendar, id);
  if (found === undefined) return refuseNotFound(name);
  const denied = refuseUnlessTheirs(draft, caller, found.event);
  if (denied !== undefined) return denied;
  const { deleteTimeMs, recurringEvent } = found.event;
  if (found.kind === "occurrence" || deleteTimeMs === 0) {
    return refuse("failed-precondition", `${name} is not deleted`);
  }
  if (recurringEvent !== "") {
    const recurring = draft.find(draft.rows.event, KEYS.event(calendar, recurringEvent));
    if (recurring?.deleteTimeMs !== 0) {
      return refuse("failed-precondition", "the event that repeats is deleted: undelete that one");
    }
  }
  const back = { ...found.event, deleteTimeMs: 0 };
  const conflict = refuseConflict(draft, { event: back, series: found.series });
  if (conflict !== undefined) return conflict;
  const exceptions = exceptionsOf(draft, found, deleteTimeMs);
  const outcome = undeleteRow(draft, found);
  for (const exception of exceptions) undeleteRow(draft, { event: exception, series: undefined });
  return outcome;
}

function undeleteRow(draft: Draft, before: Standing): Outcome {
  const { calendar, id, purgeTimeMs } = before.event;
  draft.delete(KEYS.eventPurge(purgeTimeMs, calendar, id));
  const event: CalendarEvent = {
    ...before.event,
    updateTimeMs: draft.nowMs,
    deleteTimeMs: 0,
    purgeTimeMs: 0,
    revision: draft.nextRevision,
  };
  const caughtUp = followedGroup(draft, event);
  return writeRecord(draft, "updated", { event: caughtUp, series: before.series }, before);
}

/** What became of its group while the event was deleted. */
function followedGroup(draft: Draft, event: CalendarEvent): CalendarEvent {
  const { group, attendees } = event;
  if (group === "") return event;
  const line = lineOf(draft, group);
  if (line.length === 0) return { ...event, state: "cancelled" };
  const keys = line.flatMap(({ id }) => attendees.map(({ user }) => KEYS.member(id, user)));
  gather(draft.view, { keys, ranges: [] });
  const stay = attendees.filter(({ user }) => findMember(draft, group, user) !== undefined);
  return stay.length === attendees.length ? event : { ...event, attendees: stay };
}
