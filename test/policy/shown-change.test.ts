import { expect } from "chai";
import { fc } from "../support/properties.js";
import type { CalendarEvent, Change, Operation, Visibility } from "../../src/domain/index.js";
import { ShownChange } from "../../src/policy/shown-change.js";
import { findEndedRight } from "../../src/policy/index.js";
import {
  createEvent,
  DAY_MS,
  eventContent,
  eventId,
  NOW_MS,
  userCaller,
} from "../support/agenda.js";
import { AgendaShard } from "../support/agenda-shard.js";
import { GroupNews } from "../support/group-news.js";

const BEA = userCaller("bea");
const READERS = ["rita", "ada"] as const;
const EVENTS = 3;
const VISIBILITIES = ["default", "public", "private", "busy-only"] as const;
const FIELDS = ["title", "visibility", "transparency", "invitees"] as const;
const LISTING = {
  kind: "list-events",
  calendars: ["bea"],
  ...{ pageSize: 50, after: "", showDeleted: false, asAgenda: false, conditions: [] },
  ...{ windowStartMs: NOW_MS - DAY_MS, windowEndMs: NOW_MS + DAY_MS },
} as const;

const content = fc.record({
  title: fc.constantFrom("Council", "Choir"),
  visibility: fc.constantFrom("default", ...VISIBILITIES),
  transparency: fc.constantFrom("opaque", "transparent"),
  invitees: fc
    .subarray(["ada", "otto"])
    .map((users) => users.map((user) => ({ user, optional: false }))),
} as const);
const USERS_SHARD = 4;

/** What bea says of events that say nothing of their own, as her calendars' shard hears it. */
type Said = { readonly kind: "said"; readonly visibility: Visibility };

const said: fc.Arbitrary<Said> = fc
  .constantFrom(...VISIBILITIES)
  .map((visibility) => ({ kind: "said", visibility }));
const event = fc.integer({ min: 1, max: EVENTS }).map(eventId);
const operation: fc.Arbitrary<Operation> = fc.oneof(
  fc.tuple(event, content).map(([id, what]) => createEvent("bea", id, what)),
  fc
    .tuple(event, content, fc.subarray([...FIELDS], { minLength: 1 }))
    .map(([id, what, fields]): Operation => ({
      kind: "update-event",
      calendar: "bea",
      event: id,
      content: eventContent(what),
      fields,
      etag: "",
    })),
  fc
    .tuple(fc.constantFrom("cancel-event", "delete-event"), event)
    .map(([kind, id]): Operation => ({ kind, calendar: "bea", event: id, etag: "" })),
  event.map((id): Operation => ({ kind: "undelete-event", calendar: "bea", event: id })),
);

/** A copy that is kept from what somebody hears. */
function hear(copy: Map<string, CalendarEvent>, user: string, change: Change): void {
  const shown = new ShownChange(change);
  const form = shown.to(user);
  if (form === undefined) return;
  const { change: heard, nameOnly } = shown.as(form);
  const { resource, kind, resourceName } = heard;
  const id = resourceName.slice(resourceName.lastIndexOf("/") + 1);
  if (kind === "deleted") {
    expect(copy.has(id), "what was never seen is not told to be gone").equals(true);
    copy.delete(id);
  } else if (resource.kind === "event") {
    expect(nameOnly).equals(false);
    if (form !== "details") expect(resource.event).to.not.deep.equal(copy.get(id));
    copy.set(id, resource.event);
  }
}

function replace(copy: Map<string, CalendarEvent>, listed: Map<string, CalendarEvent>): void {
  copy.clear();
  for (const [id, listing] of listed) copy.set(id, listing);
}

describe("a copy of a calendar that a reader keeps from what it hears", () => {
  it("is what the reader reads, after every change, read again where the right is asked for again", () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof({ weight: 9, arbitrary: operation }, { weight: 1, arbitrary: said }), {
          maxLength: 25,
        }),
        (operations) => {
          const shard = new AgendaShard();
          const news = new GroupNews(shard, USERS_SHARD);
          for (const reader of READERS) {
            shard.done(BEA, { kind: "set-reader", calendar: "bea", reader, reads: true });
          }
          const copies = new Map(READERS.map((user) => [user, new Map<string, CalendarEvent>()]));
          for (const next of operations) {
            const known = shard.memory.changes.length;
            if (next.kind === "said") {
              news.tell({ ...next, kind: "default-visibility", user: "bea" });
            } else shard.run(BEA, next);
            const changes = shard.memory.changes.slice(known);
            for (const [user, copy] of copies) {
              const { events } = shard.ask(userCaller(user), LISTING, "events");
              const listed = new Map(events.map((listing) => [listing.id, listing]));
              for (const change of changes) {
                if (findEndedRight(change) === undefined) hear(copy, user, change);
                else replace(copy, listed);
              }
              expect(Object.fromEntries(copy)).deep.equals(Object.fromEntries(listed));
            }
          }
        },
      ),
      { numRuns: 60 },
    );
  });
});

describe("the right to hear a calendar", () => {
  const right = (shard: AgendaShard, user: string, calendar: string) => {
    const reply = shard.query(userCaller(user), { kind: "get-channel-right", calendar });
    return reply.kind === "answered" ? reply.answer : reply.code;
  };
  const share = (shard: AgendaShard, reads: boolean): number =>
    shard.done(BEA, { kind: "set-reader", calendar: "bea", reader: "rita", reads }).revision;

  it("begins with the change that makes somebody a reader, each time anew", () => {
    const shard = new AgendaShard();
    expect(right(shard, "rita", "bea")).equals("not-found");
    const first = share(shard, true);
    expect(right(shard, "rita", "bea")).to.include({ isOwner: false, since: first });
    shard.done(BEA, createEvent("bea", eventId(1)));
    expect(right(shard, "rita", "bea")).to.include({ since: first });
    share(shard, false);
    expect(right(shard, "rita", "bea")).equals("not-found");
    const again = share(shard, true);
    expect(right(shard, "rita", "bea")).to.include({ since: again });
  });

  it("begins anew where its owner shows more or less of all events, not where that is the same to readers", () => {
    const shard = new AgendaShard();
    const news = new GroupNews(shard, USERS_SHARD);
    const first = share(shard, true);
    const through = ["users/bea"];
    const say = (visibility: Visibility): number => {
      news.tell({ kind: "default-visibility", user: "bea", visibility });
      return shard.memory.sequence;
    };
    expect(right(shard, "rita", "bea")).to.deep.include({ since: first, seenSince: 0, through });
    expect(say("public")).equals(first);
    const hidden = say("private");
    expect(hidden).equals(first + 1);
    expect(shard.memory.changes.at(-1)).to.include({ channel: "standing/users/bea" });
    expect(say("busy-only")).equals(hidden);
    expect(right(shard, "rita", "bea")).to.include({ since: hidden + 1, seenSince: hidden });
    const again = share(shard, false) && share(shard, true);
    expect(right(shard, "rita", "bea")).to.include({ since: again, seenSince: hidden });
  });

  it("is nobody's who is only above or beside its owner", () => {
    const shard = new AgendaShard();
    const news = new GroupNews(shard);
    news.group("office", "hierarchical");
    news.member("office", "sue", 10, "leader");
    news.member("office", "pete", 5);
    news.member("office", "bea", 5);
    for (const user of ["sue", "pete", "stan"]) {
      expect(right(shard, user, "bea")).equals("not-found");
    }
  });

  it("is a member's of a group's calendar, all of it a leader's, and begins where this shard heard of it", () => {
    const shard = new AgendaShard();
    const news = new GroupNews(shard);
    news.group("town", "peer");
    news.group("choir", "peer", { parent: "town" });
    news.member("choir", "bea", 10, "leader");
    const before = shard.memory.sequence;
    news.member("town", "rita", 1);
    const through = ["choir", "town"];
    const rita = { isOwner: false, asMember: true, since: before + 1, through };
    expect(right(shard, "rita", "choir.group")).to.deep.include(rita);
    expect(right(shard, "bea", "choir.group")).to.deep.include({ isOwner: true, through });
    expect(right(shard, "stan", "choir.group")).equals("not-found");
    news.gone("town", "rita");
    expect(right(shard, "rita", "choir.group")).equals("not-found");
    news.member("town", "rita", 1, "leader");
    const promoted = shard.memory.sequence;
    expect(right(shard, "rita", "choir.group")).to.include({ isOwner: true, since: promoted });
    // Another rank, and the same view: it began where it did.
    news.member("town", "rita", 5, "deputy");
    expect(right(shard, "rita", "choir.group")).to.include({ isOwner: true, since: promoted });
  });

  it("may be another one where a place or a group has changed, and the shard's feed says where", () => {
    const shard = new AgendaShard();
    const news = new GroupNews(shard);
    const told = (tell: () => void): readonly string[] => {
      const before = shard.memory.changes.length;
      tell();
      return shard.memory.changes.slice(before).map(({ channel }) => channel);
    };
    expect(told(() => news.group("choir", "peer"))).deep.equals([]);
    expect(told(() => news.member("choir", "rita", 1))).deep.equals(["standing/choir"]);
    expect(told(() => news.member("choir", "rita", 2))).deep.equals([]);
    expect(told(() => news.group("choir", "peer", { parent: "town" }))).deep.equals([
      "standing/choir",
    ]);
    expect(told(() => news.gone("choir", "rita"))).deep.equals(["standing/choir"]);
  });
});
