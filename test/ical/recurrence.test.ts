import { expect } from "chai";
import { fc } from "../support/properties.js";
import type { EventSpan, Occurrences } from "../../src/domain/index.js";
import { expandRecurrence, RecurrenceFault } from "../../src/ical/index.js";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const NOW_MS = Date.UTC(2026, 10, 25, 12);

function timed(start: string, timeZone = "UTC"): EventSpan {
  const startMs = Date.parse(start);
  return { kind: "timed", startMs, endMs: startMs + HOUR_MS, timeZone };
}

const NINE = timed("2026-12-01T14:00:00Z", "America/New_York");

function expand(span: EventSpan, ...lines: readonly string[]): Occurrences {
  return expandRecurrence({ span, lines }, NOW_MS);
}

function texts({ startsMs }: Occurrences, count: number): readonly string[] {
  return startsMs.slice(0, count).map((ms) => new Date(ms).toISOString().slice(0, 16));
}

function faultOf(...lines: readonly string[]): string {
  try {
    expand(NINE, ...lines);
  } catch (error) {
    if (error instanceof RecurrenceFault) return error.message;
    throw error;
  }
  throw new Error("it was taken");
}

describe("an event that repeats", () => {
  it("keeps its time of day when the clock is changed", () => {
    const found = expand(NINE, "RRULE:FREQ=MONTHLY;BYMONTHDAY=1");
    const hours = found.startsMs.map((ms) => new Date(ms).getUTCHours());
    expect(new Set(hours)).deep.equals(new Set([14, 13]));
    expect(texts(found, 5).at(-1)).equals("2027-04-01T13:00");
  });

  it("skips what its calendar does not have", () => {
    const leap = expand(timed("2028-02-29T09:00:00Z"), "RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29");
    expect(texts(leap, 9)).deep.equals(["2028-02-29T09:00"]);
    const last = expand(timed("2026-12-31T09:00:00Z"), "RRULE:FREQ=MONTHLY;BYMONTHDAY=31");
    expect(texts(last, 3)).deep.equals([
      "2026-12-31T09:00",
      "2027-01-31T09:00",
      "2027-03-31T09:00",
    ]);
  });

  it("ends with its count, the first occurrence included", () => {
    const found = expand(NINE, "RRULE:FREQ=DAILY;COUNT=3");
    expect(texts(found, 9)).deep.equals([
      "2026-12-01T14:00",
      "2026-12-02T14:00",
      "2026-12-03T14:00",
    ]);
    expect(found.untilMs).equals(0);
    expect(expand(NINE, "RRULE:FREQ=DAILY;COUNT=1").startsMs).deep.equals([
      Date.parse("2026-12-01T14:00:00Z"),
    ]);
  });

  it("ends with the time or the day until which it goes", () => {
    const count = (until: string): number =>
      expand(NINE, `RRULE:FREQ=DAILY;UNTIL=${until}`).startsMs.length;
    expect(count("20261203T140000Z")).equals(3);
    expect(count("20261203T135959Z")).equals(2);
    expect(count("20261203T090000")).equals(3);
    expect(count("20261203")).equals(3);
  });

  it("has dates put in and left out", () => {
    const found = expand(
      NINE,
      "RRULE:FREQ=WEEKLY;COUNT=3",
      "EXDATE;TZID=America/New_York:20261208T090000",
      "RDATE:20261210T150000Z",
    );
    expect(texts(found, 9)).deep.equals([
      "2026-12-01T14:00",
      "2026-12-10T15:00",
      "2026-12-15T14:00",
    ]);
  });

  it("may be whole days", () => {
    const day = (n: number) => ({ year: 2026, month: 12, day: n });
    const span = { kind: "all-day", start: day(24), end: day(26) } as const;
    const found = expand(span, "RRULE:FREQ=YEARLY", "EXDATE;VALUE=DATE:20271224");
    expect(texts(found, 3)).deep.equals(["2026-12-24T00:00"]);
    expect(found.untilMs).equals(Date.UTC(2028, 11, 23));
  });

  it("goes on after what is known, without a gap", () => {
    const lines = ["RRULE:FREQ=DAILY;COUNT=1000"];
    const first = expandRecurrence({ span: NINE, lines }, NOW_MS);
    expect(first.startsMs).to.have.lengthOf(400);
    const lastMs = first.startsMs.at(-1) ?? 0;
    expect(first.untilMs).equals(lastMs + 1);
    const later = expandRecurrence({ span: NINE, lines }, lastMs - DAY_MS, first.untilMs - 1);
    expect(texts(later, 1)).deep.equals(["2028-01-05T14:00"]);
    const rest = expandRecurrence({ span: NINE, lines }, NOW_MS + 700 * DAY_MS, later.untilMs - 1);
    expect(400 + later.startsMs.length + rest.startsMs.length).equals(1000);
    expect(rest.untilMs).equals(0);
  });

  it("is refused where it says too little, too much or nothing", () => {
    expect(faultOf("RRULE:FREQ=SECONDLY")).contains("FREQ must be");
    expect(faultOf("RRULE:FREQ=DAILY;COUNT=2;UNTIL=20261203")).contains("exclude");
    expect(faultOf("RRULE:FREQ=DAILY", "RRULE:FREQ=WEEKLY")).contains("more than one");
    expect(faultOf("RRULE:FREQ=DAILY;BYHOUR=1,2,3,4,5;BYMINUTE=1,2,3,4,5")).contains("24 times");
    expect(faultOf("DTSTART:20260101T000000Z")).contains("no line");
    expect(faultOf("RDATE:tomorrow")).contains("no time");
    expect(faultOf("EXDATE;TZID=Mars/Base:20261201T000000")).contains("Mars/Base");
    expect(faultOf("RRULE:FREQ=WEEKLY;BYDAY=XX")).not.equals("");
    expect(faultOf("RRULE:FREQ=DAILY;COUNT=1", "EXDATE:20261201T140000Z")).contains(
      "no occurrence",
    );
  });

  it("that can never come again is found out at once", () => {
    for (const rule of [
      "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30",
      "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30;COUNT=5",
    ]) {
      const startedMs = process.cpuUsage().user;
      expect(expand(NINE, `RRULE:${rule}`).startsMs).to.have.lengthOf(1);
      expect(process.cpuUsage().user - startedMs).lessThan(1_000_000);
    }
  });

  it("is the same as counting days by hand", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 40 }),
        fc.integer({ min: 0, max: 700 }),
        fc.constantFrom("UTC", "Asia/Kathmandu"),
        (interval, offset, zone) => {
          const span = timed("2026-12-01T14:00:00Z", zone);
          const startMs = Date.parse("2026-12-01T14:00:00Z");
          const untilMs = startMs + offset * DAY_MS;
          const until = new Date(untilMs).toISOString().replaceAll(/[-:]|\.\d+/g, "");
          const found = expand(span, `RRULE:FREQ=DAILY;INTERVAL=${interval};UNTIL=${until}`);
          const expected: number[] = [];
          for (let ms = startMs; ms <= untilMs; ms += interval * DAY_MS) expected.push(ms);
          expect(found.startsMs).deep.equals(expected.slice(0, 400));
        },
      ),
      { numRuns: 50 },
    );
  });
});
