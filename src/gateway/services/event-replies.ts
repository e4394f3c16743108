import type { Event } from "../../../gen/cabildo/v1/events_pb.js";
import type { CalendarEvent } from "../../domain/index.js";
import type { ShardDescription } from "../../placement/index.js";
import type { ShardPosition } from "../../shards/index.js";
import { eventToPublic } from "../../wire/index.js";
import type { Call } from "../handlers.js";
import { parseEvent } from "../names.js";
import type { Written } from "../shard-calls.js";
import { conflictsOf, conflictsOfAll, conflictsToPublic } from "./conflicts.js";
import type { ServiceContext } from "./context.js";

/** Events as they are answered with. */
export class EventReplies {
  readonly #context: ServiceContext;

  constructor(context: ServiceContext) {
    this.#context = context;
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

  /** The same of an event that was not read yet. */
  async read(
    call: Call,
    shard: ShardDescription,
    named: { readonly calendar: string; readonly event: string },
    after: readonly ShardPosition[],
  ): Promise<Event> {
    const conflictsFromMs = this.#context.clock.wallMs();
    const question = { kind: "get-event", ...named, conflictsFromMs } as const;
    const { answer, position } = await call.shards.read(shard, call.caller, question, after);
    const conflicts = conflictsToPublic(answer.conflicts ?? []);
    return Object.assign(this.show(answer.event, shard, position.epoch), { conflicts });
  }

  /** What a write answers with. */
  async written(call: Call, shard: ShardDescription, found: Written): Promise<Event> {
    const { resource, position, name } = found;
    return resource?.kind === "event"
      ? await this.showAlone(call, shard, resource.event, position)
      : await this.read(call, shard, parseEvent(name, "name"), [position]);
  }

  /** All of them with what they are in conflict with, each other included. */
  async showCreated(call: Call, calendar: string, events: readonly string[], after: ShardPosition) {
    const shard = call.shards.of("calendars", calendar);
    const question = { kind: "get-events", calendar, events } as const;
    const { answer, position } = await call.shards.read(shard, call.caller, question, [after]);
    const nowMs = this.#context.clock.wallMs();
    const conflicts = await conflictsOfAll(call, shard, answer.events, position, nowMs);
    const shown = answer.events.map((event, i) =>
      Object.assign(this.show(event, shard, position.epoch), { conflicts: conflicts[i] ?? [] }),
    );
    return {
      events: call.shards.isTrial ? shown.map(unnamed) : shown,
      position: this.#context.encode(position),
    };
  }
}

/** What would be created has no name yet: it would get another one each time. */
export function unnamed(event: Event): Event {
  return Object.assign(event, { name: "", icalUid: "" });
}
