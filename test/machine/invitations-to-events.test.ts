import { expect } from "chai";
import type { EventContent, Operation, Response } from "../../src/domain/index.js";
import { DAY_MS, eventContent, eventId, HOUR_MS, NOW_MS, SYSTEM } from "../support/agenda.js";
import { instanceId } from "../../src/machine/index.js";
import { AgendaCluster } from "../support/agenda-cluster.js";

const ID = eventId(1);

function plan(calendar: string, over: Partial<EventContent> = {}, group?: string) {
  const content = eventContent(over);
  const of = group === undefined ? {} : { group };
  return { kind: "create-event", calendar, event: ID, content, ...of } as const;
}

function asking(...users: readonly string[]): Partial<EventContent> {
  return { invitees: users.map((user) => ({ user, optional: false })) };
}

function change(
  calendar: string,
  over: Partial<EventContent>,
  fields: readonly (keyof EventContent)[],
) {
  const content = eventContent(over);
  return { kind: "update-event", calendar, event: ID, content, fields, etag: "" } as const;
}

function answer(
  calendar: string,
  response: Extract<Operation, { kind: "respond-event" }>["response"],
  comment = "",
) {
  return { kind: "respond-event", calendar, event: ID, response, comment } as const;
}

const LATER = {
  span: { kind: "timed", startMs: NOW_MS + DAY_MS, endMs: NOW_MS + 2 * DAY_MS, timeZone: "UTC" },
} as const;

describe("an event with attendees", () => {
  let cluster: AgendaCluster;
  const responses = (calendar: string): Readonly<Record<string, Response>> | undefined => {
    const event = cluster.event(calendar, ID);
    return event && Object.fromEntries(event.attendees.map((a) => [a.user, a.response]));
  };

  beforeEach(() => {
    cluster = new AgendaCluster();
    cluster.nowMs = NOW_MS;
  });

  it("that a person makes is confirmed at once, and reaches the calendars of all in every shard", () => {
    cluster.calendar("ana", plan("ana", asking("zoe", "bea")));
    expect(cluster.event("ana", ID)?.state).equals("confirmed");
    expect(cluster.event("zoe", ID)).equals(undefined);
    cluster.carry();
    for (const user of ["bea", "zoe"]) {
      const { title, organizer, source, state } = cluster.event(user, ID) ?? {};
      expect({ title, organizer, source, state }).deep.equals({
        title: "Council",
        organizer: "ana",
        source: "ana",
        state: "confirmed",
      });
      expect(responses(user)).deep.equals({ bea: "needs-action", zoe: "needs-action" });
    }
  });

  it("asks a group of more than 200 in slices of twenty, everybody once", () => {
    const ranks: Record<string, number> = { ana: 100 };
    for (let i = 1; i < 240; i++) ranks[`${i % 2 === 0 ? "bea" : "zoe"}${i}`] = 1;
    cluster.found("choir", "peer", ranks);
    cluster.calendar("ana", plan("ana", {}, "choir"));
    const told: string[] = [];
    for (const target of [1, 2]) {
      const lane = { kind: "list-outbox", target, after: 0, pageSize: 1_000 } as const;
      for (const { delivery } of cluster.shard(1).ask(SYSTEM, lane, "outbox").outbox.entries) {
        if (delivery.kind !== "event") continue;
        expect(delivery.users.length).to.be.within(1, 20);
        told.push(...delivery.users);
      }
    }
    const others = Object.keys(ranks).filter((user) => user !== "ana");
    expect(told.sort()).deep.equals(others.sort());
    cluster.carry();
    for (const user of ["bea2", "zoe239"]) {
      expect(responses(user), user).deep.equals({ [user]: "needs-action" });
    }
    cluster.calendar("zoe239", answer("zoe239", "declined"));
    cluster.carry();
    expect(cluster.event("bea2", ID)?.state).equals("rejected");
  });

  it("names 200 people at most", () => {
    const people = Array.from({ length: 201 }, (_, i) => `person-${i}`);
    cluster.refused("ana", plan("ana", asking(...people)), "invalid-argument");
    cluster.calendar("ana", plan("ana", asking(...people.slice(1))));
    expect(cluster.event("ana", ID)?.attendees).to.have.lengthOf(200);
  });

  it("does not invite who makes it", () => {
    cluster.calendar("ana", plan("ana", asking("ana", "bea")));
    expect(responses("ana")).deep.equals({ bea: "needs-action" });
  });

  it("hears what is answered, and tells it to the others; the answer can be changed", () => {
    cluster.calendar("ana", plan("ana", asking("zoe", "bea")));
    cluster.carry();
    cluster.calendar("zoe", answer("zoe", "declined", "ill"));
    expect(responses("zoe")).to.include({ zoe: "declined" });
    cluster.carry();
    for (const user of ["ana", "bea", "zoe"]) {
      expect(responses(user), user).deep.equals({ bea: "needs-action", zoe: "declined" });
    }
    cluster.calendar("zoe", answer("zoe", "accepted"));
    cluster.carry();
    expect(responses("ana")).to.include({ zoe: "accepted" });
  });

  it("is not answered when it is over, by who was not asked, or by who organises it", () => {
    cluster.calendar("ana", plan("ana", asking("bea")));
    cluster.carry();
    cluster.refused("carl", answer("carl", "accepted"), "not-found");
    cluster.refused("carl", answer("bea", "accepted"), "not-found");
    cluster.refused("ana", answer("ana", "accepted"), "failed-precondition");
    cluster.nowMs = NOW_MS + HOUR_MS;
    cluster.refused("bea", answer("bea", "accepted"), "failed-precondition");
  });

  it("keeps every answer though all are given before any arrives", () => {
    cluster.found("choir", "peer", { ana: 100, bea: 1, carl: 1, zoe: 1 });
    cluster.calendar("ana", plan("ana", {}, "choir"));
    cluster.carry();
    for (const user of ["bea", "carl", "zoe"]) cluster.calendar(user, answer(user, "accepted"));
    cluster.carry();
    expect(cluster.event("ana", ID)?.state).equals("confirmed");
  });

  it("is its organiser's to change: a copy is answered, and nothing else", () => {
    cluster.calendar("ana", plan("ana", asking("bea")));
    cluster.carry();
    cluster.refused("bea", change("bea", { title: "Mine" }, ["title"]), "failed-precondition");
    const name = { calendar: "bea", event: ID, etag: "" };
    cluster.refused("bea", { kind: "delete-event", ...name }, "failed-precondition");
    cluster.refused("bea", { kind: "cancel-event", ...name }, "failed-precondition");
  });

  it("that is moved asks again, and an answer to how it was counts no more", () => {
    cluster.calendar("ana", plan("ana", asking("bea", "zoe")));
    cluster.carry();
    cluster.calendar("bea", answer("bea", "accepted"));
    cluster.carry();
    cluster.calendar("zoe", answer("zoe", "accepted"));
    cluster.calendar("ana", change("ana", LATER, ["span"]));
    cluster.carry();
    for (const user of ["ana", "bea", "zoe"]) {
      expect(cluster.event(user, ID)?.sequence).equals(1);
      expect(responses(user), user).deep.equals({ bea: "needs-action", zoe: "needs-action" });
    }
  });

  it("whose title changes asks nobody again, though an answer crosses it", () => {
    cluster.calendar("ana", plan("ana", asking("bea")));
    cluster.carry();
    cluster.calendar("ana", change("ana", { title: "New" }, ["title"]));
    cluster.calendar("bea", answer("bea", "accepted"));
    cluster.carryOne(1, 1);
    expect(cluster.event("bea", ID)?.title).equals("New");
    expect(responses("bea")).to.include({ bea: "accepted" });
    cluster.carry();
    expect(responses("ana")).to.include({ bea: "accepted" });
  });

  it("leaves the calendar of who is no longer invited, as it was", () => {
    cluster.calendar("ana", plan("ana", asking("bea", "zoe")));
    cluster.carry();
    cluster.calendar("zoe", answer("zoe", "accepted"));
    cluster.carry();
    const over = { ...asking("zoe", "carl"), title: "Secret" };
    cluster.calendar("ana", change("ana", over, ["invitees", "title"]));
    cluster.carry();
    expect(cluster.event("bea", ID)).equals(undefined);
    const question = { kind: "get-event", calendar: "bea", event: ID } as const;
    const reply = cluster.at("calendars", "bea").query({ ...BEA }, question);
    expect(JSON.stringify(reply)).not.to.include("Secret");
    expect(responses("carl")).deep.equals({ carl: "needs-action", zoe: "accepted" });
    cluster.calendar("ana", change("ana", asking("bea"), ["invitees"]));
    cluster.carry();
    expect(responses("bea")).deep.equals({ bea: "needs-action" });
    expect(cluster.event("zoe", ID)).equals(undefined);
  });

  it("is gone everywhere when it is deleted, and back when it is undeleted", () => {
    cluster.calendar("ana", plan("ana", asking("zoe")));
    cluster.calendar("ana", { kind: "delete-event", calendar: "ana", event: ID, etag: "" });
    cluster.carry();
    expect(cluster.event("zoe", ID)).equals(undefined);
    cluster.calendar("ana", { kind: "undelete-event", calendar: "ana", event: ID });
    cluster.carry();
    expect(cluster.event("zoe", ID)?.title).equals("Council");
  });

  it("keeps an answer that arrives while it is deleted, and says it when it comes back", () => {
    const name = { calendar: "ana", event: ID } as const;
    cluster.calendar("ana", plan("ana", asking("zoe")));
    cluster.carry();
    cluster.calendar("zoe", answer("zoe", "accepted"));
    cluster.calendar("ana", { kind: "delete-event", ...name, etag: "" });
    cluster.carry();
    expect(cluster.event("zoe", ID)).equals(undefined);
    cluster.calendar("ana", { kind: "undelete-event", ...name });
    cluster.carry();
    for (const user of ["ana", "zoe"])
      expect(responses(user), user).deep.equals({ zoe: "accepted" });
  });

  it("asks whom it invites again after it did not, whatever they said before", () => {
    cluster.calendar("ana", plan("ana", asking("zoe")));
    cluster.carry();
    cluster.calendar("ana", change("ana", asking("bea"), ["invitees"]));
    cluster.calendar("zoe", answer("zoe", "accepted"));
    cluster.carry();
    cluster.calendar("ana", change("ana", asking("zoe"), ["invitees"]));
    cluster.carry();
    for (const user of ["ana", "zoe"]) {
      expect(responses(user), user).deep.equals({ zoe: "needs-action" });
    }
  });

  it("that is cancelled stays, says so to all, and is not answered or changed any more", () => {
    cluster.calendar("ana", plan("ana", asking("zoe")));
    cluster.carry();
    const cancel = { kind: "cancel-event", calendar: "ana", event: ID, etag: "" } as const;
    cluster.calendar("ana", cancel);
    cluster.carry();
    expect(cluster.event("zoe", ID)?.state).equals("cancelled");
    cluster.refused("ana", cancel, "failed-precondition");
    cluster.refused("ana", change("ana", { title: "x" }, ["title"]), "failed-precondition");
    cluster.refused("zoe", answer("zoe", "accepted"), "failed-precondition");
  });

  it("reaches each calendar once, however often it is delivered", () => {
    cluster.calendar("ana", plan("ana", asking("zoe")));
    for (let times = 0; times < 3; times++) cluster.carryOne(1, 2, true);
    cluster.carry();
    const shard = cluster.shard(2);
    const copies = shard.memory.state.rows().filter(({ key }) => key.startsWith("ev/zoe/"));
    expect(copies).to.have.lengthOf(1);
    expect(cluster.event("zoe", ID)?.revision).equals(1);
  });
});

const BEA = { kind: "user", user: "bea", sessionId: "s", roles: [] } as const;

describe("an event of a hierarchical group", () => {
  let cluster: AgendaCluster;
  const responseOf = (user: string) =>
    cluster.event(user, ID)?.attendees.find((attendee) => attendee.user === user)?.response;

  beforeEach(() => {
    cluster = new AgendaCluster();
    cluster.nowMs = NOW_MS;
    cluster.found("office", "hierarchical", { ana: 100, bea: 50, carl: 50, zoe: 10 });
  });

  it("is imposed on those strictly below its organiser, and asked of the others", () => {
    cluster.calendar("bea", plan("bea", {}, "office"));
    cluster.carry();
    expect(cluster.event("bea", ID)).to.include({ state: "confirmed", rule: "superior" });
    expect(["ana", "carl", "zoe"].map(responseOf)).deep.equals([
      "needs-action",
      "needs-action",
      "auto-accepted",
    ]);
    cluster.refused("zoe", answer("zoe", "declined"), "failed-precondition");
    cluster.calendar("carl", answer("carl", "declined"));
    cluster.carry();
    expect(cluster.event("bea", ID)?.state).equals("confirmed");
  });

  it("that is moved stays imposed", () => {
    cluster.calendar("bea", plan("office.group", {}));
    cluster.calendar("bea", change("office.group", LATER, ["span"]));
    cluster.carry();
    expect(["bea", "zoe"].map(responseOf)).deep.equals(["accepted", "auto-accepted"]);
    expect(cluster.event("zoe", ID)?.sequence).equals(1);
  });

  it("may be for some of its members, and for nobody else", () => {
    cluster.calendar("ana", plan("ana", asking("zoe"), "office"));
    expect(cluster.event("ana", ID)?.attendees.map(({ user }) => user)).deep.equals(["ana", "zoe"]);
    cluster.refused("ana", plan("ana.x", asking("eve"), "office"), "failed-precondition");
    cluster.refused("eve", plan("eve", {}, "office"), "not-found");
  });

  it("goes on without who leaves the group", () => {
    cluster.calendar("ana", plan("office.group", {}));
    cluster.carry();
    cluster.group("zoe", { kind: "remove-member", group: "office", user: "zoe" });
    cluster.carry();
    expect(cluster.event("zoe", ID)).equals(undefined);
    const users = cluster.event("office.group", ID, "ana")?.attendees.map(({ user }) => user);
    expect(users).deep.equals(["ana", "bea", "carl"]);
  });
});

describe("an event of a group of peers", () => {
  let cluster: AgendaCluster;
  const state = (calendar: string, viewer = calendar) => cluster.event(calendar, ID, viewer)?.state;

  beforeEach(() => {
    cluster = new AgendaCluster();
    cluster.nowMs = NOW_MS;
    cluster.found("choir", "peer", { ana: 100, bea: 50, zoe: 10 });
  });

  it("waits for every one who has to come, and stands when all accepted", () => {
    cluster.calendar("bea", plan("choir.group"));
    cluster.carry();
    expect(state("choir.group", "ana")).equals("pending");
    cluster.calendar("ana", answer("ana", "accepted"));
    cluster.calendar("zoe", answer("zoe", "tentative"));
    cluster.carry();
    expect(state("zoe")).equals("pending");
    cluster.calendar("zoe", answer("zoe", "accepted"));
    cluster.carry();
    for (const user of ["ana", "bea", "zoe"]) expect(state(user)).equals("confirmed");
  });

  it("is rejected by the first who declines, until they change their mind", () => {
    cluster.calendar("bea", plan("bea", {}, "choir"));
    cluster.carry();
    cluster.calendar("zoe", answer("zoe", "declined"));
    cluster.carry();
    expect(state("ana")).equals("rejected");
    cluster.calendar("ana", answer("ana", "accepted"));
    cluster.calendar("zoe", answer("zoe", "accepted"));
    cluster.carry();
    expect(state("ana")).equals("confirmed");
  });

  it("does not wait for those who need not come", () => {
    const invitees = [
      { user: "ana", optional: true },
      { user: "zoe", optional: false },
    ];
    cluster.calendar("bea", plan("bea", { invitees }, "choir"));
    cluster.carry();
    cluster.calendar("ana", answer("ana", "declined"));
    cluster.calendar("zoe", answer("zoe", "accepted"));
    cluster.carry();
    expect(state("bea")).equals("confirmed");
  });

  it("no longer waits for who left, and never for who came later", () => {
    cluster.calendar("bea", plan("choir.group"));
    cluster.carry();
    cluster.calendar("ana", answer("ana", "accepted"));
    const joining = { group: "choir", user: "eve", role: "member", rank: 1 } as const;
    cluster.group("ana", { kind: "add-member", ...joining });
    cluster.group("zoe", { kind: "remove-member", group: "choir", user: "zoe" });
    cluster.carry();
    expect(state("choir.group", "bea")).equals("confirmed");
    expect(cluster.event("eve", ID)).equals(undefined);
  });

  it("that was deleted in the meantime catches up with its group when it comes back", () => {
    const name = { calendar: "bea", event: ID } as const;
    cluster.calendar("bea", plan("bea", {}, "choir"));
    cluster.calendar("bea", { kind: "delete-event", ...name, etag: "" });
    cluster.group("zoe", { kind: "remove-member", group: "choir", user: "zoe" });
    cluster.carry();
    cluster.calendar("bea", { kind: "undelete-event", ...name });
    cluster.carry();
    expect(cluster.event("bea", ID)?.attendees.map(({ user }) => user)).deep.equals(["ana", "bea"]);
    expect(cluster.event("zoe", ID)).equals(undefined);
    cluster.calendar("bea", { kind: "delete-event", ...name, etag: "" });
    cluster.group("ana", { kind: "set-group-deleted", group: "choir", deleted: true, etag: "" });
    cluster.carry();
    cluster.calendar("bea", { kind: "undelete-event", ...name });
    expect(state("bea")).equals("cancelled");
  });

  it("is cancelled with the group if it is not over, wherever it stands", () => {
    cluster.calendar("bea", plan("choir.group"));
    const past = { startMs: NOW_MS - 2 * DAY_MS, endMs: NOW_MS - DAY_MS, timeZone: "UTC" } as const;
    const over = { span: { kind: "timed", ...past } } as const;
    for (let n = 2; n < 40; n++) {
      cluster.calendar("zoe", { ...plan("zoe", n % 2 ? over : {}, "choir"), event: eventId(n) });
    }
    cluster.carry();
    cluster.group("ana", { kind: "set-group-deleted", group: "choir", deleted: true, etag: "" });
    cluster.carry();
    expect(state("bea")).equals("cancelled");
    for (let n = 2; n < 40; n++) {
      const expected = n % 2 ? "pending" : "cancelled";
      expect(cluster.event("zoe", eventId(n))?.state, `${n}`).equals(expected);
      expect(cluster.event("ana", eventId(n))?.state, `${n}`).equals(expected);
    }
  });
});

describe("an event of a group that is moved", () => {
  const move = (group: string, parent: string): Operation => {
    const fields = ["parent"] as const;
    return { kind: "update-group", group, displayName: "", parent, fields, etag: "" };
  };
  const EVENTS = [1, 2].map((n) => ({ id: eventId(n), group: n === 1 ? "desk" : "corner" }));
  let cluster: AgendaCluster;
  const stateOf = (id: string) => cluster.event("ana", id)?.state;

  beforeEach(() => {
    cluster = new AgendaCluster();
    cluster.nowMs = NOW_MS;
    cluster.found("office", "peer", { ana: 100, bea: 50, zoe: 10 });
    cluster.found("desk", "peer", { ana: 100, bea: 50 }, "office");
    cluster.found("corner", "peer", { ana: 100 }, "desk");
    for (const { id, group } of EVENTS) {
      cluster.calendar("ana", { ...plan("ana"), event: id, group });
    }
    cluster.carry();
    for (const { id } of EVENTS)
      cluster.calendar("bea", { ...answer("bea", "accepted"), event: id });
    cluster.carry();
    for (const { id } of EVENTS) expect(stateOf(id)).equals("pending");
  });

  it("waits for nobody who was in it through the group above, those of groups below it neither", () => {
    expect(cluster.group("ana", move("desk", "")).kind).equals("done");
    cluster.carry();
    for (const { id } of EVENTS) {
      expect(stateOf(id)).equals("confirmed");
      expect(cluster.event("zoe", id)).equals(undefined);
      expect(cluster.event("bea", id)?.state).equals("confirmed");
    }
  });

  it("waits for nobody who was in it through one above that nobody is in any more", () => {
    cluster.calendar("ana", { ...plan("ana"), event: eventId(3), group: "corner" });
    for (const user of ["bea", "ana"]) {
      expect(cluster.group(user, { kind: "remove-member", group: "desk", user }).kind).equals(
        "done",
      );
      cluster.carry();
    }
    expect(cluster.event("zoe", eventId(3))).equals(undefined);
    expect(stateOf(eventId(3))).equals("confirmed");
  });

  it("waits on for those to whom the new place gives one too", () => {
    cluster.found("house", "peer", { ana: 100, zoe: 1 });
    expect(cluster.group("ana", move("desk", "house")).kind).equals("done");
    cluster.carry();
    for (const { id } of EVENTS) expect(stateOf(id)).equals("pending");
  });
});

describe("an event that repeats, with attendees", () => {
  let cluster: AgendaCluster;
  const starts = Array.from({ length: 5 }, (_, day) => NOW_MS - (NOW_MS % 1000) + day * DAY_MS);
  const window = { windowStartMs: NOW_MS - DAY_MS, windowEndMs: NOW_MS + 10 * DAY_MS };
  const daily = () => {
    const [startMs = 0] = starts;
    const span = { kind: "timed", startMs, endMs: startMs + HOUR_MS, timeZone: "UTC" } as const;
    const occurrences = { startsMs: starts, untilMs: 0 };
    const over = { ...asking("zoe"), span, recurrence: ["RRULE:FREQ=DAILY;COUNT=5"] };
    return { ...plan("ana", over), occurrences };
  };
  const listed = (calendar: string) => {
    const place = {
      pageSize: 50,
      after: "",
      showDeleted: false,
      asAgenda: false,
      conditions: [],
    } as const;
    const question = { kind: "list-events", calendars: [calendar], ...place, ...window } as const;
    const caller = { kind: "user", user: calendar, sessionId: "s", roles: [] } as const;
    const answered = cluster.at("calendars", calendar).ask(caller, question, "events");
    return answered.events.map(({ id, title }) => `${id} ${title}`);
  };

  beforeEach(() => {
    cluster = new AgendaCluster();
    cluster.nowMs = NOW_MS;
  });

  it("repeats in the calendars of all", () => {
    cluster.calendar("ana", daily());
    cluster.carry();
    expect(listed("zoe")).to.have.lengthOf(5);
    expect(listed("zoe")).deep.equals(listed("ana"));
  });

  it("is answered as a whole, and for single instances otherwise", () => {
    const responseOf = (calendar: string, id: string) => {
      const own = cluster.event(calendar, id)?.attendees.find(({ user }) => user === "zoe");
      return own?.response;
    };
    const [first = "", second = "", third = ""] = starts.map((ms) => instanceId(ID, ms));
    cluster.calendar("ana", daily());
    cluster.carry();
    cluster.calendar("zoe", { ...answer("zoe", "declined"), event: second });
    cluster.calendar("zoe", answer("zoe", "accepted"));
    cluster.carry();
    for (const calendar of ["ana", "zoe"]) {
      expect(listed(calendar), calendar).to.have.lengthOf(5);
      expect(responseOf(calendar, second), calendar).equals("declined");
      for (const id of [ID, first, third]) expect(responseOf(calendar, id)).equals("accepted");
    }
    cluster.calendar("zoe", { ...answer("zoe", "tentative"), event: second });
    cluster.carry();
    expect(responseOf("ana", second)).equals("tentative");
    cluster.nowMs = (starts[2] ?? 0) + 2 * HOUR_MS;
    const over = { ...answer("zoe", "declined"), event: third };
    cluster.refused("zoe", over, "failed-precondition");
  });

  it("keeps what was answered for one instance while the series changes, until it has a new time", () => {
    const [, second = "", third = ""] = starts.map((ms) => instanceId(ID, ms));
    cluster.calendar("ana", daily());
    cluster.carry();
    cluster.calendar("zoe", { ...answer("zoe", "declined"), event: second });
    cluster.calendar("ana", change("ana", { title: "Senate" }, ["title"]));
    cluster.carry();
    expect(listed("zoe")).to.have.lengthOf(5);
    expect(listed("zoe")).deep.equals(listed("ana"));
    cluster.calendar("zoe", { ...answer("zoe", "declined"), event: third });
    const later = starts.map((ms) => ms + HOUR_MS);
    const [startMs = 0] = later;
    const span = { kind: "timed", startMs, endMs: startMs + HOUR_MS, timeZone: "UTC" } as const;
    const moved = { span, recurrence: ["RRULE:FREQ=DAILY;COUNT=5"] };
    const occurrences = { startsMs: later, untilMs: 0 };
    cluster.calendar("ana", { ...change("ana", moved, ["span"]), occurrences });
    cluster.carry();
    const expected = later.map((ms) => `${instanceId(ID, ms)} Senate`);
    expect(listed("ana")).deep.equals(expected);
    expect(listed("zoe")).deep.equals(expected);
  });

  it("differs, loses an instance, and ends as its organiser's does", () => {
    cluster.calendar("ana", daily());
    cluster.carry();
    const [first = "", second = ""] = listed("ana").map((line) => line.split(" ")[0] ?? "");
    cluster.calendar("ana", { ...change("ana", { title: "New" }, ["title"]), event: first });
    cluster.calendar("ana", { kind: "delete-event", calendar: "ana", event: second, etag: "" });
    cluster.carry();
    expect(listed("zoe")).deep.equals(listed("ana"));
    expect(listed("zoe")).to.have.lengthOf(4);
    cluster.calendar("zoe", { ...answer("zoe", "declined"), event: first });
    cluster.calendar("zoe", answer("zoe", "accepted"));
    cluster.carry();
    expect(cluster.event("ana", first)?.attendees[0]?.response).equals("declined");
    expect(cluster.event("ana", ID)?.attendees[0]?.response).equals("accepted");
    cluster.calendar("ana", { kind: "delete-event", calendar: "ana", event: ID, etag: "" });
    cluster.carry();
    expect(listed("zoe")).deep.equals([]);
  });
});
