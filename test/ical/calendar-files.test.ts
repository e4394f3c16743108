import { expect } from "chai";
import type { CalendarEvent } from "../../src/domain/index.js";
import { CalendarFault, readCalendar, writeCalendar } from "../../src/ical/index.js";
import { eventContent } from "../support/agenda.js";

const HOUR_MS = 3_600_000;

function file(...lines: readonly string[]): string {
  return [
    "BEGIN:VCALENDAR",
    "VERSION:2.0",
    "PRODID:-//test//EN",
    ...lines,
    "END:VCALENDAR",
    "",
  ].join("\r\n");
}

function event(...lines: readonly string[]): readonly string[] {
  return ["BEGIN:VEVENT", "UID:1@elsewhere", "DTSTAMP:20270101T000000Z", ...lines, "END:VEVENT"];
}

function readOne(...lines: readonly string[]) {
  const [only] = readCalendar(file(...event(...lines)));
  if (only === undefined) throw new Error("no event");
  return only;
}

const ZONE_OF_AN_OFFICE = [
  "BEGIN:VTIMEZONE",
  "TZID:Office Time",
  "BEGIN:STANDARD",
  "DTSTART:19700101T000000",
  "TZOFFSETFROM:+0300",
  "TZOFFSETTO:+0300",
  "END:STANDARD",
  "END:VTIMEZONE",
];

describe("a calendar's file of another program", () => {
  it("is read with its times, by the clock that it names", () => {
    const { content } = readOne(
      "SUMMARY:Lunch\\, long",
      "DTSTART;TZID=Europe/Berlin:20270701T120000",
      "DURATION:PT2H",
    );
    const startMs = Date.UTC(2027, 6, 1, 10);
    const endMs = startMs + 2 * HOUR_MS;
    expect(content.title).equals("Lunch, long");
    expect(content.span).deep.equals({ kind: "timed", startMs, endMs, timeZone: "Europe/Berlin" });
  });

  it("may describe a clock of its own, for what does not repeat", () => {
    const lines = ["DTSTART;TZID=Office Time:20270701T120000", "DURATION:PT1H"];
    const [read] = readCalendar(file(...ZONE_OF_AN_OFFICE, ...event(...lines)));
    const startMs = Date.UTC(2027, 6, 1, 9);
    const span = { kind: "timed", startMs, endMs: startMs + HOUR_MS, timeZone: "UTC" };
    expect(read?.content.span).deep.equals(span);
    const repeated = file(...ZONE_OF_AN_OFFICE, ...event(...lines, "RRULE:FREQ=DAILY"));
    expect(() => readCalendar(repeated)).throws(CalendarFault, "Office Time");
  });

  it("has whole days, the last of them exclusive, and one where none is said", () => {
    const day = { year: 2027, month: 2, day: 28 };
    const next = { year: 2027, month: 3, day: 1 };
    const { content } = readOne("DTSTART;VALUE=DATE:20270228");
    expect(content.span).deep.equals({ kind: "all-day", start: day, end: next });
  });

  it("keeps reminders before the start alone, and each once", () => {
    const alarm = (trigger: string): readonly string[] => [
      "BEGIN:VALARM",
      "ACTION:DISPLAY",
      "DESCRIPTION:x",
      `TRIGGER${trigger}`,
      "END:VALARM",
    ];
    const { content } = readOne(
      "DTSTART:20270701T120000Z",
      ...alarm(":-PT10M"),
      ...alarm(":-P1D"),
      ...alarm(":-PT10M"),
      ...alarm(":PT5M"),
      ...alarm(";RELATED=END:-PT5M"),
      ...alarm(";VALUE=DATE-TIME:20270701T110000Z"),
    );
    expect(content.reminderMinutes).deep.equals([10, 1_440]);
  });

  it("shows nothing to everyone because its program calls all events public", () => {
    const visibility = (line: string): string => {
      return readOne("DTSTART:20270701T120000Z", line).content.visibility;
    };
    expect(visibility("CLASS:PUBLIC")).equals("default");
    expect(visibility("CLASS:PRIVATE")).equals("private");
    expect(visibility("CLASS:CONFIDENTIAL")).equals("busy-only");
  });

  it("is refused by a fault that says what is wrong where", () => {
    const cases: readonly (readonly [string, string])[] = [
      ["no calendar", "invalid line"],
      ["BEGIN:VCARD\r\nVERSION:4.0\r\nFN:x\r\nEND:VCARD", "BEGIN:VCALENDAR"],
      [file(...event("SUMMARY:x")), "event 1 (UID 1@elsewhere): has no DTSTART"],
      [file("BEGIN:VEVENT", "DTSTART:20270701T120000Z", "END:VEVENT"), "has no UID"],
      [
        file(...event("DTSTART:20270701T120000Z", "DTEND:20270701T110000Z")),
        "ends before it starts",
      ],
      [file(...event("DTSTART;TZID=Nowhere/Here:20270701T120000")), "Nowhere/Here"],
    ];
    for (const [text, said] of cases) expect(() => readCalendar(text)).throws(CalendarFault, said);
  });
});

describe("a calendar's file of ours", () => {
  function written(timeZone: string, startMs: number): string {
    const content = eventContent({
      span: { kind: "timed", startMs, endMs: startMs + HOUR_MS, timeZone },
    });
    const event: CalendarEvent = {
      ...content,
      calendar: "ana",
      id: "e01",
      organizer: "ana",
      attendees: [],
      group: "",
      rule: "organizer",
      source: "",
      icalUid: "",
      state: "confirmed",
      sequence: 0,
      createTimeMs: 0,
      updateTimeMs: 0,
      deleteTimeMs: 0,
      purgeTimeMs: 0,
      revision: 0,
      recurringEvent: "",
      originalStartMs: 0,
    };
    return writeCalendar([{ event, goneMs: [] }], Date.UTC(2027, 0, 1));
  }

  it("describes the clocks that it names, also for those who do not know their names", () => {
    const zones = ["America/New_York", "Europe/Dublin", "Australia/Lord_Howe", "Asia/Kolkata"];
    for (const zone of [...zones, "Africa/Casablanca"]) {
      for (let month = 0; month < 36; month++) {
        const startMs = Date.UTC(2026, month, 15, 12);
        const unknown = written(zone, startMs).replaceAll(zone, "Office Time");
        const span = readCalendar(unknown)[0]?.content.span;
        expect(span?.kind === "timed" && span.startMs, `${zone} ${month}`).equals(startMs);
      }
    }
  });
});
