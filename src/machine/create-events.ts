import type { CalendarEvent, Caller, NewEvent, Operation } from "../domain/index.js";
import { forAll } from "./all-or-none.js";
import { ensureCalendar } from "./calendar-rows.js";
import { refuseConflict, refuseMutual } from "./conflicts.js";
import { inOrder } from "./content-order.js";
import { refuse, refuseNotFound } from "./draft.js";
import type { Draft, Outcome, Refusal } from "./draft.js";
import { eventName } from "./event-name.js";
import { refuseWriter } from "./event-rights.js";
import { gather } from "./gather.js";
import { invite } from "./invite.js";
import { KEYS } from "./rows.js";
import type { Standing } from "./series.js";
import { writeRecord } from "./write-record.js";

type CreateEvent = Extract<Operation, { kind: "create-event" }>;
type CreateEvents = Extract<Operation, { kind: "create-events" }>;

export function createEvent(draft: Draft, caller: Caller, operation: CreateEvent): Outcome {
  const refusal = refuseCalendar(draft, caller, operation.calendar);
  return refusal ?? createOne(draft, caller, operation.calendar, operation);
}

/** Named for the first: the others' ids follow from it, and a repeated request has no others. */
export function createEvents(draft: Draft, caller: Caller, operation: CreateEvents): Outcome {
  const { calendar } = operation;
  const refusal = refuseCalendar(draft, caller, calendar);
  if (refusal !== undefined) return refusal;
  const events = operation.absentOnly === true ? absent(draft, operation) : operation.events;
  if (events.length === 0) return { kind: "done", name: `calendars/${calendar}`, revision: 0 };
  const made: Standing[] = [];
  const outcome = forAll(draft, events, (event) => createOne(draft, caller, calendar, event, made));
  const conflict = outcome.kind === "done" ? refuseMutual(draft, calendar, made) : undefined;
  if (conflict === undefined) return outcome;
  draft.discard();
  return conflict;
}

function absent(draft: Draft, { calendar, events }: CreateEvents): readonly NewEvent[] {
  const keys = events.map(({ event }) => KEYS.event(calendar, event));
  gather(draft.view, { keys, ranges: [] });
  return events.filter((_, i) => !draft.has(keys[i] ?? ""));
}

function refuseCalendar(draft: Draft, caller: Caller, calendar: string): Refusal | undefined {
  const name = `calendars/${calendar}`;
  return (
    refuseWriter(draft, caller, "event.create", calendar, name) ?? ensureCalendar(draft, calendar)
  );
}

function createOne(
  draft: Draft,
  caller: Caller,
  calendar: string,
  { event: id, content, group = "", occurrences, icalUid = "" }: NewEvent,
  made: Standing[] = [],
): Outcome {
  if (caller.kind !== "user") return refuseNotFound(`calendars/${calendar}`);
  if (draft.has(KEYS.event(calendar, id))) {
    return refuse("already-exists", `${eventName(calendar, id)} exists`);
  }
  const { invitees, ...body } = inOrder(content);
  const invited = invite(draft, { organizer: caller.user, calendar, group, invitees });
  if (invited.kind === "refused") return invited;
  const event: CalendarEvent = {
    calendar,
    id,
    ...body,
    organizer: caller.user,
    attendees: invited.attendees,
    group: invited.group,
    rule: invited.rule,
    source: "",
    icalUid,
    state: "confirmed",
    sequence: 0,
    createTimeMs: draft.nowMs,
    updateTimeMs: draft.nowMs,
    deleteTimeMs: 0,
    purgeTimeMs: 0,
    revision: draft.nextRevision,
    recurringEvent: "",
    originalStartMs: 0,
  };
  const series = occurrences && { occurrences, exceptedMs: [] };
  const conflict = refuseConflict(draft, { event, series });
  if (conflict !== undefined) return conflict;
  made.push({ event, series });
  return writeRecord(draft, "created", { event, series }, undefined);
}
