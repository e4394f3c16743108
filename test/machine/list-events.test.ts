import { expect } from "chai";
import { fc } from "../support/properties.js";
import type { Question } from "../../src/domain/index.js";
import { anySpan } from "../support/agenda-arbitraries.js";
import { createEvent, DAY_MS, eventId, HOUR_MS, NOW_MS, userCaller } from "../support/agenda.js";
import { AgendaShard, MACHINE } from "../support/agenda-shard.js";
import { LoadedView, runLoading } from "../support/memory-view.js";

const ana = userCaller("ana");
const DAYS = 420 * 24;

type ListEvents = Extract<Question, { kind: "list-events" }>;

function list(over: Partial<ListEvents>): ListEvents {
  return {
    kind: "list-events",
    calendars: ["ana"],
    conditions: [],
    asAgenda: false,
    pageSize: 1_000,
    after: "",
    windowStartMs: 0,
    windowEndMs: 0,
    showDeleted: false,
    ...over,
  };
}

/** All pages, one after the other. */
function listAll(shard: AgendaShard, question: ListEvents): readonly string[] {
  const ids: string[] = [];
  for (let after = "", pages = 0; pages < 1_000; pages++) {
    const page = shard.ask(ana, { ...question, after }, "events");
    ids.push(...page.events.map(({ id }) => id));
    if (page.next === "") return ids;
    after = page.next;
  }
  throw new Error("pages without end");
}

interface ModelEvent {
  readonly id: string;
  readonly startMs: number;
  readonly endMs: number;
  readonly deleted: boolean;
}

const anyWindow = fc
  .tuple(fc.integer({ min: -DAYS, max: DAYS }), fc.constantFrom(1, 24, 7 * 24, 30 * 24))
  .map(([start, hours]) => [NOW_MS + start * HOUR_MS, NOW_MS + (start + hours) * HOUR_MS] as const);

describe("a list of events", () => {
  it("holds what a walk over all of them would, in order, however it is paged", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(anySpan, fc.constantFrom("keep", "keep", "move", "delete"), anySpan), {
          maxLength: 40,
        }),
        anyWindow,
        fc.constantFrom("both", "start", "end", "none"),
        fc.boolean(),
        fc.integer({ min: 1, max: 7 }),
        (events, [windowStartMs, windowEndMs], sides, showDeleted, pageSize) => {
          const shard = new AgendaShard();
          const model: ModelEvent[] = [];
          events.forEach(([first, fate, second], i) => {
            const event = eventId(i);
            shard.done(ana, createEvent("ana", event, { span: first }));
            shard.done(userCaller("bea"), createEvent("bea", event, { span: first }));
            const { content } = { content: createEvent("ana", event, { span: second }) };
            if (fate === "move" && content.kind === "create-event") {
              const fields = ["span"] as const;
              shard.done(ana, {
                kind: "update-event",
                calendar: "ana",
                event,
                content: content.content,
                fields,
                etag: "",
              });
            }
            if (fate === "delete") {
              shard.done(ana, { kind: "delete-event", calendar: "ana", event, etag: "" });
            }
            const span = fate === "move" ? second : first;
            const [startMs, endMs] =
              span.kind === "timed"
                ? [span.startMs, span.endMs]
                : [
                    Date.UTC(span.start.year, span.start.month - 1, span.start.day),
                    Date.UTC(span.end.year, span.end.month - 1, span.end.day),
                  ];
            model.push({ id: event, startMs, endMs, deleted: fate === "delete" });
          });
          const from = sides === "both" || sides === "start" ? windowStartMs : 0;
          const to = sides === "both" || sides === "end" ? windowEndMs : 0;
          const expected = model
            .filter(({ deleted }) => showDeleted || !deleted)
            .filter(({ endMs }) => from === 0 || endMs > from)
            .filter(({ startMs }) => to === 0 || startMs < to)
            .sort((a, b) => a.startMs - b.startMs || (a.id < b.id ? -1 : 1))
            .map(({ id }) => id);
          const question = list({ pageSize, windowStartMs: from, windowEndMs: to, showDeleted });
          expect(listAll(shard, question)).deep.equals(expected);
        },
      ),
      { numRuns: 150 },
    );
  });

  it("neither repeats nor skips what stood throughout, though others come and go", () => {
    const shard = new AgendaShard();
    const at = (hour: number) => ({
      span: {
        kind: "timed" as const,
        startMs: NOW_MS + hour * HOUR_MS,
        endMs: NOW_MS + (hour + 1) * HOUR_MS,
        timeZone: "",
      },
    });
    for (let i = 0; i < 10; i++) shard.done(ana, createEvent("ana", eventId(i), at(i * 10)));
    const first = shard.ask(ana, list({ pageSize: 5 }), "events");
    shard.done(ana, createEvent("ana", eventId(50), at(5)));
    shard.done(ana, { kind: "delete-event", calendar: "ana", event: eventId(4), etag: "" });
    shard.done(ana, { kind: "delete-event", calendar: "ana", event: eventId(7), etag: "" });
    const second = shard.ask(ana, list({ pageSize: 50, after: first.next }), "events");
    const ids = [...first.events, ...second.events].map(({ id }) => id);
    expect(ids).deep.equals([0, 1, 2, 3, 4, 5, 6, 8, 9].map(eventId));
  });

  it("reads a window, not the calendar", () => {
    const shard = new AgendaShard();
    for (let i = 0; i < 500; i++) {
      const startMs = NOW_MS + i * DAY_MS;
      const span = { kind: "timed" as const, startMs, endMs: startMs + HOUR_MS, timeZone: "" };
      shard.done(ana, createEvent("ana", eventId(i), { span }));
    }
    let rows = 0;
    const counting = {
      isLoaded: () => true,
      get: (key: string) => shard.memory.state.get(key),
      range: (range: Parameters<typeof shard.memory.state.range>[0]) => {
        const found = shard.memory.state.range(range);
        rows += found.length;
        return found;
      },
    };
    const windowStartMs = NOW_MS + 250 * DAY_MS;
    const question = list({ windowStartMs, windowEndMs: windowStartMs + 7 * DAY_MS });
    MACHINE.query({ caller: ana, question }, counting, MACHINE.featureLevel);
    // Gathering the ranges and reading them again is one load.
    expect(rows / 2).within(7, 9);
  });

  it("is loaded in two steps: where the calendar has events, and then those ranges alone", () => {
    const shard = new AgendaShard();
    shard.done(ana, createEvent("ana", eventId(1)));
    const ranges: string[] = [];
    const { state } = shard.memory;
    const watched = {
      isLoaded: () => true,
      get: (key: string) => state.get(key),
      range: (range: Parameters<typeof state.range>[0]) => {
        ranges.push(range.start);
        return state.range(range);
      },
    };
    const view = new LoadedView(watched);
    const query = { caller: ana, question: list({ showDeleted: true }) };
    const { result, loads } = runLoading(view, () =>
      MACHINE.query(query, view, MACHINE.featureLevel),
    );
    expect(result).deep.equals(shard.query(ana, query.question));
    expect(loads).equals(2);
    expect([...new Set(ranges)]).to.have.lengthOf(2);
  });

  it("ends a page before it is too large", () => {
    const shard = new AgendaShard();
    for (let i = 0; i < 200; i++) {
      shard.done(ana, createEvent("ana", eventId(i), { description: "x".repeat(8_192) }));
    }
    const page = shard.ask(ana, list({ pageSize: 1_000 }), "events");
    expect(page.events.length).within(100, 128);
    expect(listAll(shard, list({ pageSize: 1_000 }))).to.have.lengthOf(200);
  });

  it("of a calendar without events is empty", () => {
    expect(listAll(new AgendaShard(), list({}))).deep.equals([]);
  });

  it("does not take a page's place that it did not give", () => {
    const reply = new AgendaShard().query(ana, list({ after: "../x" }));
    expect(reply).to.include({ kind: "refused", code: "invalid-argument" });
  });

  it("is the owner's alone", () => {
    const reply = new AgendaShard().query(userCaller("bea"), list({}));
    expect(reply).to.include({ kind: "refused", code: "not-found" });
  });
});
