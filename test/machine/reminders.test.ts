import { expect } from "chai";
import type { EventContent, Notification, Operation } from "../../src/domain/index.js";
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
const MINUTE_MS = 60_000;
const START_MS = NOW_MS - (NOW_MS % DAY_MS) + 2 * DAY_MS;
const fire: Operation = { kind: "fire-reminders", limit: 20 };

function span(startMs: number) {
  return { kind: "timed", startMs, endMs: startMs + HOUR_MS, timeZone: "UTC" } as const;
}

describe("reminders", () => {
  let shard: AgendaShard;
  beforeEach(() => {
    shard = new AgendaShard();
  });

  function told(user = "ana", unreadOnly = false, pageSize = 50): readonly Notification[] {
    const all: Notification[] = [];
    for (let after = ""; ;) {
      const question = { kind: "list-notifications", user, pageSize, after, unreadOnly } as const;
      const page = shard.ask(userCaller(user), question, "notifications");
      all.push(...page.notifications);
      if (page.next === "") return all;
      after = page.next;
    }
  }

  const subjects = (): readonly string[] =>
    told()
      .map(({ subject }) => subject)
      .reverse();

  function isDue(): boolean {
    const question = { kind: "list-due-work", nowMs: shard.nowMs, limit: 10 } as const;
    return shard.ask(SYSTEM, question, "due-work").hasReminders;
  }

  function fireAll(): void {
    while (isDue()) shard.done(SYSTEM, fire);
  }

  const create = (over: Partial<EventContent>): void => {
    const minutes = { span: span(START_MS), reminderMinutes: [10], ...over };
    shard.done(ana, createEvent("ana", E1, minutes));
  };

  function update(over: Partial<EventContent>, fields: readonly (keyof EventContent)[]): void {
    const content = eventContent(over);
    const name = { calendar: "ana", event: E1, etag: "" };
    shard.done(ana, { kind: "update-event", ...name, content, fields });
  }

  it("are told once when they are due, however often they are fired", () => {
    create({ reminderMinutes: [10, 60] });
    expect(isDue()).equals(false);
    shard.nowMs = START_MS - 60 * MINUTE_MS;
    expect(isDue()).equals(true);
    const { changes } = shard.run(SYSTEM, fire);
    expect(changes).to.have.lengthOf(1);
    expect(changes[0]).to.deep.include({
      kind: "created",
      channel: "users/ana",
      audience: ["ana"],
    });
    expect(shard.run(SYSTEM, fire).changes).deep.equals([]);
    shard.nowMs = START_MS + DAY_MS;
    fireAll();
    expect(told()).to.have.lengthOf(2);
    expect(told()[0]).to.include({
      user: "ana",
      type: "reminder",
      subject: `calendars/ana/events/${E1}`,
      text: "Council",
      readTimeMs: 0,
    });
  });

  it("that were due before the event was written are not told", () => {
    shard.nowMs = START_MS - 5 * MINUTE_MS;
    create({});
    shard.nowMs = START_MS;
    expect(isDue()).equals(false);
  });

  it("move with the event, and go with it", () => {
    create({});
    update({ span: span(START_MS + HOUR_MS) }, ["span"]);
    shard.nowMs = START_MS;
    fireAll();
    expect(told()).deep.equals([]);
    shard.nowMs = START_MS + HOUR_MS;
    fireAll();
    expect(told()).to.have.lengthOf(1);
    update({ span: span(START_MS + DAY_MS) }, ["span"]);
    shard.done(ana, { kind: "delete-event", calendar: "ana", event: E1, etag: "" });
    shard.nowMs = START_MS + 2 * DAY_MS;
    fireAll();
    expect(told()).to.have.lengthOf(1);
  });

  it("are told late rather than never, and only for what still stands", () => {
    create({});
    shard.nowMs = START_MS - 10 * MINUTE_MS;
    update({ span: span(START_MS + DAY_MS) }, ["span"]);
    fireAll();
    expect(told()).deep.equals([]);
    shard.nowMs = START_MS + 3 * DAY_MS;
    fireAll();
    expect(told()).to.have.lengthOf(1);
  });

  it("of an event that repeats are told for each of its instances", () => {
    const startsMs = [0, 1, 2, 3].map((n) => START_MS + n * DAY_MS);
    const content = eventContent({
      span: span(START_MS),
      reminderMinutes: [10, 24 * 60],
      recurrence: ["RRULE:FREQ=DAILY;COUNT=4"],
    });
    const occurrences = { startsMs, untilMs: 0 };
    shard.done(ana, { kind: "create-event", calendar: "ana", event: E1, content, occurrences });
    const second = instanceId(E1, START_MS + DAY_MS);
    shard.done(ana, { kind: "delete-event", calendar: "ana", event: second, etag: "" });
    for (let ms = NOW_MS; ms < START_MS + 5 * DAY_MS; ms += 5 * HOUR_MS) {
      shard.nowMs = ms;
      fireAll();
    }
    const count = (n: number): number =>
      subjects().filter((subject) => subject.endsWith(instanceId(E1, startsMs[n] ?? 0))).length;
    expect([0, 1, 2, 3].map(count)).deep.equals([2, 0, 2, 2]);
  });

  it("are fired by the cluster alone", () => {
    create({});
    shard.nowMs = START_MS;
    shard.refused(ana, fire, "permission-denied");
  });

  describe("that were told", () => {
    beforeEach(() => {
      create({ reminderMinutes: [10, 20, 30] });
      shard.nowMs = START_MS;
      fireAll();
    });

    it("are listed the newest first, page by page", () => {
      const ids = told("ana", false, 2).map(({ id }) => id);
      expect(ids).deep.equals([...ids].sort().reverse());
      expect(ids).to.have.lengthOf(3);
    });

    it("are marked as read, one or all, and once", () => {
      const [first] = told();
      const notification = first?.id ?? "";
      const mark: Operation = { kind: "mark-notification-read", user: "ana", notification };
      expect(shard.run(ana, mark).changes.map(({ kind }) => kind)).deep.equals(["updated"]);
      expect(shard.run(ana, mark).changes).deep.equals([]);
      expect(told("ana", true)).to.have.lengthOf(2);
      shard.done(ana, { kind: "mark-all-notifications-read", user: "ana" });
      expect(told("ana", true)).deep.equals([]);
      expect(told().every(({ readTimeMs }) => readTimeMs === shard.nowMs)).equals(true);
    });

    it("are for whom they were told alone", () => {
      const bea = userCaller("bea");
      const [first] = told();
      const notification = first?.id ?? "";
      const mark: Operation = { kind: "mark-notification-read", user: "ana", notification };
      shard.refused(bea, mark, "not-found");
      shard.refused(bea, { kind: "mark-all-notifications-read", user: "ana" }, "not-found");
      const question = { kind: "list-notifications", user: "ana", pageSize: 1, after: "" } as const;
      expect(shard.query(bea, { ...question, unreadOnly: false })).to.include({
        code: "not-found",
      });
    });

    it("are forgotten after ninety days", () => {
      shard.nowMs += 91 * DAY_MS;
      shard.done(SYSTEM, { kind: "sweep", limit: 900, trimFeedTo: 0 });
      expect(told()).deep.equals([]);
      const left = shard.memory.state.rows().filter(({ key }) => /^(n[tux]|rm)\//.test(key));
      expect(left).deep.equals([]);
    });
  });
});
