import { expect } from "chai";
import { fc } from "../../support/properties.js";
import type { EventSpan, Operation } from "../../../src/domain/index.js";
import { requireTimeZone } from "../../../src/gateway/time-zone.js";
import { expandRecurrence } from "../../../src/ical/index.js";
import {
  createEvent,
  DAY_MS,
  eventContent,
  eventId,
  HOUR_MS,
  NOW_MS,
  userCaller,
} from "../../support/agenda.js";
import { AgendaShard } from "../../support/agenda-shard.js";

const OCCURRENCES_MAX = 400;
const PAGE_MAX = 1_000;
const ana = userCaller("ana");
/** A full second, at midnight. */
const FIRST_MS = NOW_MS - (NOW_MS % DAY_MS) + DAY_MS;
const LISTING = {
  calendars: ["ana"],
  pageSize: PAGE_MAX,
  after: "",
  showDeleted: false,
  asAgenda: false,
  conditions: [],
} as const;

const bound = fc.integer({ min: -4, max: 72 });
const bounds = fc.record({ from: bound, to: bound, isAllDay: fc.boolean() });

function spanOf({ from, to, isAllDay }: { from: number; to: number; isAllDay: boolean }) {
  const startMs = FIRST_MS + from * (isAllDay ? DAY_MS : HOUR_MS);
  const endMs = FIRST_MS + to * (isAllDay ? DAY_MS : HOUR_MS);
  const span: EventSpan = isAllDay
    ? { kind: "all-day", start: dateOf(startMs), end: dateOf(endMs) }
    : { kind: "timed", startMs, endMs, timeZone: "UTC" };
  return { startMs, endMs, span };
}

function dateOf(ms: number) {
  const date = new Date(ms);
  return { year: date.getUTCFullYear(), month: date.getUTCMonth() + 1, day: date.getUTCDate() };
}

function daily(count: number): Operation {
  const { span } = spanOf({ from: 0, to: 1, isAllDay: false });
  const content = eventContent({ span, recurrence: ["RRULE:FREQ=DAILY"] });
  const startsMs = Array.from({ length: count }, (_, day) => FIRST_MS + day * DAY_MS);
  const occurrences = { startsMs, untilMs: 0 };
  return { kind: "create-event", calendar: "ana", event: eventId(1), content, occurrences };
}

describe("invariant 1: an event", () => {
  it("starts before it ends, and is in each window that it shares a moment with, and in no other", () => {
    fc.assert(
      fc.property(
        fc.array(bounds, { minLength: 1, maxLength: 12 }),
        fc.array(bounds, { minLength: 1, maxLength: 12 }),
        (asked, windows) => {
          const shard = new AgendaShard();
          const standing: { id: string; startMs: number; endMs: number }[] = [];
          for (const [i, one] of asked.entries()) {
            const { startMs, endMs, span } = spanOf(one);
            const { reply } = shard.run(ana, createEvent("ana", eventId(i), { span }));
            expect(reply.kind).equals(startMs < endMs ? "done" : "refused");
            if (startMs < endMs) standing.push({ id: eventId(i), startMs, endMs });
          }
          // Chance seldom draws a window that begins just when an event ends.
          const beside = standing.flatMap(({ startMs, endMs }) => [
            { startMs: startMs - HOUR_MS, endMs: startMs },
            { startMs: endMs, endMs: endMs + HOUR_MS },
          ]);
          for (const { startMs, endMs } of [...windows.map(spanOf), ...beside]) {
            if (startMs >= endMs) continue;
            const window = { windowStartMs: startMs, windowEndMs: endMs };
            const question = { kind: "list-events", ...LISTING, ...window } as const;
            const { events } = shard.ask(ana, question, "events");
            const inside = standing.filter((one) => one.startMs < endMs && startMs < one.endMs);
            expect(events.map(({ id }) => id).sort()).deep.equals(inside.map(({ id }) => id));
          }
        },
      ),
      { numRuns: 20 },
    );
  });

  it("repeats by the clock of a zone that the tz database has, and by no other", () => {
    const known = ["Europe/Madrid", "America/Havana", "Asia/Kathmandu", "UTC"];
    const unknown = ["+02:00", "Europe/Macondo", "CEST-2", "Madrid", " Europe/Madrid"];
    const hour = fc.integer({ min: 0, max: 23 });
    fc.assert(
      fc.property(fc.constantFrom(...known, ...unknown), hour, (timeZone, at) => {
        const startMs = FIRST_MS + at * HOUR_MS;
        const span = { kind: "timed", startMs, endMs: startMs + HOUR_MS, timeZone } as const;
        const expand = () => {
          requireTimeZone(timeZone, "time_zone");
          return expandRecurrence({ span, lines: ["RRULE:FREQ=DAILY;COUNT=200"] }, NOW_MS);
        };
        if (unknown.includes(timeZone)) {
          expect(expand).throws();
          return;
        }
        const format = new Intl.DateTimeFormat("en-GB", { timeZone, timeStyle: "short" });
        const clock = (ms: number) => format.format(ms);
        const { startsMs } = expand();
        expect(startsMs).to.have.lengthOf(200);
        // Where a clock skips the time, the event is as long after the last full hour as it would have been.
        const shown = new Set(startsMs.map(clock).filter((time) => time !== clock(startMs)));
        expect(shown.size).lessThanOrEqual(1);
      }),
      { numRuns: 20 },
    );
  });

  it("has as many instances as one command can replace, and gives as many at once as a page holds", () => {
    const count = fc.oneof(
      fc.integer({ min: 1, max: 12 }),
      fc.integer({ min: OCCURRENCES_MAX - 1, max: OCCURRENCES_MAX + 1 }),
    );
    fc.assert(
      fc.property(count, fc.integer({ min: 1, max: 2 * PAGE_MAX }), (instances, pageSize) => {
        const shard = new AgendaShard();
        const { reply } = shard.run(ana, daily(instances));
        expect(reply.kind).equals(instances <= OCCURRENCES_MAX ? "done" : "refused");
        if (reply.kind === "refused") return;
        const named = { calendar: "ana", event: eventId(1), pageSize, after: "" } as const;
        const window = { windowStartMs: 0, windowEndMs: 0 };
        const question = { kind: "list-instances", ...named, ...window } as const;
        const { events } = shard.ask(ana, question, "events");
        expect(events).to.have.lengthOf(Math.min(instances, pageSize, PAGE_MAX));
      }),
      { numRuns: 20 },
    );
  });
});
