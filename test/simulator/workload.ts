import type { Caller, Command } from "../../src/domain/index.js";
import { createEvent, eventContent, eventId } from "../support/agenda.js";
import type { Call } from "./history.js";

const CALENDARS: Readonly<Record<number, string>> = { 1: "ana", 2: "nia" };

export function calendarOf(shard: number): string {
  return CALENDARS[shard] ?? "ana";
}

/** Undefined for what is not about a calendar. */
export function shardOfCommand({ operation }: Command): number | undefined {
  if (!("calendar" in operation)) return undefined;
  const { calendar } = operation;
  return Number(Object.keys(CALENDARS).find((shard) => CALENDARS[Number(shard)] === calendar));
}

export function ownerOf(shard: number): Caller {
  return { kind: "user", user: calendarOf(shard), sessionId: "s", roles: [] };
}

export function eventName(shard: number, number: number): string {
  return eventId(shard * 1000 + number);
}

/** The command for a call that writes. */
export function commandOf(shard: number, event: string, call: Call, requestId: string): Command {
  const calendar = calendarOf(shard);
  const caller = ownerOf(shard);
  const fingerprint = requestId;
  switch (call.kind) {
    case "create":
      return {
        ...{ caller, requestId, fingerprint },
        operation: createEvent(calendar, event, { title: call.title }),
      };
    case "update":
      return {
        ...{ caller, requestId, fingerprint },
        operation: {
          kind: "update-event",
          calendar,
          event,
          content: eventContent({ title: call.title }),
          fields: ["title"],
          etag: etagOf(call.etag),
        },
      };
    case "delete":
      return {
        ...{ caller, requestId, fingerprint },
        operation: { kind: "delete-event", calendar, event, etag: etagOf(call.etag) },
      };
    case "get":
      throw new Error("a read has no command");
  }
}

function etagOf(revision: number): string {
  return revision === 0 ? "" : `"r${revision}"`;
}
