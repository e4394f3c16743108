import { expect } from "chai";
import { timestampDate, timestampFromDate } from "@bufbuild/protobuf/wkt";
import { convertIcsCalendar } from "ts-ics";
import { EventService, Transparency, Visibility } from "../../gen/cabildo/v1/events_pb.js";
import type { Event } from "../../gen/cabildo/v1/events_pb.js";
import { failureOf, GatewayBench } from "./support.js";

const { exportEvents, importEvents, deleteEvent, updateEvent, listEvents, listInstances } =
  EventService.method;

const at = (text: string) => timestampFromDate(new Date(text));
const timed = (start: string, end: string) => ({
  case: "timed" as const,
  value: { startTime: at(start), endTime: at(end), timeZone: "America/New_York" },
});

/** What two copies of an event have in common. */
function essence({ title, description, location, span, ...event }: Event) {
  const { recurrence, reminders, labels, visibility, transparency } = event;
  const minutes = reminders.map(({ minutesBefore }) => minutesBefore);
  const attendees = event.attendees.map(({ user, optional }) => ({ user, optional }));
  const rules = recurrence.filter((line) => line.startsWith("RRULE"));
  const when = JSON.stringify(span, (_, value: unknown) =>
    typeof value === "bigint" ? String(value) : value,
  );
  const said = { title, description, location, when, rules, labels, attendees };
  return { ...said, minutes, visibility, transparency };
}

function startOf({ span }: Event): string {
  if (span.case !== "timed" || span.value.startTime === undefined) return "";
  return timestampDate(span.value.startTime).toISOString().slice(0, 16);
}

describe("calendars as files", function () {
  this.timeout(30_000);
  let bench: GatewayBench;
  let ana: string;
  let bea: string;

  before(async () => {
    bench = await GatewayBench.open();
    ana = (await bench.person("ana")).accessToken;
    bea = (await bench.person("bea")).accessToken;
    await bench.createEvent(ana, "ana", {
      title: "Lunch, long; and späť",
      description: "first line\nsecond line ".repeat(20),
      location: "Café",
      span: timed("2027-03-01T17:00:00Z", "2027-03-01T18:00:00Z"),
      labels: { "room no": "12 b, left" },
      reminders: [{ minutesBefore: 10 }, { minutesBefore: 1_440 }],
      visibility: Visibility.PRIVATE,
      transparency: Transparency.TRANSPARENT,
      attendees: [{ user: "users/bea", optional: true }],
    });
    const day = { year: 2027, month: 5, day: 1 };
    await bench.createEvent(ana, "ana", {
      title: "Holiday",
      span: { case: "allDay", value: { startDate: day, endDate: { ...day, day: 3 } } },
    });
    const { name } = await bench.createEvent(ana, "ana", {
      title: "Weekly",
      span: timed("2027-03-01T14:00:00Z", "2027-03-01T15:00:00Z"),
      recurrence: ["RRULE:FREQ=WEEKLY;COUNT=5", "EXDATE:20270308T090000"],
    });
    await bench.call(deleteEvent, { name: `${name}_20270315t130000z` }, ana);
    const moved = {
      name: `${name}_20270322t130000z`,
      title: "Moved",
      span: timed("2027-03-23T10:00:00Z", "2027-03-23T11:00:00Z"),
    };
    await bench.call(updateEvent, { event: moved }, ana);
  });

  async function exported(pageSize = 0, token = ana, parent = "calendars/ana") {
    const files: string[] = [];
    for (let pageToken = ""; ;) {
      const page = await bench.call(exportEvents, { parent, pageSize, pageToken }, token);
      files.push(page.icalendar);
      pageToken = page.nextPageToken;
      if (pageToken === "") return files;
    }
  }

  async function events(calendar: string): Promise<readonly Event[]> {
    const { events: all } = await bench.call(listEvents, { parent: `calendars/${calendar}` }, ana);
    return [...all].sort((a, b) => (a.title < b.title ? -1 : 1));
  }

  it("are understood by another library, with instances that were changed or deleted", async () => {
    const [text = ""] = await exported();
    for (const line of text.split("\r\n")) expect(Buffer.byteLength(line)).at.most(75);
    const calendar = convertIcsCalendar(undefined, text);
    const all = calendar.events ?? [];
    const found = (title: string) => all.find(({ summary }) => summary === title);
    expect(all.length).equals(4);
    const lunch = found("Lunch, long; and späť");
    expect(lunch?.start.date.toISOString()).equals("2027-03-01T17:00:00.000Z");
    expect(lunch?.description?.startsWith("first line\nsecond line")).equals(true);
    const triggers = lunch?.alarms?.map(({ trigger }) => trigger.value);
    expect(triggers).deep.equals([
      { before: true, minutes: 10 },
      { before: true, minutes: 1_440 },
    ]);
    expect(lunch?.organizer?.email).equals("cabildo:users/ana");
    const [invited] = lunch?.attendees ?? [];
    const asked = { partstat: "NEEDS-ACTION", role: "OPT-PARTICIPANT" };
    expect(invited).to.include({ email: "cabildo:users/bea", ...asked });
    const holiday = found("Holiday");
    const day = (text: string) => ({ date: new Date(text), type: "DATE" });
    expect(holiday?.start).deep.equals(day("2027-05-01"));
    expect(holiday?.end).deep.equals(day("2027-05-03"));
    expect(lunch).to.include({ class: "PRIVATE", timeTransparent: "TRANSPARENT" });
    const weekly = found("Weekly");
    expect(weekly?.recurrenceRule).to.include({ frequency: "WEEKLY", count: 5 });
    const left = weekly?.exceptionDates?.map(({ date }) => date.toISOString().slice(0, 16));
    expect(left).deep.equals(["2027-03-08T14:00", "2027-03-15T13:00"]);
    const moved = found("Moved");
    expect(moved?.uid).equals(weekly?.uid);
    expect(moved?.recurrenceId?.value.date.toISOString()).equals("2027-03-22T13:00:00.000Z");
    const zones = calendar.timezones?.map(({ id }) => id);
    expect(zones).deep.equals(["America/New_York"]);
  });

  it("come back as they were", async () => {
    const [text = ""] = await exported();
    const request = { parent: "calendars/ana.copy", icalendar: text };
    const made = await bench.call(importEvents, request, ana);
    expect(made.skipped).equals(0);
    const copies = await events("ana.copy");
    expect(copies.map(essence)).deep.equals((await events("ana")).map(essence));
    const weekly = copies.find(({ title }) => title === "Weekly");
    const { instances } = await bench.call(listInstances, { parent: weekly?.name ?? "" }, ana);
    expect(instances.map(startOf)).deep.equals([
      "2027-03-01T14:00",
      "2027-03-23T10:00",
      "2027-03-29T13:00",
    ]);
  });

  it("are not there twice when they are imported twice", async () => {
    const [text = ""] = await exported();
    const parent = "calendars/ana.twice";
    const first = await bench.call(importEvents, { parent, icalendar: text, requestId: "1" }, ana);
    const again = await bench.call(importEvents, { parent, icalendar: text, requestId: "1" }, ana);
    const names = (made: typeof first): readonly string[] => made.events.map(({ name }) => name);
    expect(names(again)).deep.equals(names(first));
    const anew = bench.call(importEvents, { parent, icalendar: text }, ana);
    expect(await failureOf(anew)).to.include({ code: "already-exists" });
    expect((await events("ana.twice")).length).equals(4);
  });

  it("are only looked at where an import is to be tried: what it says is what it would do", async () => {
    const [text = ""] = await exported();
    const parent = "calendars/ana.try";
    const request = { parent, icalendar: text, validateOnly: true };
    const shown = await bench.call(importEvents, request, ana);
    expect(await events("ana.try")).deep.equals([]);
    const made = await bench.call(importEvents, { ...request, validateOnly: false }, ana);
    const titles = (all: typeof made): readonly string[] => all.events.map(({ title }) => title);
    expect(titles(shown)).deep.equals(titles(made));
    expect(shown.skipped).equals(made.skipped);
    expect(await failureOf(bench.call(importEvents, request, ana))).to.include({
      code: "already-exists",
    });
  });

  it("are given in pages, each a file of its own", async () => {
    const files = await exported(2);
    const titles = files.flatMap((text) =>
      (convertIcsCalendar(undefined, text).events ?? []).map(({ summary }) => summary),
    );
    expect(files.length).equals(2);
    expect(titles.length).equals(4);
  });

  it("have no attendees whom somebody else invited", async () => {
    const [text = ""] = await exported();
    const made = await bench.call(importEvents, { parent: "calendars/bea", icalendar: text }, bea);
    expect(made.events.flatMap(({ attendees }) => attendees)).deep.equals([]);
  });

  it("are refused with what is wrong in them, and to whom the calendar is not", async () => {
    const parent = "calendars/ana";
    for (const icalendar of ["junk", "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nEND:VCALENDAR"]) {
      const failure = await failureOf(bench.call(importEvents, { parent, icalendar }, ana));
      expect(failure.details.violations?.[0]?.field).equals("icalendar");
    }
    expect(await failureOf(exported(0, bea))).to.include({ code: "not-found" });
    const [text = ""] = await exported();
    const foreign = bench.call(importEvents, { parent, icalendar: text }, bea);
    expect(await failureOf(foreign)).to.include({ code: "not-found" });
  });

  describe("that hold what no event may be", () => {
    const MASTER = "20270301T120000Z";
    const vevent = (uid: number, ...lines: readonly string[]): readonly string[] => [
      "BEGIN:VEVENT",
      `UID:${uid}@elsewhere`,
      "DTSTAMP:20270101T000000Z",
      `DTSTART:${MASTER}`,
      "DURATION:PT1H",
      ...lines,
      "END:VEVENT",
    ];
    const file = (...all: readonly (readonly string[])[]): string =>
      ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//t//EN", ...all.flat(), "END:VCALENDAR"].join(
        "\r\n",
      );
    const daily = (count: number) => vevent(1, "SUMMARY:Daily", `RRULE:FREQ=DAILY;COUNT=${count}`);
    const changed = (count: number) =>
      Array.from({ length: count }, (_, day) => {
        const at = new Date(Date.UTC(2027, 2, 1 + day, 12)).toISOString();
        const original = at.replaceAll(/[-:]|\.\d+/g, "");
        return vevent(1, `SUMMARY:Day ${day}`, `RECURRENCE-ID:${original}`);
      });
    const summary = (length: number) => `SUMMARY:${"x".repeat(length)}`;
    const attendee = (_: unknown, i: number) => `ATTENDEE:cabildo:users/person-${i}`;
    const instance = (length: number) => vevent(1, summary(length), `RECURRENCE-ID:${MASTER}`);
    const cases: readonly [fault: string, most: string | undefined, more: string, said: string][] =
      [
        ["a long title", file(vevent(1, summary(255))), file(vevent(1, summary(256))), "title"],
        [
          "a long description",
          file(vevent(1, "SUMMARY:x", `DESCRIPTION:${"x".repeat(8_192)}`)),
          file(vevent(1, "SUMMARY:x", `DESCRIPTION:${"x".repeat(8_193)}`)),
          "description",
        ],
        [
          "an instance with a long title",
          file(daily(3), instance(255)),
          file(daily(3), instance(256)),
          "title",
        ],
        [
          "more attendees",
          undefined,
          file(vevent(1, "SUMMARY:x", ...Array.from({ length: 201 }, attendee))),
          "attendees",
        ],
        [
          "more instances that differ",
          file(daily(101), ...changed(100)),
          file(daily(101), ...changed(101)),
          "100 instances",
        ],
        [
          "more events",
          file(...Array.from({ length: 100 }, (_, i) => vevent(i, "SUMMARY:x"))),
          file(...Array.from({ length: 101 }, (_, i) => vevent(i, "SUMMARY:x"))),
          "100 events",
        ],
      ];
    for (const [i, [fault, most, more, said]] of cases.entries()) {
      it(`are refused before anything is written: ${fault}`, async () => {
        const { length } = bench.shards.commands;
        const parent = `calendars/ana.limit-${i}`;
        for (const validateOnly of [true, false]) {
          const request = { parent, icalendar: more, validateOnly };
          const failure = await failureOf(bench.call(importEvents, request, ana));
          expect(failure.details.violations?.[0]?.field).equals("icalendar");
          expect(failure.message).contains(said);
        }
        expect(bench.shards.commands).to.have.lengthOf(length);
        if (most === undefined) return;
        await bench.call(importEvents, { parent, icalendar: most }, ana);
      });
    }
  });

  it("come back with all that was deleted of a series", async () => {
    const { name } = await bench.createEvent(ana, "ana.gone", {
      title: "Daily",
      span: timed("2027-03-01T14:00:00Z", "2027-03-01T15:00:00Z"),
      recurrence: ["RRULE:FREQ=DAILY;COUNT=102"],
    });
    const listed = async (parent: string) =>
      (await bench.call(listInstances, { parent, pageSize: 200 }, ana)).instances;
    for (const instance of (await listed(name)).slice(1, 101)) {
      await bench.call(deleteEvent, { name: instance.name }, ana);
    }
    const left = (await listed(name)).map(startOf);
    expect(left).to.have.lengthOf(2);
    const [icalendar = ""] = await exported(0, ana, "calendars/ana.gone");
    const parent = "calendars/ana.gone-copy";
    const made = await bench.call(importEvents, { parent, icalendar }, ana);
    const copy = await listed(made.events[0]?.name ?? "");
    expect(copy.map(startOf)).deep.equals(left);
  });
});
