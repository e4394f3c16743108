import { expect } from "chai";
import {
  DAY_MS,
  eventContent,
  eventId,
  HOUR_MS,
  NOW_MS,
  SYSTEM,
  userCaller,
} from "../support/agenda.js";
import { AgendaCluster } from "../support/agenda-cluster.js";

const ID = eventId(1);

describe("people whom an event concerns are told", () => {
  let cluster: AgendaCluster;

  beforeEach(() => {
    cluster = new AgendaCluster();
    cluster.nowMs = NOW_MS;
    cluster.found("choir", "peer", { ana: 100, bea: 1, zoe: 1 });
    cluster.carry();
    const content = eventContent({ title: "Rehearsal" });
    const event = { kind: "create-event", calendar: "ana", event: ID, group: "choir" } as const;
    cluster.calendar("ana", { ...event, content });
    cluster.carry();
  });

  function told(user: string): readonly string[] {
    const question = { kind: "list-notifications", user, pageSize: 50, after: "" } as const;
    const { notifications } = cluster
      .at("calendars", user)
      .ask(userCaller(user), { ...question, unreadOnly: false }, "notifications");
    for (const { subject, text } of notifications) {
      expect([subject, text]).deep.equals([`calendars/${user}/events/${ID}`, "Rehearsal"]);
    }
    return notifications.map(({ type }) => type).reverse();
  }

  function respond(user: string, response: "accepted" | "declined"): void {
    const answer = { kind: "respond-event", calendar: user, event: ID, comment: "" } as const;
    cluster.calendar(user, { ...answer, response });
    cluster.carry();
  }

  it("that they are invited, of each answer, and of what was decided", () => {
    expect(told("bea")).deep.equals(["invitation"]);
    respond("bea", "accepted");
    expect(told("ana")).deep.equals(["answer"]);
    respond("zoe", "accepted");
    expect(told("ana")).deep.equals(["answer", "decision"]);
    expect(told("bea")).deep.equals(["invitation", "decision"]);
    expect(told("zoe")).deep.equals(["invitation", "decision"]);
  });

  it("of what begins soon, but for those who declined", () => {
    cluster = new AgendaCluster();
    cluster.nowMs = NOW_MS;
    const [startMs, endMs] = [NOW_MS + DAY_MS, NOW_MS + DAY_MS + HOUR_MS];
    const span = { kind: "timed", startMs, endMs, timeZone: "UTC" } as const;
    const invitees = ["bea", "zoe"].map((user) => ({ user, optional: false }));
    const content = eventContent({ title: "Rehearsal", span, invitees, reminderMinutes: [10] });
    cluster.calendar("ana", { kind: "create-event", calendar: "ana", event: ID, content });
    cluster.carry();
    respond("bea", "declined");
    cluster.nowMs = startMs;
    for (const shard of cluster.shards.values()) {
      shard.done(SYSTEM, { kind: "fire-reminders", limit: 20 });
    }
    expect(told("zoe")).deep.equals(["invitation", "reminder"]);
    expect(told("bea")).deep.equals(["invitation"]);
  });

  it("of another time, and not of another place", () => {
    const [startMs, endMs] = [NOW_MS + DAY_MS, NOW_MS + DAY_MS + HOUR_MS];
    const span = { kind: "timed", startMs, endMs, timeZone: "UTC" } as const;
    const content = eventContent({ title: "Rehearsal", location: "hall", span });
    const update = { kind: "update-event", calendar: "ana", event: ID, content, etag: "" } as const;
    cluster.calendar("ana", { ...update, fields: ["location"] });
    cluster.carry();
    expect(told("zoe")).deep.equals(["invitation"]);
    cluster.calendar("ana", { ...update, fields: ["span"] });
    cluster.carry();
    expect(told("zoe")).deep.equals(["invitation", "new-time"]);
  });

  it("of another time, also of what was decided already", () => {
    respond("bea", "accepted");
    respond("zoe", "accepted");
    const [startMs, endMs] = [NOW_MS + DAY_MS, NOW_MS + DAY_MS + HOUR_MS];
    const span = { kind: "timed", startMs, endMs, timeZone: "UTC" } as const;
    const content = eventContent({ title: "Rehearsal", span });
    const update = { kind: "update-event", calendar: "ana", event: ID, content, etag: "" } as const;
    cluster.calendar("ana", { ...update, fields: ["span"] });
    cluster.carry();
    expect(told("zoe")).deep.equals(["invitation", "decision", "new-time"]);
  });

  it("that it is cancelled, and nothing more when it is deleted then", () => {
    cluster.calendar("ana", { kind: "cancel-event", calendar: "ana", event: ID, etag: "" });
    cluster.carry();
    expect(told("bea")).deep.equals(["invitation", "cancellation"]);
    cluster.calendar("ana", { kind: "delete-event", calendar: "ana", event: ID, etag: "" });
    cluster.carry();
    expect(told("bea")).deep.equals(["invitation", "cancellation"]);
  });

  describe("that was cancelled, and deleted", () => {
    beforeEach(() => {
      cluster.calendar("ana", { kind: "cancel-event", calendar: "ana", event: ID, etag: "" });
      cluster.calendar("ana", { kind: "delete-event", calendar: "ana", event: ID, etag: "" });
      cluster.carry();
    });

    function comeBack(): void {
      cluster.calendar("ana", { kind: "undelete-event", calendar: "ana", event: ID });
      cluster.carry();
    }

    it("nothing more when it comes back", () => {
      const before = told("bea");
      comeBack();
      expect(told("bea")).deep.equals(before);
    });

    it("what an older version tells, as long as one may apply the same log", () => {
      for (const { memory } of cluster.shards.values()) memory.featureLevel = 3;
      const before = told("bea");
      comeBack();
      expect(told("bea")).deep.equals([...before, "invitation"]);
    });
  });

  it("that it is deleted", () => {
    cluster.calendar("ana", { kind: "delete-event", calendar: "ana", event: ID, etag: "" });
    cluster.carry();
    expect(told("zoe")).deep.equals(["invitation", "withdrawal"]);
  });
});
