import { expect } from "chai";
import type { CalendarEvent, Operation } from "../../src/domain/index.js";
import { PURGE_DELAY_MS } from "../../src/machine/event-purge.js";
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
const [E1, E2, E3] = [eventId(1), eventId(2), eventId(3)];

function createAll(...events: readonly string[]): Operation {
  const content = eventContent();
  return {
    kind: "create-events",
    calendar: "ana",
    events: events.map((event) => ({ event, content })),
  };
}

function deleteAll(...events: readonly string[]): Operation {
  return { kind: "delete-events", calendar: "ana", events };
}

const undelete: Operation = { kind: "undelete-event", calendar: "ana", event: E1 };
const remove: Operation = { kind: "delete-event", calendar: "ana", event: E1, etag: "" };

function found(shard: AgendaShard, ...events: readonly string[]): readonly CalendarEvent[] {
  return shard.ask(ana, { kind: "get-events", calendar: "ana", events }, "events").events;
}

describe("a batch of events", () => {
  let shard: AgendaShard;
  beforeEach(() => {
    shard = new AgendaShard();
  });

  it("is created with one change and one revision each", () => {
    const { reply, changes } = shard.run(ana, createAll(E1, E2, E3));
    expect(reply).to.include({ kind: "done", name: `calendars/ana/events/${E1}`, sequence: 3 });
    expect(changes.map(({ revision }) => revision)).deep.equals([1, 2, 3]);
    expect(found(shard, E3, E1, E2).map(({ id }) => id)).deep.equals([E3, E1, E2]);
  });

  it("leaves what is there as it is, deleted or not, if that is asked", () => {
    shard.done(ana, createAll(E1, E2));
    shard.done(ana, deleteAll(E1));
    const before = found(shard, E1, E2);
    const create = { ...createAll(E1, E2, E3), absentOnly: true } as Operation;
    const { reply, changes } = shard.run(ana, create);
    expect(reply).to.include({ kind: "done", name: `calendars/ana/events/${E3}` });
    expect(changes).to.have.lengthOf(1);
    expect(found(shard, E1, E2)).deep.equals(before);
    expect(shard.run(ana, create).changes).deep.equals([]);
    const ifThere = { kind: "get-events", calendar: "ana", ifThere: true } as const;
    const { events } = shard.ask(ana, { ...ifThere, events: [eventId(9), E3] }, "events");
    expect(events.map(({ id }) => id)).deep.equals([E3]);
  });

  it("is found in a window, whatever lengths its events have", () => {
    const lengthsMs = [HOUR_MS / 2, 5 * HOUR_MS, 3 * DAY_MS];
    const events = lengthsMs.map((lengthMs, i) => {
      const [startMs, endMs] = [NOW_MS, NOW_MS + lengthMs];
      const span = { kind: "timed", startMs, endMs, timeZone: "UTC" } as const;
      return { event: eventId(i), content: eventContent({ span }) };
    });
    shard.done(ana, { kind: "create-events", calendar: "ana.work", events });
    const window = { windowStartMs: NOW_MS, windowEndMs: NOW_MS + 1 };
    const place = { pageSize: 9, after: "", showDeleted: false, conditions: [] } as const;
    const list = (calendar: string, asAgenda: boolean) =>
      shard.ask(
        ana,
        { kind: "list-events", calendars: [calendar], asAgenda, ...place, ...window },
        "events",
      ).events;
    expect(list("ana.work", false)).to.have.lengthOf(3);
    expect(list("ana", true)).to.have.lengthOf(3);
    expect(list("ana", false)).to.have.lengthOf(0);
  });

  it("is created whole or not at all", () => {
    shard.done(ana, createEvent("ana", E3));
    const before = shard.memory.state.rows().filter(({ key }) => key.startsWith("e"));
    shard.refused(ana, createAll(E1, E2, E3), "already-exists");
    expect(shard.memory.state.rows().filter(({ key }) => key.startsWith("e"))).deep.equals(before);
  });

  it("is deleted whole or not at all", () => {
    shard.done(ana, createAll(E1, E2));
    shard.refused(ana, deleteAll(E1, E3), "not-found");
    expect(found(shard, E1, E2).map(({ deleteTimeMs }) => deleteTimeMs)).deep.equals([0, 0]);
    expect(shard.run(ana, deleteAll(E1, E2)).changes.map(({ kind }) => kind)).deep.equals([
      "deleted",
      "deleted",
    ]);
    expect(found(shard, E1, E2).every(({ deleteTimeMs }) => deleteTimeMs > 0)).equals(true);
  });

  it("has from 1 to 100 events, none of them twice", () => {
    shard.refused(ana, createAll(), "invalid-argument");
    shard.refused(ana, createAll(E1, E1), "invalid-argument");
    const many = Array.from({ length: 101 }, (_, i) => eventId(i));
    shard.refused(ana, createAll(...many), "invalid-argument");
    shard.done(ana, createAll(...many.slice(1)));
  });

  it("of somebody else's calendar looks absent", () => {
    shard.done(ana, createAll(E1));
    const bea = userCaller("bea");
    shard.refused(bea, createAll(E2), "not-found");
    shard.refused(bea, deleteAll(E1), "not-found");
    const question = { kind: "get-events", calendar: "ana", events: [E1] } as const;
    expect(shard.query(bea, question)).to.include({ kind: "refused", code: "not-found" });
  });
});

describe("a deleted event", () => {
  let shard: AgendaShard;
  beforeEach(() => {
    shard = new AgendaShard();
    shard.done(ana, createEvent("ana", E1));
    shard.done(ana, remove);
  });

  it("comes back as it was, and stays when its purge would have been due", () => {
    shard.nowMs += PURGE_DELAY_MS - 1;
    const { reply, changes } = shard.run(ana, undelete);
    expect(reply.kind).equals("done");
    expect(changes.map(({ kind }) => kind)).deep.equals(["updated"]);
    shard.nowMs += 10;
    shard.done(SYSTEM, { kind: "sweep", limit: 100, trimFeedTo: 0 });
    const [event] = found(shard, E1);
    expect(event).to.include({ title: "Council", deleteTimeMs: 0, purgeTimeMs: 0 });
  });

  it("does not come back once it was purged", () => {
    shard.nowMs += PURGE_DELAY_MS;
    shard.done(SYSTEM, { kind: "sweep", limit: 100, trimFeedTo: 0 });
    shard.refused(ana, undelete, "not-found");
  });

  it("comes back once", () => {
    shard.done(ana, undelete);
    shard.refused(ana, undelete, "failed-precondition");
  });

  it("looks absent to who may not write the calendar", () => {
    shard.refused(userCaller("bea"), undelete, "not-found");
  });
});
