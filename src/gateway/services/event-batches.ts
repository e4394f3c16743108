import { EventService } from "../../../gen/cabildo/v1/events_pb.js";
import type {
  BatchCreateEventsRequest,
  BatchDeleteEventsRequest,
  BatchGetEventsRequest,
} from "../../../gen/cabildo/v1/events_pb.js";
import { requireCalendar } from "../calendars.js";
import { fieldFault } from "../faults.js";
import { unary } from "../handlers.js";
import type { Call, Handler } from "../handlers.js";
import { successiveIds } from "../ids.js";
import { parseCalendar, parseEvent } from "../names.js";
import type { ServiceContext } from "./context.js";
import { newContent } from "./event-fields.js";
import { groupOf, requireInvited } from "./event-invitees.js";
import type { Asked } from "./event-invitees.js";
import { EventReplies } from "./event-replies.js";
import { occurrencesOf } from "./occurrences.js";

const { method } = EventService;

export function eventBatchHandlers(context: ServiceContext): readonly Handler[] {
  const replies = new EventReplies(context);
  return [
    unary(method.batchGetEvents, (call, request) => batchGet(context, replies, call, request)),
    unary(method.batchCreateEvents, (call, request) =>
      batchCreate(context, replies, call, request),
    ),
    unary(method.batchDeleteEvents, (call, request) => batchDelete(context, call, request)),
  ];
}

async function batchGet(
  context: ServiceContext,
  replies: EventReplies,
  call: Call,
  { parent, names }: BatchGetEventsRequest,
) {
  const calendar = parseCalendar(parent, "parent");
  requireCalendar(call.caller, "event.get", calendar, parent);
  const shard = call.shards.of("calendars", calendar);
  const question = { kind: "get-events", calendar, events: eventsOf(calendar, names) } as const;
  const { answer, position } = await call.shards.read(shard, call.caller, question, []);
  return {
    events: answer.events.map((event) => replies.show(event, shard, position.epoch)),
    position: context.encode(position),
  };
}

async function batchCreate(
  context: ServiceContext,
  replies: EventReplies,
  call: Call,
  request: BatchCreateEventsRequest,
) {
  const { parent, requests } = request;
  const calendar = parseCalendar(parent, "parent");
  requireCalendar(call.caller, "event.create", calendar, parent);
  const ids = successiveIds(context.ids.event(), requests.length);
  const asked: Asked[] = [];
  const events = requests.map((item, i) => {
    const path = `requests[${i}]`;
    if (item.parent !== "" && item.parent !== parent) {
      throw fieldFault(`${path}.parent`, "must be the batch's, or left out");
    }
    if (item.requestId !== "") throw fieldFault(`${path}.request_id`, "only the batch has one");
    if (item.validateOnly) throw fieldFault(`${path}.validate_only`, "not within a batch");
    const content = newContent(item.event, `${path}.event`);
    const nowMs = context.clock.wallMs();
    const made = occurrencesOf(content, nowMs, `${path}.event.recurrence`);
    const group = groupOf(item.event, `${path}.event.group`);
    asked.push({ content, group, path: `${path}.event` });
    return { event: ids[i] ?? "", content, ...group, ...made };
  });
  await requireInvited(context.clock, call, calendar, asked);
  const { name, position } = await call.shards.execute(
    call.shards.of("calendars", calendar),
    call.caller,
    { kind: "create-events", calendar, events },
    { method: method.batchCreateEvents, request },
  );
  const created = successiveIds(parseEvent(name, "name").event, requests.length);
  return await replies.showCreated(call, calendar, created, position);
}

async function batchDelete(context: ServiceContext, call: Call, request: BatchDeleteEventsRequest) {
  const calendar = parseCalendar(request.parent, "parent");
  requireCalendar(call.caller, "event.delete", calendar, request.parent);
  const { position } = await call.shards.execute(
    call.shards.of("calendars", calendar),
    call.caller,
    { kind: "delete-events", calendar, events: eventsOf(calendar, request.names) },
    { method: method.batchDeleteEvents, request },
  );
  return { position: context.encode(position) };
}

/** The ids within names that must all be of one calendar. */
function eventsOf(calendar: string, names: readonly string[]): readonly string[] {
  const ids = names.map((name, i) => {
    const parsed = parseEvent(name, `names[${i}]`);
    if (parsed.calendar !== calendar) throw fieldFault(`names[${i}]`, "must be of the parent");
    return parsed.event;
  });
  if (new Set(ids).size < ids.length) throw fieldFault("names", "one stands there twice");
  return ids;
}
