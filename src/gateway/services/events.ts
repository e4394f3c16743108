import { EventService } from "../../../gen/cabildo/v1/events_pb.js";
import type {
  CancelEventRequest,
  CreateEventRequest,
  DeleteEventRequest,
  Event,
  RespondEventRequest,
  UndeleteEventRequest,
  UpdateEventRequest,
} from "../../../gen/cabildo/v1/events_pb.js";
import { ClusterError } from "../../base/index.js";
import type { CalendarEvent } from "../../domain/index.js";
import type { ShardDescription } from "../../placement/index.js";
import { requireCalendar } from "../calendars.js";
import { fieldFault, notFound, refused } from "../faults.js";
import { unary } from "../handlers.js";
import type { Call, Handler } from "../handlers.js";
import { parseCalendar, parseEvent } from "../names.js";
import { leastOf } from "../positions.js";
import type { Repeatable } from "../shard-calls.js";
import type { ServiceContext } from "./context.js";
import { maskedContent, newContent, overwrite } from "./event-fields.js";
import type { EventWrite } from "./event-fields.js";
import { groupOf, requireInvited } from "./event-invitees.js";
import { EventReplies, unnamed } from "./event-replies.js";
import { exportEvents } from "./export-events.js";
import { importEvents } from "./import-events.js";
import { occurrencesOf } from "./occurrences.js";
import { respond } from "./responses.js";

const { method } = EventService;

export function eventHandlers(context: ServiceContext): readonly Handler[] {
  const replies = new EventReplies(context);
  const service = new Events(context, replies);
  return [
    unary(method.createEvent, (call, request) => service.create(call, request)),
    unary(method.getEvent, async (call, { name, position }) => {
      const after = leastOf(context.positions, position);
      const { calendar, event } = parseEvent(name, "name");
      requireCalendar(call.caller, "event.get", calendar, name);
      const shard = call.shards.of("calendars", calendar);
      return await replies.read(call, shard, { calendar, event }, after);
    }),
    unary(method.undeleteEvent, (call, request) => service.undelete(call, request)),
    unary(method.exportEvents, (call, request) => exportEvents(context, call, request)),
    unary(method.importEvents, (call, request) => importEvents(context, replies, call, request)),
    unary(method.cancelEvent, (call, request) => service.cancel(call, request)),
    unary(method.respondEvent, (call, request) => service.respond(call, request)),
    unary(method.updateEvent, (call, request) => service.update(call, request)),
    unary(method.deleteEvent, (call, request) => service.delete(call, request)),
  ];
}

class Events {
  readonly #context: ServiceContext;
  readonly #replies: EventReplies;

  constructor(context: ServiceContext, replies: EventReplies) {
    this.#context = context;
    this.#replies = replies;
  }

  async create(call: Call, request: CreateEventRequest): Promise<Event> {
    const calendar = parseCalendar(request.parent, "parent");
    requireCalendar(call.caller, "event.create", calendar, request.parent);
    const content = newContent(request.event);
    const group = groupOf(request.event, "event.group");
    await requireInvited(this.#context.clock, call, calendar, [{ content, group, path: "event" }]);
    const occurrences = occurrencesOf(content, this.#context.clock.wallMs());
    const shard = call.shards.of("calendars", calendar);
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
    const event = await this.#replies.written(call, shard, written);
    return call.shards.isTrial ? unnamed(event) : event;
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
      await requireInvited(this.#context.clock, call, calendar, [
        { content: write.content, path: "event" },
      ]);
    }
    const repeatable: Repeatable = { method: method.updateEvent, request };
    for (let tries = 1; ; tries++) {
      const before = needsBefore(write) && (await this.#requireStanding(call, shard, wanted));
      const content = before ? overwrite(before, write) : write.content;
      const occurrences = before ? occurrencesOf(content, this.#context.clock.wallMs()) : {};
      const { fields } = write;
      const operation = { kind: "update-event", calendar, event, etag: wanted.etag } as const;
      try {
        const written = await call.shards.execute(
          shard,
          call.caller,
          { ...operation, fields, content, ...occurrences },
          repeatable,
        );
        return await this.#replies.written(call, shard, written);
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
    const repeatable: Repeatable = { method: method.deleteEvent, request };
    const operation = { kind: "delete-event", calendar, event, etag: request.etag } as const;
    const written = await call.shards.execute(shard, call.caller, operation, repeatable);
    return await this.#replies.written(call, shard, written);
  }

  async cancel(call: Call, request: CancelEventRequest): Promise<Event> {
    const { calendar, event } = parseEvent(request.name, "name");
    requireCalendar(call.caller, "event.cancel", calendar, request.name);
    const shard = call.shards.of("calendars", calendar);
    const operation = { kind: "cancel-event", calendar, event, etag: request.etag } as const;
    const repeatable: Repeatable = { method: method.cancelEvent, request };
    const written = await call.shards.execute(shard, call.caller, operation, repeatable);
    return await this.#replies.written(call, shard, written);
  }

  async respond(call: Call, request: RespondEventRequest): Promise<Event> {
    const { event, position } = await respond(this.#context.clock, call, request);
    const shard = call.shards.of("calendars", event.calendar);
    return await this.#replies.showAlone(call, shard, event, position);
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
    return await this.#replies.written(call, shard, written);
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
    if (etag !== "" && etag !== this.#replies.show(event, shard, found.position.epoch).etag) {
      throw refused("stale-etag", `${name} has changed since: read it again, then write`);
    }
    return event;
  }
}

const UPDATE_TRIES = 3;

/** Whether a write depends on what it does not write: when an event is and how it repeats go together. */
function needsBefore({ fields }: EventWrite): boolean {
  return fields.includes("span") || fields.includes("recurrence");
}
