import { expect } from "chai";
import type { Caller, NewEvent, Operation } from "../../src/domain/index.js";
import {
  command,
  createEvent,
  DAY_MS,
  eventContent,
  eventId,
  HOUR_MS,
  NOW_MS,
  SYSTEM,
  userCaller,
} from "../support/agenda.js";
import { AgendaShard, MACHINE } from "../support/agenda-shard.js";
import { GroupNews } from "../support/group-news.js";
import { LoadedView, runLoading } from "../support/memory-view.js";

/** A replica gives a command far more; what grows with what the command is about would come to any number. */
const LOADS_MAX = 10;
const MANY = 40;
const ana = userCaller("ana");

describe("a command that finds nothing in memory", () => {
  let shard: AgendaShard;

  beforeEach(() => {
    shard = new AgendaShard();
  });

  function expectFewLoads(caller: Caller, operation: Operation): void {
    const { state } = shard.memory;
    const next = command(caller, operation);
    const view = new LoadedView(state);
    view.load(MACHINE.reads(next));
    const context = shard.memory.context(shard.nowMs);
    const { result, loads } = runLoading(view, () => MACHINE.apply(context, next, view));
    expect(result.reply).to.include({ kind: "done" });
    expect(loads).at.most(LOADS_MAX);
    expect(shard.apply(next).writes).deep.equals(result.writes);
  }

  const days = (made: (n: number) => Partial<NewEvent>): Operation => ({
    kind: "create-events",
    calendar: "ana",
    events: Array.from({ length: MANY }, (_, n) => {
      const startMs = NOW_MS + (n + 2) * DAY_MS;
      const span = { kind: "timed", startMs, endMs: startMs + HOUR_MS, timeZone: "UTC" } as const;
      return { event: eventId(n + 2), content: eventContent({ span }), ...made(n) };
    }),
  });

  it("asks for all at once that a batch in a calendar without conflicts has to look at", () => {
    const content = { displayName: "", timeZone: "UTC", conflictPolicy: "reject" } as const;
    const policy = { kind: "update-calendar", calendar: "ana", etag: "" } as const;
    const fields = ["conflictPolicy"] as const;
    shard.done(ana, { ...policy, content: { ...content, public: false }, fields });
    shard.done(ana, createEvent("ana", eventId(1)));
    expectFewLoads(
      ana,
      days(() => ({})),
    );
  });

  it("asks for all groups at once that the events of a batch invite", () => {
    const news = new GroupNews(shard);
    for (let n = 0; n < MANY; n++) {
      news.group(`g${n}`, "peer");
      news.member(`g${n}`, "ana", 0);
      news.member(`g${n}`, "bea", 0);
    }
    expectFewLoads(
      ana,
      days((n) => ({ group: `g${n}` })),
    );
  });

  it("asks for all series at once that a batch deletes", () => {
    for (let n = 0; n < MANY; n++) {
      const content = eventContent({ recurrence: ["RRULE:FREQ=DAILY;COUNT=1"] });
      const first = NOW_MS - (NOW_MS % 1000);
      const create = { kind: "create-event", calendar: "ana", event: eventId(n), content } as const;
      shard.done(ana, { ...create, occurrences: { startsMs: [first], untilMs: 0 } });
    }
    const events = Array.from({ length: MANY }, (_, n) => eventId(n));
    expectFewLoads(ana, { kind: "delete-events", calendar: "ana", events });
  });

  it("asks for all members at once of the group whose event comes back", () => {
    const news = new GroupNews(shard);
    news.group("choir", "peer");
    news.member("choir", "ana", 0);
    for (let n = 0; n < MANY; n++) news.member("choir", `user-${n}`, 0);
    const [calendar, event] = ["ana", eventId(1)];
    const content = eventContent();
    shard.done(ana, { kind: "create-event", calendar, event, content, group: "choir" });
    shard.done(ana, { kind: "delete-event", calendar, event, etag: "" });
    expectFewLoads(ana, { kind: "undelete-event", calendar, event });
  });

  it("asks for all groups at once that a user leaves who is gone", () => {
    for (let n = 0; n < MANY; n++) {
      const id = `g${n}`;
      const made = { kind: "create-group", uid: id, displayName: "", groupKind: "peer" } as const;
      shard.done(ana, { ...made, group: id, parent: "" });
    }
    const delivery = { kind: "user-gone", user: "ana" } as const;
    expectFewLoads(SYSTEM, { kind: "deliver", source: 4, epoch: 1, number: 1, delivery });
  });
});
