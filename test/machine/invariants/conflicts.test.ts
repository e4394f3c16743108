import { expect } from "chai";
import { fc } from "../../support/properties.js";
import type { Operation } from "../../../src/domain/index.js";
import {
  DAY_MS,
  eventContent,
  eventId,
  HOUR_MS,
  NOW_MS,
  userCaller,
} from "../../support/agenda.js";
import { AgendaCluster } from "../../support/agenda-cluster.js";

/** A full second. */
const FIRST_MS = NOW_MS - (NOW_MS % HOUR_MS) + DAY_MS;
const EVENTS_MAX = 9;

const when = {
  start: fc.integer({ min: 0, max: 12 }),
  hours: fc.integer({ min: 1, max: 5 }),
  days: fc.constantFrom(1, 1, 3),
  opaque: fc.constantFrom(true, true, false),
};
const nth = fc.nat(EVENTS_MAX - 1);
const step = fc.oneof(
  fc.record({ kind: fc.constant("own"), in: fc.constantFrom("zoe", "zoe.work"), ...when }),
  fc.record({ kind: fc.constantFrom("invite", "impose"), in: fc.constant("zoe"), ...when }),
  fc.record({ kind: fc.constantFrom("accept", "accept", "decline", "cancel"), nth }),
  fc.record({ kind: fc.constantFrom("allow", "reject"), in: fc.constantFrom("zoe", "zoe.work") }),
);
type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never;

interface Span {
  readonly startMs: number;
  readonly endMs: number;
}

/** An event in one of zoe's calendars, as somebody would write it on paper. */
interface Note {
  readonly id: string;
  readonly in: string;
  readonly by: "own" | "invite" | "impose";
  readonly spans: readonly Span[];
  readonly opaque: boolean;
  accepted: boolean;
  cancelled: boolean;
}

const overlap = (a: Span, b: Span): boolean => a.startMs < b.endMs && b.startMs < a.endMs;
const takesTime = (note: Note): boolean => note.opaque && !note.cancelled;
const holds = (note: Note): boolean => takesTime(note) && (note.by !== "invite" || note.accepted);

function conflictsOf(note: Note, notes: readonly Note[]): readonly string[] {
  if (!takesTime(note)) return [];
  return notes
    .filter((other) => other !== note && holds(other))
    .flatMap((other) => other.spans.map((span) => ({ in: other.in, ...span })))
    .filter((span) => note.spans.some((own) => overlap(own, span)))
    .map((span) => `${span.in} ${span.startMs}-${span.endMs}`)
    .sort();
}

function spansOf({ start, hours, days }: { start: number; hours: number; days: number }) {
  return Array.from({ length: days }, (_, day) => {
    const startMs = FIRST_MS + start * HOUR_MS + day * DAY_MS;
    return { startMs, endMs: startMs + hours * HOUR_MS };
  });
}

/** Zoe's calendars, and beside them what they should be. */
class Agenda {
  readonly cluster = new AgendaCluster();
  readonly notes: Note[] = [];
  readonly rejects = new Set<string>();

  constructor() {
    this.cluster.found("office", "hierarchical", { ana: 100, zoe: 10 });
  }

  take(asked: Step): void {
    if ("start" in asked) this.#add(asked);
    else if ("nth" in asked) this.#answer(asked);
    else this.#rule(asked);
    this.cluster.carry();
  }

  #add(asked: Extract<Step, { start: number }>): void {
    if (this.notes.length === EVENTS_MAX) return;
    const spans = spansOf(asked);
    const by = asked.kind;
    const id = eventId(this.notes.length + 1);
    const { in: calendar, opaque } = asked;
    const note: Note = { id, in: calendar, by, spans, opaque, accepted: false, cancelled: false };
    const { startMs, endMs } = spans[0] ?? { startMs: 0, endMs: 0 };
    const invitees = by === "invite" ? [{ user: "zoe", optional: false }] : [];
    const recurrence = spans.length > 1 ? ["RRULE:FREQ=DAILY"] : [];
    const transparency = opaque ? "opaque" : "transparent";
    const span = { kind: "timed", startMs, endMs, timeZone: "UTC" } as const;
    const content = eventContent({ span, transparency, recurrence, invitees });
    const startsMs = spans.map((one) => one.startMs);
    const user = by === "own" ? "zoe" : "ana";
    const { kind } = this.cluster.tryCalendar(user, {
      kind: "create-event",
      calendar: by === "own" ? calendar : "ana",
      event: id,
      content,
      ...(by === "impose" ? { group: "office" } : {}),
      ...(spans.length > 1 ? { occurrences: { startsMs, untilMs: 0 } } : {}),
    });
    const refused =
      by === "own" && this.rejects.has(calendar) && conflictsOf(note, this.notes).length > 0;
    expect(kind).equals(refused ? "refused" : "done");
    if (!refused) this.notes.push(note);
  }

  #answer({ kind, nth: n }: Extract<Step, { nth: number }>): void {
    const note = this.notes[n];
    if (note === undefined) return;
    const named = { calendar: note.in, event: note.id };
    if (kind === "cancel") {
      const calendar = note.by === "own" ? note.in : "ana";
      const cancel: Operation & { calendar: string } = {
        kind: "cancel-event",
        ...named,
        calendar,
        etag: "",
      };
      const { kind: done } = this.cluster.tryCalendar(note.by === "own" ? "zoe" : "ana", cancel);
      expect(done).equals(note.cancelled ? "refused" : "done");
      note.cancelled = true;
      return;
    }
    const response = kind === "accept" ? "accepted" : "declined";
    const answer = { kind: "respond-event", ...named, response, comment: "" } as const;
    const { kind: done } = this.cluster.tryCalendar("zoe", answer);
    const asked = note.by === "invite" && !note.cancelled;
    const collides = kind === "accept" && !note.accepted && this.rejects.has(note.in);
    const refused = !asked || (collides && conflictsOf(note, this.notes).length > 0);
    expect(done).equals(refused ? "refused" : "done");
    if (!refused) note.accepted = kind === "accept";
  }

  #rule({ kind, in: calendar }: Extract<Step, { in: string }>): void {
    const conflictPolicy = kind === "reject" ? "reject" : "allow";
    const content = { displayName: "", timeZone: "", conflictPolicy, public: false } as const;
    const fields = ["conflictPolicy"] as const;
    const said = { kind: "update-calendar", calendar, content, fields, etag: "" } as const;
    const { kind: done } = this.cluster.tryCalendar("zoe", said);
    if (done === "refused") return;
    if (conflictPolicy === "reject") this.rejects.add(calendar);
    else this.rejects.delete(calendar);
  }

  reported({ in: calendar, id: event }: Note): readonly string[] {
    const question = { kind: "get-event", calendar, event, conflictsFromMs: NOW_MS } as const;
    const { conflicts = [] } = this.cluster.ask(userCaller("zoe"), question, "event");
    return conflicts.map((one) => `${one.calendar} ${one.startMs}-${one.endMs}`).sort();
  }
}

describe("invariant 6: a conflict", () => {
  it("is always reported, and refused only where the calendar says so, never where a superior imposes", () => {
    let found = 0;
    fc.assert(
      fc.property(fc.array(step, { minLength: 4, maxLength: 30, size: "max" }), (steps) => {
        const agenda = new Agenda();
        for (const asked of steps) agenda.take(asked);
        for (const note of agenda.notes) {
          const expected = conflictsOf(note, agenda.notes);
          expect(agenda.reported(note)).deep.equals(expected.slice(0, 20));
          found += expected.length;
        }
      }),
      { numRuns: 20 },
    );
    expect(found).greaterThan(10);
  });
});
