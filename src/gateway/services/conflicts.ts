import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { Event } from "../../../gen/cabildo/v1/events_pb.js";
import type { CalendarEvent, Caller, Conflict } from "../../domain/index.js";
import type { ShardDescription } from "../../placement/index.js";
import { calendarOwner, takesTime } from "../../policy/index.js";
import type { ShardPosition } from "../../shards/index.js";
import type { Call } from "../handlers.js";

export function conflictsToPublic(conflicts: readonly Conflict[]): Event["conflicts"] {
  return conflicts.map(({ calendar, event, startMs, endMs }) => ({
    $typeName: "cabildo.v1.Conflict",
    event: `calendars/${calendar}/events/${event}`,
    span: {
      $typeName: "cabildo.v1.TimedSpan",
      startTime: timestampFromMs(startMs),
      endTime: timestampFromMs(endMs),
      timeZone: "UTC",
    },
  }));
}

/** What an event is in conflict with, for the one in whose calendar it is; read no earlier than the event. */
export async function conflictsOf(
  call: Call,
  shard: ShardDescription,
  event: CalendarEvent,
  position: ShardPosition,
  fromMs: number,
): Promise<Event["conflicts"]> {
  const { calendar, id } = event;
  if (!isOwn(call.caller, calendar) || !takesTime(event)) return [];
  const question = { kind: "get-event", calendar, event: id, conflictsFromMs: fromMs } as const;
  const { answer } = await call.shards.read(shard, call.caller, question, [position]);
  return conflictsToPublic(answer.conflicts ?? []);
}

/** Events that are looked at, one by one, at the same time. */
const ASKED_MAX = 8;

/** Of several events. */
export async function conflictsOfAll(
  call: Call,
  shard: ShardDescription,
  events: readonly CalendarEvent[],
  position: ShardPosition,
  fromMs: number,
): Promise<readonly Event["conflicts"][]> {
  const all: Event["conflicts"][] = [];
  for (let i = 0; i < events.length; i += ASKED_MAX) {
    const some = events.slice(i, i + ASKED_MAX);
    all.push(
      ...(await Promise.all(
        some.map((event) => conflictsOf(call, shard, event, position, fromMs)),
      )),
    );
  }
  return all;
}

function isOwn(caller: Caller, calendar: string): boolean {
  const owner = calendarOwner(calendar);
  return caller.kind === "user" && owner?.kind === "user" && owner.user === caller.user;
}
