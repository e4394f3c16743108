import { expect } from "chai";
import { fc } from "../support/properties.js";
import type { Conflict, EventContent, Operation } from "../../src/domain/index.js";
import { CONFLICTS_MAX } from "../../src/machine/conflicts.js";
import { createEvent, DAY_MS, eventContent, eventId, HOUR_MS, NOW_MS } from "../support/agenda.js";
import { userCaller } from "../support/agenda.js";
import { AgendaCluster } from "../support/agenda-cluster.js";
import { AgendaShard } from "../support/agenda-shard.js";

const ana = userCaller("ana");

function at(hour: number, hours = 1): Pick<EventContent, "span"> {
  const startMs = NOW_MS + hour * HOUR_MS;
  const endMs = startMs + hours * HOUR_MS;
  return { span: { kind: "timed", startMs, endMs, timeZone: "UTC" } };
}

function policy(calendar: string, conflictPolicy: "allow" | "reject") {
  const content = { displayName: "", timeZone: "UTC", conflictPolicy, public: false } as const;
  const fields = ["conflictPolicy"] as const;
  return { kind: "update-calendar", calendar, content, fields, etag: "" } as const;
}

describe("an event", () => {
  let shard: AgendaShard;
  const conflicts = (event: string, calendar = "ana"): readonly string[] => {
    const question = { kind: "get-event", calendar, event, conflictsFromMs: NOW_MS } as const;
    const { conflicts: found = [] } = shard.ask(ana, question, "event");
    return found.map((one: Conflict) => `${one.calendar}/${one.event}`);
  };

  beforeEach(() => {
    shard = new AgendaShard();
  });

  it("is in conflict with what is at the same time in any calendar of its owner, and takes time", () => {
    shard.done(ana, createEvent("ana", eventId(1), at(0, 2)));
    shard.done(ana, createEvent("ana", eventId(2), at(2)));
    shard.done(ana, createEvent("ana.work", eventId(3), at(1)));
    shard.done(ana, createEvent("ana", eventId(4), { ...at(1), transparency: "transparent" }));
    shard.done(userCaller("bea"), createEvent("bea", eventId(5), at(1)));
    expect(conflicts(eventId(1))).deep.equals([`ana.work/${eventId(3)}`]);
    expect(conflicts(eventId(2))).deep.equals([]);
    expect(conflicts(eventId(3), "ana.work")).deep.equals([`ana/${eventId(1)}`]);
    expect(conflicts(eventId(4))).deep.equals([]);
  });

  it("tells its owner alone, and of no more than an answer holds", () => {
    for (let n = 1; n <= CONFLICTS_MAX + 5; n++) shard.done(ana, createEvent("ana", eventId(n)));
    expect(conflicts(eventId(1))).to.have.lengthOf(CONFLICTS_MAX);
    const question = { kind: "get-event", calendar: "ana", event: eventId(1) } as const;
    shard.done(ana, { kind: "set-reader", calendar: "ana", reader: "bea", reads: true });
    const seen = shard.ask(userCaller("bea"), { ...question, conflictsFromMs: 0 }, "event");
    expect(seen.conflicts).to.deep.equal([]);
  });

  it("that repeats is in conflict through any of its occurrences, and never with itself", () => {
    const first = NOW_MS - (NOW_MS % 1000);
    const startsMs = [0, 1, 2].map((day) => first + day * DAY_MS);
    const content = eventContent({ ...at(0), recurrence: ["RRULE:FREQ=DAILY;COUNT=3"] });
    const occurrences = { startsMs, untilMs: 0 };
    const daily = { kind: "create-event", calendar: "ana", event: eventId(1), content } as const;
    shard.done(ana, { ...daily, occurrences });
    shard.done(ana, createEvent("ana", eventId(2), at(24)));
    shard.done(ana, createEvent("ana", eventId(3), at(12)));
    expect(conflicts(eventId(1))).deep.equals([`ana/${eventId(2)}`]);
    expect(conflicts(eventId(2))).to.have.lengthOf(1);
    expect(conflicts(eventId(3))).deep.equals([]);
  });

  it("is refused by a calendar that rejects conflicts, at creation, when it moves and when it comes back", () => {
    shard.done(ana, policy("ana", "reject"));
    shard.done(ana, createEvent("ana", eventId(1), at(0)));
    shard.refused(ana, createEvent("ana", eventId(2), at(0)), "failed-precondition");
    shard.done(ana, createEvent("ana", eventId(2), at(1)));
    const move = { kind: "update-event", calendar: "ana", event: eventId(2), etag: "" } as const;
    const content = eventContent(at(0.5));
    shard.refused(ana, { ...move, content, fields: ["span"] }, "failed-precondition");
    shard.done(ana, { ...move, content, fields: ["title"] });
    const removed = { calendar: "ana", event: eventId(1) };
    shard.done(ana, { kind: "delete-event", ...removed, etag: "" });
    shard.done(ana, createEvent("ana", eventId(3), at(0)));
    shard.refused(ana, { kind: "undelete-event", ...removed }, "failed-precondition");
    shard.done(ana, createEvent("ana.loose", eventId(4), at(0)));
    shard.refused(ana, createEvent("ana", eventId(5), at(1)), "failed-precondition");
  });

  it("is refused with its whole batch where two of them are at the same time", () => {
    shard.done(ana, policy("ana", "reject"));
    const batch = (...hours: readonly number[]): Operation => ({
      kind: "create-events",
      calendar: "ana",
      events: hours.map((hour, i) => ({ event: eventId(i + 1), content: eventContent(at(hour)) })),
    });
    shard.refused(ana, batch(5, 1, 5.5), "failed-precondition");
    shard.done(ana, batch(5, 1, 6));
  });

  it("is never in conflict in a calendar that rejects conflicts, whatever is asked", () => {
    const hours = fc.tuple(fc.integer({ min: 0, max: 30 }), fc.integer({ min: 1, max: 30 }));
    fc.assert(
      fc.property(fc.array(hours, { maxLength: 20 }), (asked) => {
        const busy = new AgendaShard();
        busy.done(ana, policy("ana", "reject"));
        const standing: [number, number][] = [];
        for (const [n, [start, length]] of asked.entries()) {
          const { reply } = busy.run(ana, createEvent("ana", eventId(n + 1), at(start, length)));
          const free = standing.every(([s, e]) => start + length <= s || e <= start);
          expect(reply.kind).equals(free ? "done" : "refused");
          if (free) standing.push([start, start + length]);
        }
      }),
      { numRuns: 50 },
    );
  });
});

describe("an invitation", () => {
  const answer = {
    kind: "respond-event",
    calendar: "zoe",
    event: eventId(1),
    comment: "",
  } as const;
  const withZoe = { ...at(0), invitees: [{ user: "zoe", optional: false }] };

  it("comes into a calendar that rejects conflicts, and is not accepted there", () => {
    const cluster = new AgendaCluster();
    cluster.calendar("zoe", policy("zoe", "reject"));
    const own = { kind: "create-event", calendar: "zoe", event: eventId(2) } as const;
    cluster.calendar("zoe", { ...own, content: eventContent(at(0)) });
    const asked = { kind: "create-event", calendar: "ana", event: eventId(1) } as const;
    cluster.calendar("ana", { ...asked, content: eventContent(withZoe) });
    cluster.carry();
    expect(cluster.event("zoe", eventId(1))?.title).equals("Council");
    cluster.refused("zoe", { ...answer, response: "accepted" }, "failed-precondition");
    cluster.calendar("zoe", { ...answer, response: "tentative" });
    cluster.calendar("zoe", { kind: "delete-event", calendar: "zoe", event: eventId(2), etag: "" });
    cluster.calendar("zoe", { ...answer, response: "accepted" });
    cluster.refused(
      "zoe",
      { ...own, event: eventId(3), content: eventContent(at(0)) },
      "failed-precondition",
    );
  });

  it("that a superior imposes is never refused, and is in conflict", () => {
    const cluster = new AgendaCluster();
    cluster.found("office", "hierarchical", { ana: 100, zoe: 1 });
    cluster.calendar("zoe", policy("zoe", "reject"));
    const own = { kind: "create-event", calendar: "zoe", event: eventId(2) } as const;
    cluster.calendar("zoe", { ...own, content: eventContent(at(0)) });
    const made = { kind: "create-event", calendar: "office.group", event: eventId(1) } as const;
    cluster.calendar("ana", { ...made, content: eventContent(at(0)) });
    cluster.carry();
    const question = { kind: "get-event", calendar: "zoe", conflictsFromMs: NOW_MS } as const;
    for (const [event, other] of [
      [eventId(1), eventId(2)],
      [eventId(2), eventId(1)],
    ] as const) {
      const found = cluster.ask(userCaller("zoe"), { ...question, event }, "event");
      expect(found.conflicts?.map((conflict) => conflict.event)).deep.equals([other]);
    }
  });
});
