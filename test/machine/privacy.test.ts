import { expect } from "chai";
import type { CalendarEvent, Visibility } from "../../src/domain/index.js";
import { sightOf } from "../../src/policy/index.js";
import type { Relation } from "../../src/policy/index.js";
import { createEvent, DAY_MS, eventId, NOW_MS, userCaller } from "../support/agenda.js";
import { AgendaShard } from "../support/agenda-shard.js";
import { GroupNews } from "../support/group-news.js";

const VISIBILITIES: readonly Visibility[] = ["public", "default", "busy-only", "private"];
/** What each is to bea. */
const VIEWERS: readonly (readonly [Relation, string])[] = [
  ["owner", "bea"],
  ["attendee", "ada"],
  ["reader", "rita"],
  ["superior", "sue"],
  ["peer", "pete"],
  ["stranger", "stan"],
];
const SECRET = [{ key: "secret", value: "yes" }];
const FILTER = [{ field: "label", key: "secret", value: "yes", negated: false }] as const;
const WITH_ADA = { invitees: [{ user: "ada", optional: false }] };
const PLACE = { pageSize: 10, after: "", showDeleted: false, asAgenda: false } as const;
const WINDOW = { windowStartMs: NOW_MS - DAY_MS, windowEndMs: NOW_MS + DAY_MS } as const;

function shardOfBea(): AgendaShard {
  const shard = new AgendaShard();
  const news = new GroupNews(shard);
  news.group("office", "hierarchical");
  news.member("office", "sue", 10, "leader");
  news.member("office", "bea", 5);
  news.member("office", "otto", 100, "observer");
  // Through the group above: whoever is in it is in the choir.
  news.group("town", "peer");
  news.member("town", "pete", 50);
  news.group("choir", "peer", { parent: "town" });
  news.member("choir", "bea", 1);
  news.group("gone", "hierarchical", { deleteTimeMs: NOW_MS });
  news.member("gone", "stan", 10, "leader");
  news.member("gone", "bea", 1);
  shard.done(userCaller("bea"), {
    kind: "set-reader",
    calendar: "bea",
    reader: "rita",
    reads: true,
  });
  return shard;
}

function seenBy(shard: AgendaShard, user: string, id: string): CalendarEvent | undefined {
  const reply = shard.query(userCaller(user), { kind: "get-event", calendar: "bea", event: id });
  if (reply.kind === "answered")
    return reply.answer.kind === "event" ? reply.answer.event : undefined;
  const absent = shard.query(userCaller(user), {
    kind: "get-event",
    calendar: "bea",
    event: eventId(99),
  });
  const message = absent.kind === "refused" ? absent.message : "";
  expect(reply.message).equals(message.replace(eventId(99), id));
  return undefined;
}

function listedFor(shard: AgendaShard, user: string, conditions: readonly (typeof FILTER)[0][]) {
  const question = { kind: "list-events", calendars: ["bea"], ...PLACE, ...WINDOW } as const;
  const reply = shard.query(userCaller(user), { ...question, conditions });
  if (reply.kind === "refused") return undefined;
  return reply.answer.kind === "events" ? reply.answer.events : undefined;
}

describe("of an event in someone's calendar", () => {
  for (const visibility of VISIBILITIES) {
    for (const [relation, user] of VIEWERS) {
      const sight = sightOf(visibility, relation);
      it(`of ${visibility} visibility, ${relation}s see ${sight}`, () => {
        const shard = shardOfBea();
        const id = eventId(1);
        shard.done(
          userCaller("bea"),
          createEvent("bea", id, { visibility, labels: SECRET, ...WITH_ADA }),
        );
        const seen = seenBy(shard, user, id);
        const listed = listedFor(shard, user, []);
        const found = listedFor(shard, user, FILTER);
        const isOutside = relation === "stranger" || relation === "attendee";
        if (isOutside) expect(listed).equals(undefined);
        else expect(listed?.[0]).deep.equals(seen);
        switch (sight) {
          case "details":
            expect(seen).to.include({ title: "Council", organizer: "bea" });
            if (!isOutside) expect(found).deep.equals([seen]);
            return;
          case "busy":
            expect(seen).to.include({ title: "", organizer: "", revision: 0, createTimeMs: 0 });
            expect(seen?.labels).deep.equals([]);
            expect(seen?.attendees).deep.equals([]);
            expect(found).deep.equals([]);
            return;
          case "nothing":
            expect(seen).equals(undefined);
            expect(found ?? []).deep.equals([]);
        }
      });
    }
  }

  it("that takes no time, who may see busy sees nothing", () => {
    const shard = shardOfBea();
    const transparency = "transparent";
    shard.done(userCaller("bea"), createEvent("bea", eventId(1), { transparency }));
    expect(seenBy(shard, "pete", eventId(1))).equals(undefined);
    expect(seenBy(shard, "sue", eventId(1))?.title).equals("Council");
  });

  it("that says nothing is seen as its owner's default says, in all of the owner's calendars", () => {
    for (const visibility of VISIBILITIES) {
      const shard = shardOfBea();
      new GroupNews(shard, 4).tell({ kind: "default-visibility", user: "bea", visibility });
      shard.done(userCaller("bea"), createEvent("bea", eventId(1)));
      shard.done(userCaller("bea"), createEvent("bea", eventId(2), { visibility: "busy-only" }));
      for (const [relation, user] of VIEWERS) {
        if (relation === "attendee") continue;
        const expected = { details: "Council", busy: "", nothing: undefined };
        const sight = expected[sightOf(visibility, relation)];
        expect(seenBy(shard, user, eventId(1))?.title, `${visibility} ${relation}`).equals(sight);
        const own = expected[sightOf("busy-only", relation)];
        expect(seenBy(shard, user, eventId(2))?.title, relation).equals(own);
      }
    }
  });

  it("an observer sees what a peer does, whatever the rank", () => {
    const shard = shardOfBea();
    shard.done(userCaller("bea"), createEvent("bea", eventId(1)));
    expect(seenBy(shard, "otto", eventId(1))?.title).equals("");
  });

  it("who was a reader sees no more, from that command on", () => {
    const shard = shardOfBea();
    shard.done(userCaller("bea"), createEvent("bea", eventId(1)));
    expect(seenBy(shard, "rita", eventId(1))?.title).equals("Council");
    const reader = { calendar: "bea", reader: "rita", reads: false } as const;
    shard.done(userCaller("bea"), { kind: "set-reader", ...reader });
    expect(seenBy(shard, "rita", eventId(1))).equals(undefined);
  });

  it("everyone is a reader where the calendar is public", () => {
    const shard = shardOfBea();
    shard.done(userCaller("bea"), createEvent("bea", eventId(1)));
    shard.done(userCaller("bea"), {
      kind: "update-calendar",
      calendar: "bea",
      content: { displayName: "", timeZone: "UTC", conflictPolicy: "allow", public: true },
      fields: ["public"],
      etag: "",
    });
    expect(seenBy(shard, "stan", eventId(1))?.title).equals("Council");
    expect(listedFor(shard, "stan", [])).to.have.lengthOf(1);
  });
});
