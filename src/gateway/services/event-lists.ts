import type { Timestamp } from "@bufbuild/protobuf/wkt";
import { EventService } from "../../../gen/cabildo/v1/events_pb.js";
import type { ListEventsRequest, ListInstancesRequest } from "../../../gen/cabildo/v1/events_pb.js";
import { timestampToMs } from "../../wire/index.js";
import { requireCalendar } from "../calendars.js";
import { fieldFault } from "../faults.js";
import { parseFilter } from "../filter.js";
import { unary } from "../handlers.js";
import type { Call, Handler } from "../handlers.js";
import { parseCalendar, parseEvent } from "../names.js";
import { Pages } from "../page-tokens.js";
import type { ServiceContext } from "./context.js";
import { EventReplies } from "./event-replies.js";

const PAGE_SIZE_DEFAULT = 50;

const { method } = EventService;

export function eventListHandlers(context: ServiceContext): readonly Handler[] {
  const replies = new EventReplies(context);
  return [
    unary(method.listEvents, (call, request) => list(context, replies, call, request)),
    unary(method.listInstances, (call, request) => listInstances(context, replies, call, request)),
  ];
}

async function list(
  context: ServiceContext,
  replies: EventReplies,
  call: Call,
  request: ListEventsRequest,
) {
  const calendar = parseCalendar(request.parent, "parent");
  requireCalendar(call.caller, "event.list", calendar, request.parent);
  const conditions = parseFilter(request.filter);
  const { positions } = context;
  const tokens = context.positionTokens();
  const pages = new Pages(tokens, positions, call.caller, method.listEvents, request);
  const { after, first } = pages.place;
  const shard = call.shards.of("calendars", calendar);
  const { answer, position } = await call.shards.read(
    shard,
    call.caller,
    {
      kind: "list-events",
      calendars: [calendar],
      conditions,
      asAgenda: false,
      pageSize: request.pageSize === 0 ? PAGE_SIZE_DEFAULT : request.pageSize,
      after,
      ...windowOf(request),
      showDeleted: request.showDeleted,
    },
    pages.notBefore,
  );
  const from = first ?? position;
  return {
    events: answer.events.map((event) => replies.show(event, shard, position.epoch)),
    nextPageToken: pages.token(answer.next, from),
    position: context.encode(from),
  };
}

async function listInstances(
  context: ServiceContext,
  replies: EventReplies,
  call: Call,
  request: ListInstancesRequest,
) {
  const { calendar, event } = parseEvent(request.parent, "parent");
  requireCalendar(call.caller, "event.list", calendar, request.parent);
  const { positions } = context;
  const tokens = context.positionTokens();
  const pages = new Pages(tokens, positions, call.caller, method.listInstances, request);
  const { after, first } = pages.place;
  const shard = call.shards.of("calendars", calendar);
  const pageSize = request.pageSize === 0 ? PAGE_SIZE_DEFAULT : request.pageSize;
  const { answer, position } = await call.shards.read(
    shard,
    call.caller,
    { kind: "list-instances", calendar, event, pageSize, after, ...windowOf(request) },
    pages.notBefore,
  );
  const from = first ?? position;
  return {
    instances: answer.events.map((instance) => replies.show(instance, shard, position.epoch)),
    nextPageToken: pages.token(answer.next, from),
    position: context.encode(from),
  };
}

function windowOf(request: ListEventsRequest | ListInstancesRequest): {
  readonly windowStartMs: number;
  readonly windowEndMs: number;
} {
  const windowStartMs = boundMs(request.startTime, "start_time");
  const windowEndMs = boundMs(request.endTime, "end_time");
  if (windowStartMs !== 0 && windowEndMs !== 0 && windowEndMs <= windowStartMs) {
    throw fieldFault("end_time", "must be after start_time");
  }
  return { windowStartMs, windowEndMs };
}

/** 0 stands for no bound: the first moment of 1970 is taken as the one after it. */
function boundMs(time: Timestamp | undefined, field: string): number {
  if (time === undefined) return 0;
  const ms = timestampToMs(time);
  if (ms === undefined) throw fieldFault(field, "must be a time");
  return ms === 0 ? 1 : ms;
}
