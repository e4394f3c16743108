import { expect } from "chai";
import type {
  CalendarEvent,
  EventContent,
  EventField,
  Occurrences,
  Operation,
} from "../../src/domain/index.js";
import { instanceId } from "../../src/machine/index.js";
import {
  createEvent,
  DAY_MS,
  eventContent,
  eventId,
  HOUR_MS,
  NOW_MS,
  SYSTEM,
  userCaller,
} from "../support/agenda.js";
import { AgendaShard } from "../support/agenda-shard.js";

const ana = userCaller("ana");
const E1 = eventId(1);
const START_MS = NOW_MS - (NOW_MS % DAY_MS) + DAY_MS;
const day = (n: number): number => START_MS + n * DAY_MS;
const instance = (n: number): string => instanceId(E1, day(n));

function daily(count: number, untilMs = 0): Occurrences {
  return { startsMs: Array.from({ length: count }, (_, n) => day(n)), untilMs };
}

function repeating(over: Partial<EventContent> = {}): EventContent {
  return eventContent({
    span: { kind: "timed", startMs: START_MS, endMs: START_MS + HOUR_MS, timeZone: "UTC" },
    recurrence: ["RRULE:FREQ=DAILY"],
    ...over,
  });
}

function create(occurrences: Occurrences, over: Partial<EventContent> = {}): Operation {
  const content = repeating(over);
  return { kind: "create-event", calendar: "ana", event: E1, content, occurrences };
}

function update(
  event: string,
  fields: readonly EventField[],
  content: EventContent,
  occurrences?: Occurrences,
): Operation {
  const known = occurrences === undefined ? {} : { occurrences };
  return { kind: "update-event", calendar: "ana", event, content, fields, etag: "", ...known };
}

const remove = (event: string): Operation => ({
  kind: "delete-event",
  calendar: "ana",
  event,
  etag: "",
});
const undelete = (event: string): Operation => ({
  kind: "undelete-event",
  calendar: "ana",
  event,
});

function extend(afterMs: number, occurrences: Occurrences, dueMs = NOW_MS): Operation {
  return { kind: "extend-series", calendar: "ana", event: E1, dueMs, afterMs, occurrences };
}

describe("an event that repeats", () => {
  let shard: AgendaShard;
  beforeEach(() => {
    shard = new AgendaShard();
    shard.done(ana, create(daily(5)));
  });

  function within(fromDay: number, toDay: number, pageSize = 100): readonly CalendarEvent[] {
    const events: CalendarEvent[] = [];
    for (let after = ""; ;) {
      const page = shard.ask(
        ana,
        {
          kind: "list-events",
          calendars: ["ana"],
          pageSize,
          after,
          windowStartMs: fromDay === -Infinity ? 0 : day(fromDay),
          windowEndMs: fromDay === -Infinity ? 0 : day(toDay),
          showDeleted: false,
          conditions: [],
          asAgenda: false,
        },
        "events",
      );
      events.push(...page.events);
      if (page.next === "") return events;
      after = page.next;
    }
  }

  const idsWithin = (from: number, to: number, pageSize?: number): readonly string[] =>
    within(from, to, pageSize).map(({ id }) => id);

  function instances(pageSize = 100): readonly CalendarEvent[] {
    const events: CalendarEvent[] = [];
    for (let after = ""; ;) {
      const question = {
        kind: "list-instances",
        calendar: "ana",
        event: E1,
        pageSize,
        after,
        windowStartMs: 0,
        windowEndMs: 0,
      } as const;
      const page = shard.ask(ana, question, "events");
      events.push(...page.events);
      if (page.next === "") return events;
      after = page.next;
    }
  }

  const get = (event: string): CalendarEvent =>
    shard.ask(ana, { kind: "get-event", calendar: "ana", event }, "event").event;

  it("is one event, and in a window each of its instances", () => {
    expect(idsWithin(-Infinity, 0)).deep.equals([E1]);
    expect(idsWithin(1, 3)).deep.equals([instance(1), instance(2)]);
    expect(idsWithin(0, 9, 2)).deep.equals([0, 1, 2, 3, 4].map(instance));
    expect(within(1, 2)[0]).to.deep.include({
      title: "Council",
      recurringEvent: E1,
      originalStartMs: day(1),
      recurrence: [],
      span: { kind: "timed", startMs: day(1), endMs: day(1) + HOUR_MS, timeZone: "UTC" },
    });
  });

  it("is in a window between other events, in order of start", () => {
    const span = { kind: "timed", startMs: day(1) - HOUR_MS, endMs: day(1), timeZone: "" } as const;
    shard.done(ana, createEvent("ana", eventId(2), { span }));
    expect(idsWithin(0, 2, 1)).deep.equals([instance(0), eventId(2), instance(1)]);
  });

  it("has instances that can be read by name, and no others", () => {
    expect(get(instance(4))).to.include({ recurringEvent: E1, originalStartMs: day(4) });
    const question = { kind: "get-event", calendar: "ana", event: instance(5) } as const;
    expect(shard.query(ana, question)).to.include({ kind: "refused", code: "not-found" });
    expect(instances(2).map(({ id }) => id)).deep.equals([0, 1, 2, 3, 4].map(instance));
  });

  it("has one instance moved, and the others stay", () => {
    const startMs = day(2) + 5 * HOUR_MS;
    const span = { kind: "timed", startMs, endMs: startMs + HOUR_MS, timeZone: "UTC" } as const;
    const { changes } = shard.run(ana, update(instance(2), ["span"], eventContent({ span })));
    expect(changes.map(({ resourceName }) => resourceName)).deep.equals([
      `calendars/ana/events/${instance(2)}`,
    ]);
    expect(get(instance(2))).to.deep.include({ span, sequence: 1, originalStartMs: day(2) });
    expect(get(E1)).to.include({ sequence: 0, revision: 1 });
    expect(instances().map(({ span: s }) => s.kind === "timed" && s.startMs)).deep.equals([
      day(0),
      day(1),
      startMs,
      day(3),
      day(4),
    ]);
    expect(idsWithin(2, 3)).deep.equals([instance(2)]);
    shard.done(ana, update(instance(2), ["title"], eventContent({ title: "Special" })));
    expect(within(2, 3)[0]).to.include({ title: "Special", sequence: 1 });
  });

  it("has one instance cancelled, and back", () => {
    shard.done(ana, remove(instance(1)));
    expect(idsWithin(0, 9)).deep.equals([0, 2, 3, 4].map(instance));
    expect(instances()).to.have.lengthOf(4);
    shard.refused(ana, remove(instance(1)), "not-found");
    shard.done(ana, undelete(instance(1)));
    expect(idsWithin(0, 9)).deep.equals([0, 1, 2, 3, 4].map(instance));
    shard.refused(ana, remove(instance(7)), "not-found");
  });

  it("keeps an instance cancelled for good once it is purged", () => {
    shard.done(ana, remove(instance(1)));
    shard.nowMs += 31 * DAY_MS;
    shard.done(SYSTEM, { kind: "sweep", limit: 100, trimFeedTo: 0 });
    expect(idsWithin(0, 9)).deep.equals([0, 2, 3, 4].map(instance));
    shard.refused(ana, undelete(instance(1)), "not-found");
  });

  it("goes and comes back whole, but for what had been cancelled before", () => {
    shard.done(ana, remove(instance(1)));
    shard.nowMs += 1;
    shard.done(ana, update(instance(2), ["title"], eventContent({ title: "Special" })));
    shard.done(ana, remove(E1));
    expect(idsWithin(0, 9)).deep.equals([]);
    shard.refused(ana, undelete(instance(2)), "failed-precondition");
    shard.done(ana, undelete(E1));
    expect(idsWithin(0, 9)).deep.equals([0, 2, 3, 4].map(instance));
    expect(get(instance(2)).title).equals("Special");
  });

  it("leaves no row behind when it was deleted and purged", () => {
    shard.done(ana, update(instance(2), ["title"], eventContent({ title: "Special" })));
    shard.done(ana, remove(E1));
    shard.nowMs += 31 * DAY_MS;
    shard.done(SYSTEM, { kind: "sweep", limit: 100, trimFeedTo: 0 });
    const left = shard.memory.state.rows().filter(({ key }) => /^(e[vsdropo]|ep)\//.test(key));
    expect(left.map(({ key }) => key)).deep.equals([]);
  });

  it("is moved whole, with the occurrences that were worked out for just that", () => {
    const startMs = START_MS + HOUR_MS;
    const span = { kind: "timed", startMs, endMs: startMs + HOUR_MS, timeZone: "UTC" } as const;
    const occurrences = { startsMs: [startMs, startMs + DAY_MS], untilMs: 0 };
    const other = repeating({ span, recurrence: ["RRULE:FREQ=WEEKLY"] });
    shard.refused(ana, update(E1, ["span"], other, occurrences), "stale-etag");
    shard.refused(ana, update(E1, ["span"], repeating({ span })), "stale-etag");
    shard.done(ana, update(E1, ["span"], repeating({ span }), occurrences));
    expect(idsWithin(0, 9)).deep.equals(
      occurrences.startsMs.map((startsMs) => instanceId(E1, startsMs)),
    );
    expect(get(E1).sequence).equals(1);
  });

  it("stops repeating, and its instances go", () => {
    shard.done(ana, update(instance(2), ["title"], eventContent({ title: "Special" })));
    shard.done(ana, update(E1, ["recurrence"], repeating({ recurrence: [] })));
    expect(idsWithin(0, 9)).deep.equals([E1]);
  });

  it("has no instance that repeats itself", () => {
    const content = repeating();
    shard.refused(ana, update(instance(2), ["recurrence"], content, daily(2)), "invalid-argument");
  });

  it("shows changes of all in each instance that nobody has touched", () => {
    shard.done(ana, update(E1, ["title"], eventContent({ title: "Assembly" })));
    expect(new Set(within(0, 9).map(({ title }) => title))).deep.equals(new Set(["Assembly"]));
  });

  it("is listed by whom it belongs to alone", () => {
    const bea = userCaller("bea");
    shard.refused(bea, remove(instance(1)), "not-found");
    const question = { kind: "get-event", calendar: "ana", event: instance(1) } as const;
    expect(shard.query(bea, question)).to.include({ kind: "refused", code: "not-found" });
  });
});

describe("occurrences that are known", () => {
  let shard: AgendaShard;
  beforeEach(() => {
    shard = new AgendaShard();
  });

  const due = () =>
    shard.ask(SYSTEM, { kind: "list-due-work", nowMs: shard.nowMs, limit: 10 }, "due-work").series;

  it("are due to be extended half-way, and then once", () => {
    shard.done(ana, create(daily(10, day(10))));
    expect(due()).deep.equals([]);
    shard.nowMs = day(7);
    const [series] = due();
    expect(series).to.include({ calendar: "ana", id: E1, untilMs: day(10) });
    expect(series?.event?.recurrence).deep.equals(["RRULE:FREQ=DAILY"]);
    const more = { startsMs: [day(10), day(11)], untilMs: day(12) };
    const { changes } = shard.run(SYSTEM, extend(day(10), more, series?.dueMs));
    expect(changes).deep.equals([]);
    expect(due()).deep.equals([]);
    shard.done(SYSTEM, extend(day(10), { startsMs: [day(15)], untilMs: 0 }));
    const question = { kind: "get-event", calendar: "ana", event: instance(11) } as const;
    expect(shard.ask(ana, question, "event").event.id).equals(instance(11));
    expect(shard.query(ana, { ...question, event: instance(15) }).kind).equals("refused");
  });

  it("of an event that is gone are forgotten", () => {
    shard.done(ana, create(daily(10, day(10))));
    shard.done(ana, remove(E1));
    shard.nowMs = day(7);
    const [series] = due();
    expect(series).to.include({ id: E1, untilMs: 0 });
    shard.done(SYSTEM, extend(0, { startsMs: [], untilMs: 0 }, series?.dueMs));
    expect(due()).deep.equals([]);
  });

  it("are extended by the cluster alone", () => {
    shard.done(ana, create(daily(10, day(10))));
    shard.refused(ana, extend(day(10), daily(0)), "permission-denied");
    expect(shard.query(ana, { kind: "list-due-work", nowMs: day(9), limit: 1 })).to.include({
      code: "permission-denied",
    });
  });

  it("are at most as many as one command can replace", () => {
    shard.refused(ana, create(daily(401)), "invalid-argument");
    shard.done(ana, create(daily(400, day(400))));
    for (let n = 0; n < 100; n++) {
      shard.done(ana, update(instance(n), ["title"], eventContent({ title: "Own" })));
    }
    shard.refused(ana, remove(instance(200)), "failed-precondition");
    shard.done(ana, remove(E1));
    shard.done(ana, undelete(E1));
    const more = Array.from({ length: 400 }, (_, n) => day(400 + n));
    shard.done(SYSTEM, extend(day(400), { startsMs: more, untilMs: 0 }));
    const startMs = START_MS + HOUR_MS;
    const span = { kind: "timed", startMs, endMs: startMs + HOUR_MS, timeZone: "UTC" } as const;
    const moved = { startsMs: more.map((ms) => ms + HOUR_MS), untilMs: 0 };
    shard.done(ana, update(E1, ["span"], repeating({ span }), moved));
  });

  it("belong to events that repeat, and only to those", () => {
    const content = eventContent();
    const event = { kind: "create-event", calendar: "ana", event: E1 } as const;
    shard.refused(ana, { ...event, content, occurrences: daily(1) }, "invalid-argument");
    shard.refused(ana, { ...event, content: repeating() }, "invalid-argument");
    const unordered = { startsMs: [day(2), day(1)], untilMs: 0 };
    shard.refused(ana, create(unordered), "invalid-argument");
  });
});
