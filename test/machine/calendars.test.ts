import { expect } from "chai";
import type { CalendarContent, CalendarField, Operation } from "../../src/domain/index.js";
import { FURTHER_MAX } from "../../src/machine/calendar-rows.js";
import { createEvent, eventId, userCaller } from "../support/agenda.js";
import { AgendaShard } from "../support/agenda-shard.js";
import { GroupNews } from "../support/group-news.js";

const [ana, bea, carl] = ["ana", "bea", "carl"].map(userCaller);
if (ana === undefined || bea === undefined || carl === undefined) throw new Error("no callers");

const CONTENT: CalendarContent = {
  displayName: "Work",
  timeZone: "Europe/Madrid",
  conflictPolicy: "reject",
  public: false,
};

function createCalendar(calendar: string): Operation {
  return { kind: "create-calendar", calendar, content: CONTENT };
}

function update(calendar: string, fields: readonly CalendarField[], etag = ""): Operation {
  return { kind: "update-calendar", calendar, content: CONTENT, fields, etag };
}

describe("a calendar", () => {
  let shard: AgendaShard;
  const get = (user: string, calendar: string) =>
    shard.ask(userCaller(user), { kind: "get-calendar", calendar }, "calendar").calendar;
  const listed = (user: string) =>
    shard
      .ask(userCaller(user), { kind: "list-calendars" }, "calendars")
      .calendars.map(({ key }) => key);

  beforeEach(() => {
    shard = new AgendaShard();
  });

  it("exists with its owner, before anything was said of it", () => {
    expect(get("ana", "ana")).to.include({ key: "ana", conflictPolicy: "allow", revision: 0 });
    expect(listed("ana")).deep.equals(["ana"]);
    shard.refused(ana, createCalendar("ana"), "already-exists");
  });

  it("keeps what its owner says of it, field by field", () => {
    shard.done(ana, update("ana", ["displayName"], '"r0"'));
    expect(get("ana", "ana")).to.include({ displayName: "Work", conflictPolicy: "allow" });
    shard.refused(ana, update("ana", ["timeZone"], '"r0"'), "stale-etag");
    shard.done(ana, update("ana", ["conflictPolicy"], `"r${get("ana", "ana").revision}"`));
    expect(get("ana", "ana")).to.include({ conflictPolicy: "reject", timeZone: "UTC" });
  });

  it("beside the first one is made once, by its owner, or by the first event in it", () => {
    shard.done(ana, createCalendar("ana.work"));
    shard.refused(ana, createCalendar("ana.work"), "already-exists");
    shard.refused(bea, createCalendar("ana.more"), "not-found");
    shard.done(ana, createEvent("ana.home", eventId(1)));
    expect(listed("ana")).deep.equals(["ana", "ana.home", "ana.work"]);
    expect(shard.query(ana, { kind: "get-calendar", calendar: "ana.other" })).to.include({
      code: "not-found",
    });
  });

  it("does not come without end", () => {
    for (let n = 0; n < FURTHER_MAX; n++) shard.done(ana, createCalendar(`ana.c${n}`));
    shard.refused(ana, createCalendar("ana.last"), "failed-precondition");
    shard.refused(ana, createEvent("ana.last", eventId(1)), "failed-precondition");
  });

  it("is deleted when it is empty, and its name is not given again", () => {
    shard.done(ana, createEvent("ana.work", eventId(1)));
    const remove = { kind: "delete-calendar", calendar: "ana.work", etag: "" } as const;
    shard.refused(ana, remove, "failed-precondition");
    shard.refused(bea, remove, "not-found");
    shard.done(ana, { kind: "delete-event", calendar: "ana.work", event: eventId(1), etag: "" });
    shard.done(ana, { kind: "set-reader", calendar: "ana.work", reader: "bea", reads: true });
    shard.done(ana, remove);
    expect(listed("ana")).deep.equals(["ana"]);
    expect(listed("bea")).deep.equals(["bea"]);
    shard.refused(ana, remove, "not-found");
    shard.refused(ana, createCalendar("ana.work"), "already-exists");
    shard.refused(ana, createEvent("ana.work", eventId(2)), "failed-precondition");
    shard.refused(ana, { ...remove, calendar: "ana" }, "failed-precondition");
  });

  it("is shown to its readers, who do not see who else reads it", () => {
    const share = (reader: string): Operation => {
      return { kind: "set-reader", calendar: "ana", reader, reads: true };
    };
    shard.done(ana, share("carl"));
    shard.done(ana, share("bea"));
    shard.done(ana, share("bea"));
    expect(get("ana", "ana").readers).deep.equals(["bea", "carl"]);
    expect(get("bea", "ana")).deep.equals({ ...get("ana", "ana"), readers: [] });
    expect(listed("bea")).deep.equals(["ana", "bea"]);
    shard.refused(bea, update("ana", ["public"]), "permission-denied");
    shard.refused(bea, share("eve"), "permission-denied");
    shard.done(ana, { kind: "set-reader", calendar: "ana", reader: "bea", reads: false });
    expect(listed("bea")).deep.equals(["bea"]);
    expect(shard.query(bea, { kind: "get-calendar", calendar: "ana" })).to.include({
      code: "not-found",
    });
  });

  it("of a group is its members', written by all but observers, and managed by those who lead", () => {
    const news = new GroupNews(shard);
    news.group("choir", "peer");
    news.member("choir", "ana", 10, "leader");
    news.member("choir", "bea", 1);
    news.member("choir", "carl", 1, "observer");
    expect(listed("bea")).deep.equals(["bea", "choir.group"]);
    shard.done(ana, update("choir.group", ["displayName"]));
    shard.refused(bea, update("choir.group", ["displayName"]), "permission-denied");
    shard.refused(userCaller("eve"), update("choir.group", ["displayName"]), "not-found");
    shard.done(bea, createEvent("choir.group", eventId(1)));
    shard.refused(carl, createEvent("choir.group", eventId(2)), "permission-denied");
    shard.refused(userCaller("eve"), createEvent("choir.group", eventId(2)), "not-found");
    const remove = { kind: "delete-event", calendar: "choir.group", event: eventId(1) } as const;
    shard.refused(carl, { ...remove, etag: "" }, "permission-denied");
    shard.done(ana, { ...remove, etag: "" });
    news.gone("choir", "bea");
    expect(listed("bea")).deep.equals(["bea"]);
    shard.refused(bea, createEvent("choir.group", eventId(3)), "not-found");
  });
});
