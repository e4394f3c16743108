import { expect } from "chai";
import { fc } from "../../support/properties.js";
import type { CalendarEvent, MemberRole, Question, Visibility } from "../../../src/domain/index.js";
import {
  DAY_MS,
  eventContent,
  eventId,
  HOUR_MS,
  NOW_MS,
  userCaller,
} from "../../support/agenda.js";
import { AgendaShard } from "../../support/agenda-shard.js";
import { GroupNews } from "../../support/group-news.js";

const VIEWERS = ["bea", "ada", "rita", "sue"] as const;
const GROUPS = ["town", "office", "choir"] as const;
const FIRST_MS = NOW_MS - (NOW_MS % HOUR_MS) + DAY_MS;

const viewer = fc.constantFrom(...VIEWERS);
const place = fc.record({
  group: fc.nat(GROUPS.length - 1),
  user: viewer,
  rank: fc.integer({ min: 0, max: 2 }),
  role: fc.constantFrom<MemberRole>("leader", "member", "member", "observer"),
});
const world = fc.record({
  kinds: fc.tuple(...GROUPS.map(() => fc.constantFrom("hierarchical" as const, "peer" as const))),
  /** Which of the groups before it is above it. */
  parents: fc.tuple(...GROUPS.map((_, i) => fc.integer({ min: -1, max: i - 1 }))),
  deleted: fc.tuple(...GROUPS.map(() => fc.constantFrom(false, false, false, true))),
  places: fc.uniqueArray(place, { selector: (one) => `${one.group} ${one.user}`, maxLength: 8 }),
  readers: fc.subarray(["ada", "rita", "sue"]),
  public: fc.constantFrom(false, false, true),
  /** Of events that say nothing of their own. */
  silent: fc.constantFrom<Visibility>("default", "default", "public", "private", "busy-only"),
  events: fc.array(
    fc.record({
      in: fc.constantFrom("bea", "bea", "bea.work"),
      visibility: fc.constantFrom<Visibility>("default", "public", "private", "busy-only"),
      transparency: fc.constantFrom("opaque", "opaque", "transparent"),
      invitee: fc.constantFrom("", "", "ada", "sue"),
      days: fc.constantFrom(1, 1, 2),
      cancelled: fc.constantFrom(false, false, true),
    }),
    { minLength: 3, maxLength: 6 },
  ),
});
type World = typeof world extends fc.Arbitrary<infer Value> ? Value : never;
type Made = World["events"][0];
type Sight = "details" | "busy" | "nothing";

const secretOf = (n: number): string => `secret-${n}-`;
const startOf = (n: number): number => FIRST_MS + 2 * n * HOUR_MS;

/** In the nearest group of the line upwards. */
function placeIn({ places, parents, deleted }: World, group: number, user: string) {
  for (let at = group; at >= 0 && deleted[at] === false; at = parents[at] ?? -1) {
    const here = at;
    const found = places.find((one) => one.group === here && one.user === user);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Who stands how to bea, without a table: as one would explain it to somebody. */
function sightOf(asked: World, user: string, event: Made): Sight {
  const visibility = event.visibility === "default" ? asked.silent : event.visibility;
  if (user === "bea" || user === event.invitee || visibility === "public") return "details";
  // Whom a group has only by the one above it, it puts above nobody: or whoever makes a group under another would see more.
  const shared = GROUPS.map((_, group) => {
    const isOwn = asked.places.some(
      (one) => one.group === group && [user, "bea"].includes(one.user),
    );
    return isOwn ? [placeIn(asked, group, user), placeIn(asked, group, "bea")] : [];
  });
  const inGroup = shared.some(([own, hers]) => own !== undefined && hers !== undefined);
  const isSuperior = shared.some(([own, hers], group) => {
    if (own === undefined || hers === undefined || own.role === "observer") return false;
    return asked.kinds[group] === "hierarchical" && own.rank > hers.rank;
  });
  const reads = event.in === "bea" && (asked.public || asked.readers.includes(user));
  if (!reads && !isSuperior && !inGroup) return "nothing";
  const busy = event.transparency === "opaque" && !event.cancelled ? "busy" : "nothing";
  if (!reads && !isSuperior) return visibility === "private" ? "nothing" : busy;
  return visibility === "default" ? "details" : busy;
}

function build(asked: World): AgendaShard {
  const shard = new AgendaShard();
  const news = new GroupNews(shard);
  GROUPS.forEach((id, i) => {
    const parent = GROUPS[asked.parents[i] ?? -1] ?? "";
    const deleteTimeMs = asked.deleted[i] === true ? NOW_MS : 0;
    news.group(id, asked.kinds[i] ?? "peer", { parent, deleteTimeMs });
  });
  for (const { group, user, rank, role } of asked.places) {
    news.member(GROUPS[group] ?? "", user, rank, role);
  }
  news.tell({ kind: "default-visibility", user: "bea", visibility: asked.silent });
  const bea = userCaller("bea");
  for (const reader of asked.readers) {
    shard.done(bea, { kind: "set-reader", calendar: "bea", reader, reads: true });
  }
  const content = { displayName: "", timeZone: "", conflictPolicy: "allow" } as const;
  const fields = ["public"] as const;
  const opened = { ...content, public: asked.public };
  shard.done(bea, { kind: "update-calendar", calendar: "bea", content: opened, fields, etag: "" });
  const further = { kind: "create-calendar", calendar: "bea.work" } as const;
  shard.done(bea, { ...further, content: { ...content, public: false } });
  asked.events.forEach((made, n) => {
    add(shard, made, n);
  });
  return shard;
}

function add(shard: AgendaShard, made: Made, n: number): void {
  const startMs = startOf(n);
  const secret = secretOf(n);
  const startsMs = Array.from({ length: made.days }, (_, day) => startMs + day * DAY_MS);
  const content = eventContent({
    title: `${secret}title`,
    description: `${secret}description`,
    location: `${secret}location`,
    labels: [{ key: "secret", value: `${secret}label` }],
    span: { kind: "timed", startMs, endMs: startMs + HOUR_MS, timeZone: "UTC" },
    visibility: made.visibility,
    transparency: made.transparency,
    recurrence: made.days > 1 ? ["RRULE:FREQ=DAILY;COUNT=2"] : [],
    invitees: made.invitee === "" ? [] : [{ user: made.invitee, optional: false }],
  });
  const named = { calendar: made.in, event: eventId(n) };
  const repeats = made.days > 1 ? { occurrences: { startsMs, untilMs: 0 } } : {};
  const bea = userCaller("bea");
  shard.done(bea, { kind: "create-event", ...named, content, ...repeats });
  if (made.cancelled) shard.done(bea, { kind: "cancel-event", ...named, etag: "" });
}

/** Everything that can be asked about the events of bea's calendars. */
function questions({ events }: World): readonly Question[] {
  const window = { windowStartMs: FIRST_MS, windowEndMs: FIRST_MS + 7 * DAY_MS };
  const page = { pageSize: 100, after: "" };
  const calendars = ["bea", "bea.work"];
  const none = { showDeleted: true, asAgenda: false, conditions: [] };
  const list = { kind: "list-events", ...page, ...window, ...none } as const;
  const label = { field: "label", key: "secret", negated: false } as const;
  return [
    ...calendars.map((one) => ({ ...list, calendars: [one] })),
    ...calendars.map((one) => ({ ...list, calendars: [one], windowStartMs: 0, windowEndMs: 0 })),
    { ...list, calendars: ["bea"], asAgenda: true },
    ...events.map((made, n) => ({
      ...list,
      calendars: [made.in],
      conditions: [{ ...label, value: `${secretOf(n)}label` }],
    })),
    { ...list, calendars: ["bea"], conditions: [{ ...label, value: "x", negated: true }] },
    ...events.flatMap((made, n): readonly Question[] => {
      const named = { calendar: made.in, event: eventId(n) };
      return [
        { kind: "get-event", ...named },
        { kind: "get-events", calendar: made.in, events: [eventId(n)] },
        { kind: "list-instances", ...named, ...page, ...window },
        { kind: "get-event", ...named, conflictsFromMs: 0 },
      ];
    }),
    { kind: "free-busy", calendars: ["bea"], ofPeople: true, ...window },
    { kind: "list-calendars" },
    { kind: "get-calendar", calendar: "bea" },
  ];
}

describe("invariant 7: a viewer", () => {
  it("sees what the nearest relation gives, else only when somebody is busy, and nothing more in any answer", () => {
    const seen = new Map<Sight, number>();
    fc.assert(
      fc.property(world, viewer, (asked, user) => {
        const shard = build(asked);
        const caller = userCaller(user);
        const sights = asked.events.map((event) => sightOf(asked, user, event));
        for (const question of questions(asked)) {
          const answer = JSON.stringify(shard.query(caller, question));
          sights.forEach((sight, n) => {
            if (sight !== "details") expect(answer).not.contains(secretOf(n));
            const isNamed = "event" in question && question.event === eventId(n);
            if (sight === "nothing" && !isNamed && !("events" in question)) {
              expect(answer, question.kind).not.contains(eventId(n));
            }
          });
        }
        asked.events.forEach((made, n) => {
          const sight = sights[n] ?? "nothing";
          seen.set(sight, (seen.get(sight) ?? 0) + 1);
          const named = { calendar: made.in, event: eventId(n) };
          const reply = shard.query(caller, { kind: "get-event", ...named });
          if (sight === "nothing") {
            const absent = { kind: "get-event", calendar: made.in, event: eventId(99) } as const;
            const said = JSON.stringify(shard.query(caller, absent));
            expect(JSON.stringify(reply)).equals(said.replaceAll(eventId(99), eventId(n)));
            return;
          }
          const event = eventOf(reply);
          expect(event?.title).equals(sight === "details" ? `${secretOf(n)}title` : "");
        });
        expect(busyStarts(shard, user)).deep.equals(expectedStarts(asked, user, sights));
      }),
      { numRuns: 40 },
    );
    for (const sight of ["details", "busy", "nothing"] as const) {
      expect(seen.get(sight) ?? 0, sight).greaterThan(0);
    }
  });
});

function eventOf(reply: ReturnType<AgendaShard["query"]>): CalendarEvent | undefined {
  return reply.kind === "answered" && reply.answer.kind === "event"
    ? reply.answer.event
    : undefined;
}

function busyStarts(shard: AgendaShard, user: string): readonly number[] {
  const window = { windowStartMs: FIRST_MS, windowEndMs: FIRST_MS + 7 * DAY_MS };
  const question = { kind: "free-busy", calendars: ["bea"], ofPeople: true, ...window } as const;
  const { calendars } = shard.ask(userCaller(user), question, "free-busy");
  return (calendars[0]?.spans ?? []).map(({ startMs }) => startMs);
}

/** Of what takes time and is seen at all. Who sees nothing of an ordinary event is told nothing of when bea is busy. */
function expectedStarts(asked: World, user: string, sights: readonly Sight[]): readonly number[] {
  if (isStranger(asked, user)) return [];
  const starts = asked.events.flatMap((made, n) => {
    const takesTime = made.transparency === "opaque" && !made.cancelled;
    if (!takesTime || sights[n] === "nothing") return [];
    return Array.from({ length: made.days }, (_, day) => startOf(n) + day * DAY_MS);
  });
  return starts.sort((a, b) => a - b);
}

function isStranger(asked: World, user: string): boolean {
  const ordinary = { ...asked, silent: "default" } as const;
  const plain = { in: "bea", visibility: "default", transparency: "opaque" } as const;
  return (
    sightOf(ordinary, user, { ...plain, invitee: "", days: 1, cancelled: false }) === "nothing"
  );
}
