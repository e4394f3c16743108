import type { Caller } from "../domain/index.js";
import { calendarOwner, decide } from "../policy/index.js";
import type { Action } from "../policy/index.js";
import { notFound } from "./faults.js";

/** Refuses what the shard would refuse, in the same words and without asking it. `name` is what the caller asked for. */
export function requireCalendar(
  caller: Caller,
  action: Action,
  calendar: string,
  name: string,
): void {
  const facts = { kind: "calendar", owner: calendarOwner(calendar) } as const;
  if (decide(caller, action, facts).kind === "deny") throw notFound(name);
}
