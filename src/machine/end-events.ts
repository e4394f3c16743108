import type { CalendarEvent, Caller, Operation } from "../domain/index.js";
import { forAll } from "./all-or-none.js";
import { CommandTooLarge, refuse } from "./draft.js";
import type { Draft, Outcome } from "./draft.js";
import { exceptionsOf, writeException } from "./event-exceptions.js";
import { PURGE_DELAY_MS, putPurge } from "./event-purge.js";
import { isStale, refuseCancelled, refuseStaleEvent } from "./event-refusals.js";
import { findStanding } from "./event-rights.js";
import { seriesCost } from "./series.js";
import type { Standing } from "./series.js";
import { writeRecord } from "./write-record.js";

type DeleteEvent = Extract<Operation, { kind: "delete-event" }>;
type DeleteEvents = Extract<Operation, { kind: "delete-events" }>;
type CancelEvent = Extract<Operation, { kind: "cancel-event" }>;

/** Rows that deleting one event writes, but for those of a series. */
const DELETE_ROWS = 5;
/** Rows that cancelling one writes, but for those that tell of it. */
const CANCEL_ROWS = 3;

/** Deleted events are kept for a while; to further writes they are gone. */
export function deleteEvent(draft: Draft, caller: Caller, operation: DeleteEvent): Outcome {
  const { calendar, event: id, etag } = operation;
  const found = findStanding(draft, caller, "event.delete", calendar, id);
  if (found.kind === "refused") return found;
  if (isStale(etag, found.event)) return refuseStaleEvent(found.event);
  if (found.kind === "occurrence") {
    return writeException(draft, "deleted", asDeleted(draft, found.event), found);
  }
  const exceptions = exceptionsOf(draft, found);
  const cost = seriesCost(found) + (exceptions.length + 1) * DELETE_ROWS;
  if (!draft.hasRoom(cost)) {
    return refuse("invalid-argument", "too much at once: delete what repeats in smaller batches");
  }
  const outcome = deleteRow(draft, found);
  for (const exception of exceptions) deleteRow(draft, { event: exception, series: undefined });
  return outcome;
}

export function deleteEvents(draft: Draft, caller: Caller, operation: DeleteEvents): Outcome {
  const { calendar, events } = operation;
  const done = forAll(draft, events, (event) =>
    deleteEvent(draft, caller, { kind: "delete-event", calendar, event, etag: "" }),
  );
  return done.kind === "refused" ? done : { ...done, name: `calendars/${calendar}` };
}

/** It stays where it is, and no longer takes time; the instances that differ go the same way. */
export function cancelEvent(draft: Draft, caller: Caller, operation: CancelEvent): Outcome {
  const { calendar, event: id, etag } = operation;
  const found = findStanding(draft, caller, "event.cancel", calendar, id);
  if (found.kind === "refused") return found;
  if (isStale(etag, found.event)) return refuseStaleEvent(found.event);
  if (found.event.state === "cancelled") return refuseCancelled(found.event);
  if (found.kind === "occurrence") {
    return writeException(draft, "updated", asCancelled(draft, found.event), found);
  }
  const exceptions = exceptionsOf(draft, found).filter(({ state }) => state !== "cancelled");
  if (!draft.hasRoom((exceptions.length + 1) * CANCEL_ROWS)) throw new CommandTooLarge();
  const outcome = cancelRow(draft, found);
  for (const exception of exceptions) cancelRow(draft, { event: exception, series: undefined });
  return outcome;
}

function asDeleted(draft: Draft, event: CalendarEvent): CalendarEvent {
  return {
    ...event,
    updateTimeMs: draft.nowMs,
    deleteTimeMs: draft.nowMs,
    purgeTimeMs: draft.nowMs + PURGE_DELAY_MS,
    revision: draft.nextRevision,
  };
}

export function deleteRow(draft: Draft, before: Standing): Outcome {
  const event = asDeleted(draft, before.event);
  putPurge(draft, event);
  return writeRecord(draft, "deleted", { event, series: before.series }, before);
}

function asCancelled(draft: Draft, event: CalendarEvent): CalendarEvent {
  const revision = draft.nextRevision;
  return { ...event, state: "cancelled", updateTimeMs: draft.nowMs, revision };
}

function cancelRow(draft: Draft, before: Standing): Outcome {
  const event = asCancelled(draft, before.event);
  return writeRecord(draft, "updated", { event, series: before.series }, before);
}
