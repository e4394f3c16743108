import { EventService } from "../../../gen/cabildo/v1/events_pb.js";
import type { RespondEventRequest } from "../../../gen/cabildo/v1/events_pb.js";
import { ClusterError } from "../../base/index.js";
import type { Attendee, CalendarEvent } from "../../domain/index.js";
import { calendarOwner } from "../../policy/index.js";
import { sleep } from "../../shards/index.js";
import type { ShardPosition } from "../../shards/index.js";
import { RESPONSE } from "../../wire/index.js";
import type { GatewayClock } from "../clock.js";
import { fieldFault, notFound, refused } from "../faults.js";
import type { Call } from "../handlers.js";
import { parseEvent } from "../names.js";

const { method } = EventService;
/** How long an invitation, or an answer, may be on its way before the caller hears so. */
const WAIT_MS = 3_000;
const LOOK_FIRST_MS = 5;
const LOOK_MAX_MS = 200;

export interface Seen {
  readonly event: CalendarEvent;
  readonly position: ShardPosition;
}

/**
 * An answer is written in the calendar of who gives it. By the name of the copy there, the copy is what comes back. By the name
 * of the organiser's event that event does, once it has heard the answer; where that takes too long, the copy.
 */
export async function respond(
  clock: GatewayClock,
  call: Call,
  request: RespondEventRequest,
): Promise<Seen> {
  const { caller } = call;
  const { calendar, event } = parseEvent(request.name, "name");
  const response = RESPONSE.fromPublic(request.response);
  if (response === undefined || response === "needs-action" || response === "auto-accepted") {
    throw fieldFault("response", "must be ACCEPTED, DECLINED or TENTATIVE");
  }
  if (caller.kind !== "user") throw notFound(request.name);
  const owner = calendarOwner(calendar);
  const isOwn = owner?.kind === "user" && owner.user === caller.user;
  const own = isOwn ? calendar : caller.user;
  if (!isOwn) await awaitInvitation(clock, call, request.name);
  const shard = call.shards.of("calendars", own);
  const written = await call.shards.execute(
    shard,
    caller,
    { kind: "respond-event", calendar: own, event, response, comment: request.comment },
    { method: method.respondEvent, request },
  );
  const copy =
    written.resource?.kind === "event"
      ? { event: written.resource.event, position: written.position }
      : await read(call, own, event, [written.position]);
  const said = attendeeOf(copy.event, caller.user);
  // Nobody hears of what is only tried.
  if (isOwn || said === undefined || call.shards.isTrial) return copy;
  return await until(clock, call, async () => {
    const heard = await read(call, calendar, event, []);
    const attendee = attendeeOf(heard.event, caller.user);
    return attendee !== undefined && attendee.respondTimeMs >= said.respondTimeMs
      ? heard
      : undefined;
  }).then((heard) => heard ?? copy);
}

/** Who is invited to an event has a copy of it, or gets one. */
async function awaitInvitation(clock: GatewayClock, call: Call, name: string): Promise<void> {
  const { caller } = call;
  const { calendar, event } = parseEvent(name, "name");
  const user = caller.kind === "user" ? caller.user : "";
  const asked = await read(call, calendar, event, []);
  if (asked.event.deleteTimeMs !== 0) throw notFound(name);
  if (attendeeOf(asked.event, user) === undefined) {
    throw refused("failed-precondition", `you are not invited to ${name}`);
  }
  const copy = await until(clock, call, async () => {
    const found = await find(call, user, event);
    const isHere = found?.event.deleteTimeMs === 0;
    return isHere && found.event.sequence >= asked.event.sequence ? found : undefined;
  });
  if (copy !== undefined) return;
  throw refused("unreachable", "the invitation is on its way to your calendar: try again");
}

/** Undefined where it did not come about in time. */
async function until<Found>(
  clock: GatewayClock,
  { signal }: Call,
  look: () => Promise<Found | undefined>,
): Promise<Found | undefined> {
  const untilMs = clock.monotonicMs() + WAIT_MS;
  for (let delayMs = LOOK_FIRST_MS; ; delayMs = Math.min(2 * delayMs, LOOK_MAX_MS)) {
    const found = await look();
    if (found !== undefined || clock.monotonicMs() + delayMs > untilMs) return found;
    await sleep(clock, delayMs, signal);
  }
}

async function find(call: Call, calendar: string, event: string): Promise<Seen | undefined> {
  try {
    return await read(call, calendar, event, []);
  } catch (cause) {
    if (cause instanceof ClusterError && cause.code === "not-found") return undefined;
    throw cause;
  }
}

async function read(
  { shards, caller }: Call,
  calendar: string,
  event: string,
  after: readonly ShardPosition[],
): Promise<Seen> {
  const shard = shards.of("calendars", calendar);
  const question = { kind: "get-event", calendar, event } as const;
  const { answer, position } = await shards.read(shard, caller, question, after);
  return { event: answer.event, position };
}

function attendeeOf(event: CalendarEvent, user: string): Attendee | undefined {
  return event.attendees.find((attendee) => attendee.user === user);
}
