import { expect } from "chai";
import { fc } from "../../support/properties.js";
import type { CalendarEvent, EventState, Response } from "../../../src/domain/index.js";
import { DAY_MS, eventContent, eventId, HOUR_MS, NOW_MS } from "../../support/agenda.js";
import { AgendaCluster } from "../../support/agenda-cluster.js";
import { AgendaHistory, anyHistory } from "../../support/agenda-history.js";

const OTHERS = ["bea", "nora", "zoe"] as const;
const EVERYONE = ["ana", ...OTHERS] as const;
const ID = eventId(1);

const other = fc.constantFrom(...OTHERS);
const anyone = fc.constantFrom(...EVERYONE);
const answer = fc.record({
  kind: fc.constant("answer" as const),
  user: anyone,
  response: fc.constantFrom("accepted", "accepted", "declined", "tentative"),
});

function spanAt(startMs: number): CalendarEvent["span"] {
  return { kind: "timed", startMs, endMs: startMs + HOUR_MS, timeZone: "UTC" };
}

function create(calendar: string, over: Parameters<typeof eventContent>[0] = {}, group?: string) {
  const content = eventContent({ span: spanAt(NOW_MS + DAY_MS), ...over });
  const named = { kind: "create-event", calendar, event: ID, content } as const;
  return group === undefined ? named : { ...named, group };
}

function respond(user: string, response: "accepted" | "declined" | "tentative") {
  return { kind: "respond-event", calendar: user, event: ID, response, comment: "" } as const;
}

function responses(event: CalendarEvent | undefined): Readonly<Record<string, Response>> {
  return Object.fromEntries((event?.attendees ?? []).map((one) => [one.user, one.response]));
}

/** The rule, once more: what is required decides, and one who declines is enough. */
function stateOf(rule: string, cancelled: boolean, required: readonly Response[]): EventState {
  if (cancelled) return "cancelled";
  if (rule !== "unanimous") return "confirmed";
  if (required.some((one) => one === "declined")) return "rejected";
  const agrees = (one: Response): boolean => one === "accepted" || one === "auto-accepted";
  return required.every(agrees) ? "confirmed" : "pending";
}

describe("invariant 2: an event", () => {
  it("of a person stands at once; that of a superior too, for all who are strictly below, and the others are asked", () => {
    const rank = fc.integer({ min: 0, max: 3 });
    const ranks = fc.record({ bea: rank, nora: rank, zoe: rank });
    fc.assert(
      fc.property(ranks, anyone, fc.boolean(), (below, organizer, isPersonal) => {
        const cluster = new AgendaCluster();
        const places: Readonly<Record<string, number>> = { ana: 100, ...below };
        cluster.found("office", "hierarchical", places);
        const invitees = OTHERS.map((user) => ({ user, optional: false }));
        cluster.calendar(
          organizer,
          isPersonal ? create(organizer, { invitees }) : create(organizer, {}, "office"),
        );
        expect(cluster.event(organizer, ID)?.state).equals("confirmed");
        cluster.carry();
        const said = responses(cluster.event(organizer, ID));
        for (const user of isPersonal ? OTHERS : EVERYONE) {
          if (user === organizer) continue;
          const imposed = !isPersonal && (places[user] ?? 0) < (places[organizer] ?? 0);
          expect(said[user], user).equals(imposed ? "auto-accepted" : "needs-action");
          const copy = cluster.event(user, ID);
          expect(copy?.state, user).equals("confirmed");
          expect(responses(copy)[user], user).equals(said[user]);
        }
      }),
      { numRuns: 20 },
    );
  });
});

describe("invariant 3: an event of a group of peers", () => {
  const joinOrLeave = fc.record({ kind: fc.constantFrom("join", "leave"), user: anyone });
  const invitees = fc.uniqueArray(fc.record({ user: other, optional: fc.boolean() }), {
    selector: ({ user }) => user,
    maxLength: 3,
  });

  it("stands when all who have to come accepted, and falls with one who declines; joining and leaving ask nobody", () => {
    const seen = new Set<EventState>();
    // Whatever chance makes, each state is met.
    const each = (["tentative", "accepted", "declined"] as const).map((response) => {
      return { kind: "answer", user: "bea", response } as const;
    });
    const steps = fc.array(fc.oneof(answer, answer, joinOrLeave), {
      minLength: 3,
      maxLength: 14,
      size: "max",
    });
    fc.assert(
      fc.property(fc.subarray([...OTHERS]), invitees, steps, (first, wanted, asked) => {
        const cluster = new AgendaCluster();
        const members = new Set<string>(["ana", ...first]);
        cluster.found("choir", "peer", Object.fromEntries([...members].map((one) => [one, 50])));
        const invited = wanted.filter(({ user }) => members.has(user));
        cluster.calendar("ana", create("ana", { invitees: invited }, "choir"));
        cluster.carry();
        const all = invited.length > 0 ? invited.map(({ user }) => user) : first;
        const waited = new Map<string, Response>([["ana", "accepted"]]);
        for (const user of all) waited.set(user, "needs-action");
        const isOptional = (user: string): boolean =>
          invited.some((one) => one.user === user && one.optional);
        for (const step of asked) {
          if (step.kind === "answer") {
            const response = step.response;
            const { kind } = cluster.tryCalendar(step.user, respond(step.user, response));
            const may = waited.has(step.user) && step.user !== "ana" && members.size > 0;
            expect(kind, step.user).equals(may ? "done" : "refused");
            if (may) waited.set(step.user, response);
          } else if (step.kind === "leave") {
            const gone = { kind: "remove-member", group: "choir", user: step.user } as const;
            if (cluster.group(step.user, gone).kind === "done") members.delete(step.user);
            if (members.size > 0) waited.delete(step.user);
          } else {
            const place = { group: "choir", user: step.user, role: "member", rank: 1 } as const;
            const [leader = ""] = members;
            const { kind } = cluster.group(leader, { kind: "add-member", ...place });
            if (kind === "done") members.add(step.user);
          }
          cluster.carry();
          const required = [...waited].filter(([user]) => !isOptional(user));
          const states = required.map(([, response]) => response);
          const expected = stateOf("unanimous", members.size === 0, states);
          const event = cluster.event("ana", ID);
          expect(event?.state, JSON.stringify(step)).equals(expected);
          seen.add(expected);
          if (expected === "cancelled") break;
          expect(responses(event)).deep.equals(Object.fromEntries(waited));
        }
      }),
      { numRuns: 20, examples: [[["bea"], [], each]] },
    );
    expect([...seen]).to.include.members(["pending", "confirmed", "rejected"]);
  });
});

describe("invariant 4: an answer", () => {
  it("can be changed until the event ends, and is asked for again by a new time, a new sequence; imposing stays", () => {
    const change = fc.record({
      kind: fc.constantFrom("move", "retitle", "wait"),
      hours: fc.integer({ min: 0, max: 20 }),
    });
    const steps = fc.array(fc.oneof(answer, answer, change), { maxLength: 16, size: "max" });
    fc.assert(
      fc.property(steps, (asked) => {
        const cluster = new AgendaCluster();
        cluster.nowMs = NOW_MS;
        cluster.found("office", "hierarchical", { ana: 100, bea: 50, nora: 50, zoe: 10 });
        cluster.calendar("bea", create("bea", {}, "office"));
        cluster.carry();
        let nowMs = NOW_MS;
        let startMs = NOW_MS + DAY_MS;
        let sequence = 0;
        let said: Record<string, Response> = { ana: "needs-action", nora: "needs-action" };
        for (const step of asked) {
          if (step.kind === "answer") {
            const response = step.response;
            const { kind } = cluster.tryCalendar(step.user, respond(step.user, response));
            const may = step.user in said && nowMs < startMs + HOUR_MS;
            expect(kind, `${step.user} ${response}`).equals(may ? "done" : "refused");
            if (may) said = { ...said, [step.user]: response };
          } else if (step.kind === "wait") {
            nowMs += step.hours * HOUR_MS;
            cluster.nowMs = nowMs;
          } else {
            const moves = step.kind === "move";
            const title = `after ${step.hours}`;
            const toMs = moves ? startMs + step.hours * HOUR_MS : startMs;
            const content = eventContent({ title, span: spanAt(toMs) });
            const fields = moves ? (["span"] as const) : (["title"] as const);
            const named = { calendar: "bea", event: ID, etag: "" };
            cluster.calendar("bea", { kind: "update-event", ...named, content, fields });
            if (toMs !== startMs) {
              sequence++;
              said = { ana: "needs-action", nora: "needs-action" };
            }
            startMs = toMs;
          }
          cluster.carry();
          const expected = { ...said, bea: "accepted", zoe: "auto-accepted" };
          for (const user of EVERYONE) {
            const event = cluster.event(user, ID);
            expect(event?.sequence).equals(sequence);
            expect(responses(event), user).deep.equals(expected);
          }
        }
      }),
      { numRuns: 20 },
    );
  });
});

describe("invariant 5: the state of an event", () => {
  it("follows from its attendees and its rule alone, whenever it is worked out again", () => {
    const seen = new Set<EventState>();
    fc.assert(
      fc.property(anyHistory, fc.infiniteStream(fc.boolean()), (steps, arrives) => {
        const history = new AgendaHistory();
        history.take({ kind: "convene", user: "ana", event: ID, group: "choir" });
        for (const step of steps) {
          history.take(step);
          if (arrives.next().value === true) history.cluster.carry();
          for (const { source, state, rule, attendees } of history.events()) {
            if (source !== "") continue;
            const required = attendees.filter(({ optional }) => !optional);
            const said = required.map(({ response }) => response);
            expect(state).equals(stateOf(rule, state === "cancelled", said));
            seen.add(state);
          }
        }
      }),
      { numRuns: 20 },
    );
    expect([...seen]).to.include.members(["pending", "confirmed", "rejected", "cancelled"]);
  });
});
