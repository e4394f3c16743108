import { expect } from "chai";
import type { CalendarEvent, EventContent, EventField, Operation } from "../../src/domain/index.js";
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

function update(
  fields: readonly EventField[],
  over: Partial<EventContent>,
  etag = "",
  calendar = "ana",
): Operation {
  const content = eventContent(over);
  return { kind: "update-event", calendar, event: E1, content, fields, etag };
}

function remove(etag = "", calendar = "ana"): Operation {
  return { kind: "delete-event", calendar, event: E1, etag };
}

function getEvent(shard: AgendaShard): CalendarEvent {
  return shard.ask(ana, { kind: "get-event", calendar: "ana", event: E1 }, "event").event;
}

function listed(shard: AgendaShard, showDeleted: boolean): readonly string[] {
  const { events } = shard.ask(
    ana,
    {
      kind: "list-events",
      calendars: ["ana"],
      conditions: [],
      asAgenda: false,
      pageSize: 10,
      after: "",
      windowStartMs: 0,
      windowEndMs: 0,
      showDeleted,
    },
    "events",
  );
  return events.map(({ id }) => id);
}

describe("an event", () => {
  let shard: AgendaShard;
  beforeEach(() => {
    shard = new AgendaShard();
    shard.done(ana, createEvent("ana", E1));
  });

  it("is confirmed at once, and reported to its calendar and its owner", () => {
    const { reply, changes } = shard.run(ana, createEvent("ana.work", eventId(2)));
    const name = `calendars/ana.work/events/${eventId(2)}`;
    expect(reply).to.include({ kind: "done", name, revision: 2, sequence: 2 });
    expect(changes).to.have.lengthOf(1);
    expect(changes[0]).to.deep.include({
      kind: "created",
      channel: "calendars/ana.work",
      audience: ["ana"],
      resourceName: name,
      revision: 2,
    });
    expect(getEvent(shard)).to.include({ state: "confirmed", organizer: "ana", sequence: 0 });
  });

  it("is created once", () => {
    shard.refused(ana, createEvent("ana", E1), "already-exists");
  });

  it("keeps its labels in order of key", () => {
    const labels = [
      { key: "b", value: "1" },
      { key: "a", value: "2" },
    ];
    shard.done(ana, update(["labels"], { labels }));
    expect(getEvent(shard).labels.map(({ key }) => key)).deep.equals(["a", "b"]);
  });

  it("is written by its calendar's owner alone, and looks absent to others", () => {
    const bea = userCaller("bea");
    const hidden = shard.refused(bea, update(["title"], {}), "not-found");
    expect(new AgendaShard().refused(ana, update(["title"], {}), "not-found")).equals(hidden);
    shard.refused(bea, remove(), "not-found");
    shard.refused(bea, createEvent("ana", eventId(2)), "not-found");
    shard.refused(SYSTEM, createEvent("ana", eventId(2)), "not-found");
    const question = { kind: "get-event", calendar: "ana", event: E1 } as const;
    expect(shard.query(bea, question)).deep.equals(new AgendaShard().query(ana, question));
  });

  it("cannot be in a group's calendar yet, not even of a group with the user's name", () => {
    shard.refused(ana, createEvent("ana.group", eventId(2)), "not-found");
    shard.refused(ana, createEvent("choir.group", eventId(2)), "not-found");
  });

  it("has only the fields written that are named", () => {
    const over = { title: "New", location: "Hall", description: "Later" };
    shard.done(ana, update(["title", "location"], over));
    expect(getEvent(shard)).to.include({ title: "New", location: "Hall", description: "" });
  });

  it("raises its sequence when its time changes, and only then", () => {
    const moved = eventContent().span;
    shard.done(ana, update(["title", "span"], { title: "New", span: moved }));
    expect(getEvent(shard).sequence).equals(0);
    const span = { kind: "timed", startMs: 0, endMs: 1, timeZone: "UTC" } as const;
    shard.done(ana, update(["span"], { span }));
    expect(getEvent(shard).sequence).equals(1);
    const day = { year: 2026, month: 2, day: 28 };
    const allDay = { kind: "all-day", start: day, end: { ...day, month: 3, day: 1 } } as const;
    shard.done(ana, update(["span"], { span: allDay }));
    shard.done(ana, update(["span"], { span: allDay }));
    expect(getEvent(shard).sequence).equals(2);
  });

  it("is written only by those who saw its latest state, if they say so", () => {
    shard.done(ana, update(["title"], { title: "New" }, '"r1"'));
    shard.refused(ana, update(["title"], { title: "Newer" }, '"r1"'), "stale-etag");
    shard.refused(ana, remove('"r1"'), "stale-etag");
    shard.done(ana, remove('"r2"'));
  });

  it("is deleted softly, and gone for further writes", () => {
    const { reply, changes } = shard.run(ana, remove());
    expect(
      reply.kind === "done" && reply.resource?.kind === "event" && reply.resource.event,
    ).to.include({ deleteTimeMs: NOW_MS, purgeTimeMs: NOW_MS + 30 * DAY_MS, revision: 2 });
    expect(changes.map(({ kind }) => kind)).deep.equals(["deleted"]);
    shard.refused(ana, remove(), "not-found");
    shard.refused(ana, update(["title"], {}), "not-found");
    shard.refused(ana, createEvent("ana", E1), "already-exists");
    expect(getEvent(shard).deleteTimeMs).equals(NOW_MS);
    expect(listed(shard, false)).deep.equals([]);
    expect(listed(shard, true)).deep.equals([E1]);
  });

  const day = (year: number, month: number, d: number) => ({ year, month, day: d });
  const faults: readonly (readonly [string, Partial<EventContent>])[] = [
    ["no title", { title: "" }],
    ["a title of 256 characters", { title: "ñ".repeat(256) }],
    ["a description over 8 KiB", { description: "ñ".repeat(4_097) }],
    ["a location of 256 characters", { location: "x".repeat(256) }],
    ["no length", { span: { kind: "timed", startMs: 5, endMs: 5, timeZone: "" } }],
    ["an end before its start", { span: { kind: "timed", startMs: 5, endMs: 4, timeZone: "" } }],
    ["a start before year 1", { span: { kind: "timed", startMs: -1e15, endMs: 4, timeZone: "" } }],
    ["an end after year 9999", { span: { kind: "timed", startMs: 0, endMs: 1e15, timeZone: "" } }],
    ["half a millisecond", { span: { kind: "timed", startMs: 0.5, endMs: 4, timeZone: "" } }],
    ["no such day", { span: { kind: "all-day", start: day(2026, 2, 29), end: day(2026, 3, 2) } }],
    ["no such month", { span: { kind: "all-day", start: day(2026, 13, 1), end: day(2027, 1, 1) } }],
    ["no day", { span: { kind: "all-day", start: day(2026, 2, 1), end: day(2026, 2, 1) } }],
    [
      "a label twice",
      {
        labels: [
          { key: "a", value: "" },
          { key: "a", value: "b" },
        ],
      },
    ],
    ["33 labels", { labels: Array.from({ length: 33 }, (_, i) => ({ key: `k${i}`, value: "" })) }],
    ["a label key over 63 bytes", { labels: [{ key: "ñ".repeat(32), value: "" }] }],
    ["6 reminders", { reminderMinutes: [1, 2, 3, 4, 5, 6] }],
    ["a reminder before time", { reminderMinutes: [-1] }],
  ];
  for (const [title, over] of faults) {
    it(`is refused with ${title}`, () => {
      shard.refused(ana, createEvent("ana", eventId(2), over), "invalid-argument");
      const fields: EventField[] = ["title", "description", "location", "span", "labels"];
      shard.refused(ana, update([...fields, "reminderMinutes"], over), "invalid-argument");
    });
  }

  it("may be as long as the limits", () => {
    shard.done(
      ana,
      createEvent("ana", eventId(2), {
        title: "🎵".repeat(255),
        description: "ñ".repeat(4_096),
        location: "x".repeat(255),
        reminderMinutes: [0, 1, 2, 3, 40_320],
      }),
    );
  });

  it("of a leap day is a day", () => {
    const span = { kind: "all-day", start: day(2028, 2, 29), end: day(2028, 3, 1) } as const;
    shard.done(ana, createEvent("ana", eventId(2), { span }));
    const window = (startMs: number, endMs: number) =>
      shard
        .ask(
          ana,
          {
            kind: "list-events",
            calendars: ["ana"],
            conditions: [],
            asAgenda: false,
            pageSize: 10,
            after: "",
            windowStartMs: startMs,
            windowEndMs: endMs,
            showDeleted: false,
          },
          "events",
        )
        .events.map(({ id }) => id);
    const midnight = Date.UTC(2028, 1, 29);
    expect(window(midnight + DAY_MS - 1, midnight + DAY_MS + HOUR_MS)).deep.equals([eventId(2)]);
    expect(window(midnight + DAY_MS, midnight + DAY_MS + HOUR_MS)).deep.equals([]);
    expect(window(midnight - HOUR_MS, midnight)).deep.equals([]);
  });
});
