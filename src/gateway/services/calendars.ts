import { create } from "@bufbuild/protobuf";
import { CalendarSchema, CalendarService } from "../../../gen/cabildo/v1/calendars_pb.js";
import type {
  AddReaderRequest,
  Calendar as PublicCalendar,
  CreateCalendarRequest,
  DeleteCalendarRequest,
  ListCalendarsRequest,
  RemoveReaderRequest,
  UpdateCalendarRequest,
} from "../../../gen/cabildo/v1/calendars_pb.js";
import { ClusterError } from "../../base/index.js";
import type { Calendar, CalendarField, Operation } from "../../domain/index.js";
import type { ShardPosition } from "../../shards/index.js";
import { calendarContentFromPublic, calendarToPublic } from "../../wire/index.js";
import { requireCalendar } from "../calendars.js";
import { fieldFault } from "../faults.js";
import { fieldsOfMask } from "../field-mask.js";
import { unary } from "../handlers.js";
import type { Call, Handler } from "../handlers.js";
import { parseCalendar, parseUser } from "../names.js";
import { Pages } from "../page-tokens.js";
import { leastOf } from "../positions.js";
import type { Repeatable } from "../shard-calls.js";
import { requireTimeZone } from "../time-zone.js";
import { requireUsersExist } from "../users-exist.js";
import type { ServiceContext } from "./context.js";

const PAGE_SIZE_DEFAULT = 50;
/** A shard that has not answered by then is named as unreachable. */
const SHARD_MS = 3_000;
const { method } = CalendarService;

export function calendarHandlers(context: ServiceContext): readonly Handler[] {
  return [
    unary(method.getCalendar, async (call, { name, position }) => {
      const key = parseCalendar(name, "name");
      return await read(call, key, leastOf(context.positions, position));
    }),
    unary(method.listCalendars, (call, request) => list(context, call, request)),
    unary(method.createCalendar, (call, request) => createCalendar(call, request)),
    unary(method.updateCalendar, (call, request) => updateCalendar(call, request)),
    unary(method.deleteCalendar, async (call, request: DeleteCalendarRequest) => {
      const calendar = parseCalendar(request.name, "name");
      const operation = { kind: "delete-calendar", calendar, etag: request.etag } as const;
      await write(call, operation, { method: method.deleteCalendar, request });
      return {};
    }),
    unary(method.addReader, async (call, request) => {
      const { reader } = readerOf(request);
      await requireUsersExist(call, [reader], "reader");
      return await setReader(call, request, true, { method: method.addReader, request });
    }),
    unary(method.removeReader, (call, request) =>
      setReader(call, request, false, { method: method.removeReader, request }),
    ),
  ];
}

const FIELDS = {
  resource: "calendar",
  writable: new Map<string, CalendarField>([
    ["display_name", "displayName"],
    ["time_zone", "timeZone"],
    ["conflict_policy", "conflictPolicy"],
    ["public", "public"],
  ]),
  setByTheCluster: new Set(["name", "owner", "readers", "update_time", "etag", "shard"]),
} as const;

async function createCalendar(call: Call, request: CreateCalendarRequest): Promise<PublicCalendar> {
  const key = parseCalendar(`calendars/${request.calendarId}`, "calendar_id");
  const content = contentOf(request.calendar);
  requireCalendar(call.caller, "calendar.create", key, `calendars/${key}`);
  const operation = { kind: "create-calendar", calendar: key, content } as const;
  return await write(call, operation, { method: method.createCalendar, request });
}

async function updateCalendar(call: Call, request: UpdateCalendarRequest): Promise<PublicCalendar> {
  const { calendar: wanted } = request;
  if (wanted === undefined) throw fieldFault("calendar", "must be set");
  const key = parseCalendar(wanted.name, "calendar.name");
  const content = contentOf(wanted);
  const fields = fieldsOfMask(FIELDS, request.updateMask?.paths ?? [], {
    displayName: wanted.displayName !== "",
    timeZone: wanted.timeZone !== "",
    conflictPolicy: wanted.conflictPolicy !== 0,
    public: wanted.public,
  });
  const { etag } = wanted;
  const operation = { kind: "update-calendar", calendar: key, content, fields, etag } as const;
  return await write(call, operation, { method: method.updateCalendar, request });
}

async function setReader(
  call: Call,
  request: AddReaderRequest | RemoveReaderRequest,
  reads: boolean,
  repeatable: Repeatable,
): Promise<PublicCalendar> {
  const { calendar, reader } = readerOf(request);
  return await write(call, { kind: "set-reader", calendar, reader, reads }, repeatable);
}

function readerOf(request: AddReaderRequest | RemoveReaderRequest): {
  readonly calendar: string;
  readonly reader: string;
} {
  return {
    calendar: parseCalendar(request.calendar, "calendar"),
    reader: parseUser(request.reader, "reader"),
  };
}

function isAway({ code, retryable }: ClusterError): boolean {
  return retryable || code === "deadline-exceeded";
}

/** Each shard tells of its own; those that do not answer are named. */
async function list(context: ServiceContext, call: Call, request: ListCalendarsRequest) {
  const tokens = context.positionTokens();
  const pages = new Pages(tokens, context.positions, call.caller, method.listCalendars, request);
  const { after, first } = pages.place;
  const found: PublicCalendar[] = [];
  const unreachable: string[] = [];
  let position: ShardPosition | undefined = first;
  for (const shard of call.shards.all("calendars")) {
    try {
      const question = { kind: "list-calendars" } as const;
      const read = await call.shards.within(SHARD_MS).read(shard, call.caller, question);
      position ??= read.position;
      for (const calendar of read.answer.calendars) {
        const owns = call.shards.of("calendars", calendar.key).number === shard.number;
        if (owns) found.push(show(call, calendar));
      }
    } catch (cause) {
      if (!(cause instanceof ClusterError) || !isAway(cause)) throw cause;
      unreachable.push(shard.name);
    }
  }
  const rest = found.filter(({ name }) => name > after).sort((a, b) => (a.name < b.name ? -1 : 1));
  const pageSize = request.pageSize === 0 ? PAGE_SIZE_DEFAULT : request.pageSize;
  const calendars = rest.slice(0, pageSize);
  const next = rest.length > calendars.length ? (calendars.at(-1)?.name ?? "") : "";
  return {
    calendars,
    nextPageToken: position === undefined ? "" : pages.token(next, position),
    unreachable,
  };
}

async function read(
  call: Call,
  calendar: string,
  after: readonly ShardPosition[],
): Promise<PublicCalendar> {
  const shard = call.shards.of("calendars", calendar);
  const question = { kind: "get-calendar", calendar } as const;
  const { answer } = await call.shards.read(shard, call.caller, question, after);
  return show(call, answer.calendar);
}

async function write(
  call: Call,
  operation: Operation & { readonly calendar: string },
  repeatable: Repeatable,
): Promise<PublicCalendar> {
  const { calendar } = operation;
  const shard = call.shards.of("calendars", calendar);
  const written = await call.shards.execute(shard, call.caller, operation, repeatable);
  if (written.resource?.kind === "calendar") return show(call, written.resource.calendar);
  return await read(call, calendar, [written.position]);
}

function contentOf(calendar = create(CalendarSchema)) {
  requireTimeZone(calendar.timeZone, "calendar.time_zone");
  return calendarContentFromPublic(calendar);
}

function show(call: Call, calendar: Calendar): PublicCalendar {
  return calendarToPublic(calendar, call.shards.of("calendars", calendar.key).name);
}
