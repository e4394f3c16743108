import { fc } from "./properties.js";
import type { CalendarEvent } from "../../src/domain/index.js";
import { createStoreCodec } from "../../src/wire/store/index.js";
import { DAY_MS, eventContent, eventId, HOUR_MS, NOW_MS } from "./agenda.js";
import { AgendaCluster } from "./agenda-cluster.js";

const { rows: codecs } = createStoreCodec();

const USERS = ["ana", "bea", "nora", "zoe"] as const;
const EVENTS = 3;
export const RANKS = { ana: 100, bea: 50, nora: 50, zoe: 10 };
/** Of those who are in the desk, a group of peers below the office, by themselves. */
export const DESK_RANKS = { ana: 100, zoe: 60 };

const user = fc.constantFrom(...USERS);
const event = fc.integer({ min: 1, max: EVENTS }).map(eventId);
const group = fc.constantFrom("office", "choir", "desk");

export type HistoryStep =
  | {
      readonly kind: "invite";
      readonly user: string;
      readonly event: string;
      readonly users: readonly string[];
    }
  | {
      readonly kind: "convene";
      readonly user: string;
      readonly event: string;
      readonly group: string;
    }
  | {
      readonly kind: "respond";
      readonly user: string;
      readonly event: string;
      readonly response: "accepted" | "declined" | "tentative";
    }
  | { readonly kind: "move" | "cancel" | "delete" | "undelete"; readonly event: string }
  | { readonly kind: "leave"; readonly user: string; readonly group: string }
  | { readonly kind: "disband"; readonly group: string }
  | {
      readonly kind: "carry";
      readonly source: number;
      readonly target: number;
      readonly again: boolean;
    };

const shard = fc.constantFrom(1, 2, 3);
const step: fc.Arbitrary<HistoryStep> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("invite" as const),
      user,
      event,
      users: fc.subarray([...USERS]),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant("convene" as const), user, event, group }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant("respond" as const),
      user,
      event,
      response: fc.constantFrom("accepted", "accepted", "declined", "tentative"),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({ kind: fc.constantFrom("move", "cancel", "delete", "undelete"), event }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("leave" as const),
      user: fc.constantFrom("bea", "nora", "zoe"),
      group,
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("disband" as const), group }) },
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant("carry" as const),
      source: shard,
      target: shard,
      again: fc.boolean(),
    }),
  },
);
/** What people do, one after the other, and when what goes between shards arrives. */
export const anyHistory = fc.array(step, { minLength: 10, maxLength: 60, size: "max" });

/** The steps against real shards. Who moves, cancels or deletes an event is who made it. */
export class AgendaHistory {
  readonly cluster = new AgendaCluster();
  readonly organizers = new Map<string, string>();
  readonly moves = new Map<string, number>();

  constructor() {
    this.cluster.nowMs = NOW_MS;
    this.cluster.found("office", "hierarchical", RANKS);
    this.cluster.found("choir", "peer", RANKS);
    this.cluster.found("desk", "peer", DESK_RANKS, "office");
  }

  /** Whether it was done. */
  take(asked: HistoryStep): boolean {
    switch (asked.kind) {
      case "invite":
      case "convene": {
        if (this.organizers.has(asked.event)) return false;
        const invitees =
          asked.kind === "invite" ? asked.users.map((one) => ({ user: one, optional: false })) : [];
        const of = asked.kind === "convene" ? { group: asked.group } : {};
        const content = eventContent({ invitees, span: spanOf(0) });
        const made = { kind: "create-event", calendar: asked.user, event: asked.event } as const;
        const done =
          this.cluster.tryCalendar(asked.user, { ...made, content, ...of }).kind === "done";
        if (done) this.organizers.set(asked.event, asked.user);
        return done;
      }
      case "respond": {
        const { user: calendar, event: id, response } = asked;
        const answer = {
          kind: "respond-event",
          calendar,
          event: id,
          response,
          comment: "",
        } as const;
        return this.cluster.tryCalendar(calendar, answer).kind === "done";
      }
      case "move": {
        const moves = (this.moves.get(asked.event) ?? 0) + 1;
        const content = eventContent({ span: spanOf(moves) });
        const done = this.#own(asked.event, (calendar) => {
          const name = { calendar, event: asked.event, etag: "" };
          return { kind: "update-event", ...name, content, fields: ["span"] } as const;
        });
        if (done) this.moves.set(asked.event, moves);
        return done;
      }
      case "cancel":
      case "delete": {
        const kind = asked.kind === "cancel" ? "cancel-event" : "delete-event";
        return this.#own(asked.event, (calendar) => ({
          kind,
          calendar,
          event: asked.event,
          etag: "",
        }));
      }
      case "undelete":
        return this.#own(asked.event, (calendar) => ({
          kind: "undelete-event",
          calendar,
          event: asked.event,
        }));
      case "leave":
        return (
          this.cluster.group(asked.user, {
            kind: "remove-member",
            group: asked.group,
            user: asked.user,
          }).kind === "done"
        );
      case "disband":
        return (
          this.cluster.group("ana", {
            kind: "set-group-deleted",
            group: asked.group,
            deleted: true,
            etag: "",
          }).kind === "done"
        );
      case "carry":
        return this.cluster.carryOne(asked.source, asked.target, asked.again);
    }
  }

  #own(
    id: string,
    operation: (calendar: string) => Parameters<AgendaCluster["tryCalendar"]>[1],
  ): boolean {
    const organizer = this.organizers.get(id);
    if (organizer === undefined) return false;
    return this.cluster.tryCalendar(organizer, operation(organizer)).kind === "done";
  }

  /** Everything in all calendars, deleted or not. */
  events(): readonly CalendarEvent[] {
    return [1, 2].flatMap((number) =>
      this.cluster
        .shard(number)
        .memory.state.rows()
        .filter(({ key }) => key.startsWith("ev/"))
        .map(({ value }) => codecs.event.decode(value)),
    );
  }
}

function spanOf(moves: number): CalendarEvent["span"] {
  const startMs = NOW_MS + DAY_MS + moves * HOUR_MS;
  return { kind: "timed", startMs, endMs: startMs + HOUR_MS, timeZone: "UTC" };
}
