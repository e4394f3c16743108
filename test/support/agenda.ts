import type { Caller, Command, EventContent, Operation } from "../../src/domain/index.js";

/** Log time of most tests. */
export const NOW_MS = 1_790_000_000_000;
export const HOUR_MS = 3_600_000;
export const DAY_MS = 24 * HOUR_MS;

export const SYSTEM: Caller = { kind: "system" };
export const ANONYMOUS: Caller = { kind: "anonymous" };

export function userCaller(user: string): Caller {
  return { kind: "user", user, sessionId: `s-${user}`, roles: [] };
}

let requests = 0;

/** A command with a request id of its own; the system's goes without. */
export function command(
  caller: Caller,
  operation: Operation,
  over: Partial<Pick<Command, "requestId" | "fingerprint">> = {},
): Command {
  const requestId = caller.kind === "system" ? "" : `request-${++requests}`;
  return { caller, requestId, fingerprint: "f".repeat(64), operation, ...over };
}

export function registerUser(
  user: string,
  over: Partial<Extract<Operation, { kind: "register-user" }>> = {},
): Operation {
  return {
    kind: "register-user",
    user,
    uid: `uid-${user}`,
    displayName: user,
    email: "",
    timeZone: "UTC",
    passwordHash: "$argon2id$x",
    bootstrapHash: "",
    ...over,
  };
}

/** The nth event id. */
export function eventId(n: number): string {
  return `e${String(n).padStart(26, "0")}`;
}

export function eventContent(over: Partial<EventContent> = {}): EventContent {
  return {
    title: "Council",
    description: "",
    location: "",
    span: { kind: "timed", startMs: NOW_MS, endMs: NOW_MS + HOUR_MS, timeZone: "UTC" },
    visibility: "default",
    transparency: "opaque",
    labels: [],
    reminderMinutes: [],
    recurrence: [],
    invitees: [],
    ...over,
  };
}

export function createEvent(
  calendar: string,
  event: string,
  content: Partial<EventContent> = {},
): Operation {
  return { kind: "create-event", calendar, event, content: eventContent(content) };
}
