import type { CalendarEvent, Caller } from "../domain/index.js";
import { calendarOwner, decide } from "../policy/index.js";
import type { Action } from "../policy/index.js";
import { refuse, refuseNotFound } from "./draft.js";
import type { Draft, Refusal } from "./draft.js";
import { findEventRow } from "./find-event.js";
import type { FoundEvent } from "./find-event.js";
import { findMember } from "./membership.js";
import { asSeen, calendarFacts, vantageOf } from "./relation.js";
import { eventName } from "./event-name.js";

/** `name` is what the caller named: to those who see nothing there is none. */
export function refuseWriter(
  draft: Draft,
  caller: Caller,
  action: Action,
  calendar: string,
  name: string,
): Refusal | undefined {
  const decision = decide(caller, action, calendarFacts(draft, caller, calendar));
  if (decision.kind === "allow") return undefined;
  return decision.as === "not-found" ? refuseNotFound(name) : refuseForbidden(calendar);
}

/** What stands, and what the caller may write. */
export function findStanding(
  draft: Draft,
  caller: Caller,
  action: Action,
  calendar: string,
  id: string,
): FoundEvent | Refusal {
  const name = eventName(calendar, id);
  const refusal = refuseWriter(draft, caller, action, calendar, name);
  if (refusal !== undefined) return refusal;
  const found = findEventRow(draft.view, draft.rows, calendar, id);
  if (found?.event.deleteTimeMs !== 0) return refuseNotFound(name);
  return refuseUnlessTheirs(draft, caller, found.event) ?? found;
}

/**
 * A copy is its organiser's. So is an event in a group's calendar, and theirs who lead the group and rank strictly higher.
 */
export function refuseUnlessTheirs(
  draft: Draft,
  caller: Caller,
  event: CalendarEvent,
): Refusal | undefined {
  const owner = calendarOwner(event.calendar);
  if (event.source !== "") {
    return refuse(
      "failed-precondition",
      `${eventName(event.calendar, event.id)} is changed by who organises it: answer it instead`,
    );
  }
  if (caller.kind !== "user") return refuseNotFound(eventName(event.calendar, event.id));
  if (owner?.kind !== "group" || event.organizer === caller.user) return undefined;
  const vantage = vantageOf(draft, caller, event.calendar);
  if (asSeen(caller, event, vantage) === undefined) {
    return refuseNotFound(eventName(event.calendar, event.id));
  }
  const own = findMember(draft, owner.group, caller.user);
  const organizer = findMember(draft, owner.group, event.organizer);
  const leads = own?.role === "leader" || own?.role === "deputy";
  if (leads && (organizer === undefined || own.rank > organizer.rank)) return undefined;
  return refuseForbidden(event.calendar);
}

function refuseForbidden(calendar: string): Refusal {
  return refuse("permission-denied", `you may not write this in calendars/${calendar}`);
}
