import type { Timestamp } from "@bufbuild/protobuf/wkt";
import { EventService } from "../../../gen/cabildo/v1/events_pb.js";
import type {
  BatchCreateEventsRequest,
  BatchDeleteEventsRequest,
  BatchGetEventsRequest,
  CancelEventRequest,
  CreateEventRequest,
  DeleteEventRequest,
  Event,
  ListEventsRequest,
  ListInstancesRequest,
  RespondEventRequest,
  UndeleteEventRequest,
  UpdateEventRequest,
} from "../../../gen/cabildo/v1/events_pb.js";
import { ClusterError } from "../../base/index.js";
import type { CalendarEvent, Caller, EventBody, EventContent } from "../../domain/index.js";
import type { ShardDescription } from "../../placement/index.js";
import { eventToPublic, timestampToMs } from "../../wire/index.js";
import { calendarOwner } from "../../policy/index.js";
import { requireCalendar } from "../calendars.js";
import { parseFilter } from "../filter.js";
import { fieldFault, notFound, refused } from "../faults.js";
import { unary } from "../handlers.js";
import type { Call, Handler } from "../handlers.js";
import type { ShardPosition } from "../../shards/index.js";
import { hearOfGroups } from "../group-news.js";
import { successiveIds } from "../ids.js";
import { parseCalendar, parseEvent, parseGroup } from "../names.js";
import { Pages } from "../page-tokens.js";
import { positionsOf } from "../positions.js";
import type { Repeatable, Written } from "../shard-calls.js";
import { requireUsersExist } from "../users-exist.js";
import { conflictsOf } from "./conflicts.js";
import type { ServiceContext } from "./context.js";
import { maskedContent, newContent, overwrite } from "./event-fields.js";
import type { EventWrite } from "./event-fields.js";
import { exportEvents, importEvents } from "./icalendar.js";
import { occurrencesOf } from "./occurrences.js";
import { respond } from "./responses.js";

const PAGE_SIZE_DEFAULT = 50;

const { method } = EventService;

export function eventHandlers(context: ServiceContext): readonly Handler[] {
  const service = new Events(context);
  return [
    unary(method.createEvent, (call, request) => service.create(call, request)),
    unary(method.getEvent, async (call, { name, position }) => {
      const after = positionsOf(context.positions, position);
      const { calendar, event } = parseEvent(name, "name");
      requireCalendar(call.caller, "event.get", calendar, name);
      const shard = call.shards.of("calendars", calendar);
      const question = { kind: "get-event", calendar, event } as const;
      const found = await call.shards.read(shard, call.caller, question, after);
      return await service.showAlone(call, shard, found.answer.event, found.position);
    }),
    unary(method.listEvents, (call, request) => service.list(call, request)),
    unary(method.undeleteEvent, (call, request) => service.undelete(call, request)),
    unary(method.batchGetEvents, (call, request) => service.batchGet(call, request)),
    unary(method.batchCreateEvents, (call, request) => service.batchCreate(call, request)),
    unary(method.batchDeleteEvents, (call, request) => service.batchDelete(call, request)),
    unary(method.exportEvents, (call, request) => exportEvents(context, call, request)),
    unary(method.importEvents, (call, request) => importEvents(context, service, call, request)),
    unary(method.listInstances, (call, request) => service.listInstances(call, request)),
    unary(method.cancelEvent, (call, request) => service.cancel(call, request)),
    unary(method.respondEvent, (call, request) => service.respond(call, request)),
    unary(method.updateEvent, (call, request) => service.update(call, request)),
    unary(method.deleteEvent, (call, request) => service.delete(call, request)),
  ];
}

class Events {
  readonly #context: ServiceContext;

  constructor(context: ServiceContext) {
    this.#context = context;
  }

  async create(call: Call, request: CreateEventRequest): Promise<Event> {
    const calendar = parseCalendar(request.parent, "parent");
    requireCalendar(call.caller, "event.create", calendar, request.parent);
    const content = newContent(request.event);
    const group = groupOf(request.event, "event.group");
    await this.requireInvited(call, calendar, [{ content, group, path: "event" }]);
    const occurrences = occurrencesOf(content, this.#context.clock.wallMs());
    const shard = call.shards.of("calendars", calendar);
    if (request.validateOnly) {
      const event = { ...UNWRITTEN, ...bodyOf(content), calendar, organizer: userOf(call.caller) };
      return Object.assign(this.#preview(event, shard), { name: "", icalUid: "" });
    }
    const written = await call.shards.execute(
      shard,
      call.caller,
      {
        kind: "create-event",
        calendar,
        event: this.#context.ids.event(),
        content,
        ...group,
        ...occurrences,
      },
      { method: method.createEvent, request },
    );
    return await this.#answer(call, shard, written);
  }

  async list(call: Call, request: ListEventsRequest) {
    const calendar = parseCalendar(request.parent, "parent");
    requireCalendar(call.caller, "event.list", calendar, request.parent);
    const conditions = parseFilter(request.filter);
    const { positions } = this.#context;
    const tokens = this.#context.positionTokens();
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
      events: answer.events.map((event) => this.show(event, shard, position.epoch)),
      nextPageToken: pages.token(answer.next, from),
      position: this.#context.encode(from),
    };
  }

  async listInstances(call: Call, request: ListInstancesRequest) {
    const { calendar, event } = parseEvent(request.parent, "parent");
    requireCalendar(call.caller, "event.list", calendar, request.parent);
    const { positions } = this.#context;
    const tokens = this.#context.positionTokens();
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
      instances: answer.events.map((instance) => this.show(instance, shard, position.epoch)),
      nextPageToken: pages.token(answer.next, from),
      position: this.#context.encode(from),
    };
  }

  async update(call: Call, request: UpdateEventRequest): Promise<Event> {
    const { event: wanted } = request;
    if (wanted === undefined) throw fieldFault("event", "must be set");
    const { calendar, event } = parseEvent(wanted.name, "event.name");
    requireCalendar(call.caller, "event.update", calendar, wanted.name);
    const write = maskedContent(wanted, request.updateMask?.paths ?? []);
    if (write.fields.length === 0) {
      throw fieldFault("update_mask", "nothing to write: name fields of the event, or set them");
    }
    const shard = call.shards.of("calendars", calendar);
    if (write.fields.includes("invitees")) {
      await this.requireInvited(call, calendar, [{ content: write.content, path: "event" }]);
    }
    const repeatable: Repeatable = { method: method.updateEvent, request };
    for (let tries = 1; ; tries++) {
      const before =
        needsBefore(write, request) && (await this.#requireStanding(call, shard, wanted));
      const content = before ? overwrite(before, write) : write.content;
      const occurrences = before ? occurrencesOf(content, this.#context.clock.wallMs()) : {};
      if (before && request.validateOnly) {
        return this.#preview({ ...before, ...bodyOf(content) }, shard);
      }
      const { fields } = write;
      const operation = { kind: "update-event", calendar, event, etag: wanted.etag } as const;
      try {
        const written = await call.shards.execute(
          shard,
          call.caller,
          { ...operation, fields, content, ...occurrences },
          repeatable,
        );
        return await this.#answer(call, shard, written);
      } catch (cause) {
        // Someone else changed when it is, between the read and the write.
        const isLost = cause instanceof ClusterError && cause.code === "stale-etag";
        if (!isLost || wanted.etag !== "" || tries === UPDATE_TRIES) throw cause;
      }
    }
  }

  async delete(call: Call, request: DeleteEventRequest): Promise<Event> {
    const { calendar, event } = parseEvent(request.name, "name");
    requireCalendar(call.caller, "event.delete", calendar, request.name);
    const shard = call.shards.of("calendars", calendar);
    if (request.validateOnly) {
      return this.#preview(await this.#requireStanding(call, shard, request), shard);
    }
    const repeatable: Repeatable = { method: method.deleteEvent, request };
    const operation = { kind: "delete-event", calendar, event, etag: request.etag } as const;
    const written = await call.shards.execute(shard, call.caller, operation, repeatable);
    return await this.#answer(call, shard, written);
  }

  async cancel(call: Call, request: CancelEventRequest): Promise<Event> {
    const { calendar, event } = parseEvent(request.name, "name");
    requireCalendar(call.caller, "event.cancel", calendar, request.name);
    const shard = call.shards.of("calendars", calendar);
    const operation = { kind: "cancel-event", calendar, event, etag: request.etag } as const;
    const repeatable: Repeatable = { method: method.cancelEvent, request };
    const written = await call.shards.execute(shard, call.caller, operation, repeatable);
    return await this.#answer(call, shard, written);
  }

  async respond(call: Call, request: RespondEventRequest): Promise<Event> {
    const { event, position } = await respond(this.#context.clock, call, request);
    const shard = call.shards.of("calendars", event.calendar);
    return await this.showAlone(call, shard, event, position);
  }

  async undelete(call: Call, request: UndeleteEventRequest): Promise<Event> {
    const { calendar, event } = parseEvent(request.name, "name");
    requireCalendar(call.caller, "event.undelete", calendar, request.name);
    const shard = call.shards.of("calendars", calendar);
    const written = await call.shards.execute(
      shard,
      call.caller,
      { kind: "undelete-event", calendar, event },
      { method: method.undeleteEvent, request },
    );
    return await this.#answer(call, shard, written);
  }

  async batchGet(call: Call, { parent, names }: BatchGetEventsRequest) {
    const calendar = parseCalendar(parent, "parent");
    requireCalendar(call.caller, "event.get", calendar, parent);
    return await this.showAll(call, calendar, eventsOf(calendar, names), []);
  }

  async batchCreate(call: Call, request: BatchCreateEventsRequest) {
    const { parent, requests } = request;
    const calendar = parseCalendar(parent, "parent");
    requireCalendar(call.caller, "event.create", calendar, parent);
    const ids = successiveIds(this.#context.ids.event(), requests.length);
    const asked: Asked[] = [];
    const events = requests.map((item, i) => {
      const path = `requests[${i}]`;
      if (item.parent !== parent) throw fieldFault(`${path}.parent`, "must be the batch's");
      if (item.requestId !== "") throw fieldFault(`${path}.request_id`, "only the batch has one");
      if (item.validateOnly) throw fieldFault(`${path}.validate_only`, "not within a batch");
      const content = newContent(item.event);
      const nowMs = this.#context.clock.wallMs();
      const made = occurrencesOf(content, nowMs, `${path}.event.recurrence`);
      const group = groupOf(item.event, `${path}.event.group`);
      asked.push({ content, group, path: `${path}.event` });
      return { event: ids[i] ?? "", content, ...group, ...made };
    });
    await this.requireInvited(call, calendar, asked);
    const { name, position } = await call.shards.execute(
      call.shards.of("calendars", calendar),
      call.caller,
      { kind: "create-events", calendar, events },
      { method: method.batchCreateEvents, request },
    );
    const created = successiveIds(parseEvent(name, "name").event, requests.length);
    return await this.showAll(call, calendar, created, [position]);
  }

  async batchDelete(call: Call, request: BatchDeleteEventsRequest) {
    const calendar = parseCalendar(request.parent, "parent");
    requireCalendar(call.caller, "event.delete", calendar, request.parent);
    const { position } = await call.shards.execute(
      call.shards.of("calendars", calendar),
      call.caller,
      { kind: "delete-events", calendar, events: eventsOf(calendar, request.names) },
      { method: method.batchDeleteEvents, request },
    );
    return { position: this.#context.encode(position) };
  }

  /** Its position is that of the change that wrote it. */
  show(event: CalendarEvent, shard: ShardDescription, epoch: number): Event {
    const place = { shard: shard.number, epoch, sequence: event.revision };
    return eventToPublic(event, {
      shard: shard.name,
      position: this.#context.encode(place),
    });
  }

  /** With what it is in conflict with. */
  async showAlone(
    call: Call,
    shard: ShardDescription,
    event: CalendarEvent,
    position: ShardPosition,
  ): Promise<Event> {
    const nowMs = this.#context.clock.wallMs();
    const conflicts = await conflictsOf(call, shard, event, position, nowMs);
    return Object.assign(this.show(event, shard, position.epoch), { conflicts });
  }

  /** What would be written has no position yet. */
  #preview(event: CalendarEvent, shard: ShardDescription): Event {
    return eventToPublic(event, { shard: shard.name, position: "" });
  }

  async showAll(
    call: Call,
    calendar: string,
    events: readonly string[],
    after: readonly ShardPosition[],
  ) {
    const shard = call.shards.of("calendars", calendar);
    const question = { kind: "get-events", calendar, events } as const;
    const { answer, position } = await call.shards.read(shard, call.caller, question, after);
    return {
      events: answer.events.map((event) => this.show(event, shard, position.epoch)),
      position: this.#context.encode(position),
    };
  }

  /** Those who are named must be there, and the groups as they are known now. */
  async requireInvited(call: Call, calendar: string, asked: readonly Asked[]): Promise<void> {
    const isGroup = calendarOwner(calendar)?.kind === "group";
    for (const { content, path } of asked) {
      const users = content.invitees.map(({ user }) => user);
      await requireUsersExist(call, users, `${path}.attendees`);
    }
    if (!isGroup && asked.every(({ group }) => group?.group === undefined)) return;
    await hearOfGroups(this.#context.clock, call, call.shards.of("calendars", calendar));
  }

  async #answer(call: Call, shard: ShardDescription, written: Written): Promise<Event> {
    const { resource, position, name } = written;
    if (resource?.kind === "event") {
      return await this.showAlone(call, shard, resource.event, position);
    }
    const question = { kind: "get-event", ...parseEvent(name, "name") } as const;
    const found = await call.shards.read(shard, call.caller, question, [position]);
    return await this.showAlone(call, shard, found.answer.event, found.position);
  }

  /** The event that a write would find; refused as the write would be. */
  async #requireStanding(
    call: Call,
    shard: ShardDescription,
    { name, etag }: { readonly name: string; readonly etag: string },
  ): Promise<CalendarEvent> {
    const question = { kind: "get-event", ...parseEvent(name, "name") } as const;
    const found = await call.shards.read(shard, call.caller, question);
    const { event } = found.answer;
    if (event.deleteTimeMs !== 0) throw notFound(name);
    if (etag !== "" && etag !== this.show(event, shard, found.position.epoch).etag) {
      throw refused("stale-etag", `${name} has changed since: read it again, then write`);
    }
    return event;
  }
}

const UPDATE_TRIES = 3;

/** Whether a write depends on what it does not write: when an event is and how it repeats go together. */
function needsBefore({ fields }: EventWrite, { validateOnly }: UpdateEventRequest): boolean {
  return validateOnly || fields.includes("span") || fields.includes("recurrence");
}

/** Whom one event of a request invites. */
export interface Asked {
  readonly content: EventContent;
  readonly group?: { readonly group?: string };
  /** Where it stands in the request. */
  readonly path: string;
}

function groupOf(event: Event | undefined, field: string): { readonly group?: string } {
  const name = event?.group ?? "";
  return name === "" ? {} : { group: parseGroup(name, field) };
}

/** What stays of it in a preview: who is asked what is found out when it is written. */
function bodyOf({ invitees: _, ...body }: EventContent): EventBody {
  return body;
}

const UNWRITTEN = {
  id: "",
  attendees: [],
  group: "",
  rule: "organizer",
  source: "",
  state: "confirmed",
  sequence: 0,
  createTimeMs: 0,
  updateTimeMs: 0,
  deleteTimeMs: 0,
  purgeTimeMs: 0,
  revision: 0,
  recurringEvent: "",
  originalStartMs: 0,
} as const;

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

function userOf(caller: Caller): string {
  return caller.kind === "user" ? caller.user : "";
}
