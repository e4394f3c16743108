import { expect } from "chai";
import fc from "fast-check";
import type { CalendarEvent, Response } from "../../src/domain/index.js";
import { createStoreCodec } from "../../src/wire/store/index.js";
import { DAY_MS, eventContent, eventId, HOUR_MS, NOW_MS } from "../support/agenda.js";
import { AgendaCluster } from "../support/agenda-cluster.js";
import { AgendaModel } from "../support/agenda-model.js";

const { rows: codecs } = createStoreCodec();
const USERS = ["ana", "bea", "nora", "zoe"] as const;
const EVENTS = 3;
const RANKS = { ana: 100, bea: 50, nora: 50, zoe: 10 };

const user = fc.constantFrom(...USERS);
const event = fc.integer({ min: 1, max: EVENTS }).map(eventId);
const group = fc.constantFrom("office", "choir");

type Step =
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
const step: fc.Arbitrary<Step> = fc.oneof(
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
const history = fc.array(step, { minLength: 10, maxLength: 60 });

/** The steps against real shards. Who moves, cancels or deletes an event is who made it. */
class Run {
  readonly cluster = new AgendaCluster();
  readonly organizers = new Map<string, string>();
  readonly moves = new Map<string, number>();

  constructor() {
    this.cluster.nowMs = NOW_MS;
    this.cluster.found("office", "hierarchical", RANKS);
    this.cluster.found("choir", "peer", RANKS);
  }

  /** Whether it was done. */
  take(asked: Step): boolean {
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

function responsesOf({ attendees }: CalendarEvent): Readonly<Record<string, Response>> {
  return Object.fromEntries(attendees.map((attendee) => [attendee.user, attendee.response]));
}

describe("the agenda, whatever people do,", () => {
  it("is as if one person kept it in one book, where what goes between shards arrives at once", () => {
    fc.assert(
      fc.property(history, (steps) => {
        const run = new Run();
        const model = new AgendaModel(RANKS);
        for (const asked of steps) {
          if (asked.kind === "carry") continue;
          const done = run.take(asked);
          run.cluster.carry();
          expect(done, JSON.stringify(asked)).equals(model.take(asked));
          for (const [id, expected] of model.events) {
            const record = run.cluster.event(expected.organizer, id);
            if (expected.deleted) {
              expect(record).equals(undefined);
              continue;
            }
            expect(record?.state, id).equals(model.stateOf(expected));
            expect(record?.sequence, id).equals(expected.sequence);
            expect(record && responsesOf(record), id).deep.equals(
              Object.fromEntries(expected.responses),
            );
          }
        }
      }),
      { numRuns: 60 },
    );
  });

  it("comes to one truth everywhere, in whatever order and however often things arrive", () => {
    fc.assert(
      fc.property(history, (steps) => {
        const run = new Run();
        for (const asked of steps) run.take(asked);
        run.cluster.carry();
        const events = run.events();
        const standing = events.filter(({ deleteTimeMs }) => deleteTimeMs === 0);
        const records = standing.filter(({ source }) => source === "");
        const copies = standing.filter(({ source }) => source !== "");
        for (const record of records) {
          expect(record.state).equals(AgendaModel.stateFor(record));
          expect(record.sequence).equals(run.moves.get(record.id) ?? 0);
          const invited = record.attendees.map((attendee) => attendee.user);
          const holders = copies
            .filter(({ id }) => id === record.id)
            .map(({ calendar }) => calendar);
          const expected = invited.filter((one) => one !== record.calendar);
          expect(holders.sort(), record.id).deep.equals([...expected].sort());
        }
        for (const copy of copies) {
          const record = records.find(({ id }) => id === copy.id);
          expect(record?.calendar).equals(copy.source);
          for (const field of ["title", "span", "state", "sequence", "rule", "group"] as const) {
            expect(copy[field], field).deep.equals(record?.[field]);
          }
          expect(responsesOf(copy)).deep.equals(record && responsesOf(record));
        }
      }),
      { numRuns: 80 },
    );
  });
});
