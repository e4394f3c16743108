import { expect } from "chai";
import { timestampDate, timestampFromDate } from "@bufbuild/protobuf/wkt";
import { convertIcsCalendar } from "ts-ics";
import { EventService, Transparency, Visibility } from "../../gen/cabildo/v1/events_pb.js";
import type { Event, ImportEventsResponse } from "../../gen/cabildo/v1/events_pb.js";
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

/** Of one hour. */
function eventOf(uid: string, start: string, ...lines: readonly string[]): readonly string[] {
  return [
    "BEGIN:VEVENT",
    `UID:${uid}`,
    `DTSTART:${start}`,
    "DURATION:PT1H",
    ...lines,
    "END:VEVENT",
  ];
}

function fileOf(...events: readonly (readonly string[])[]): string {
  const header = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//t//EN"];
  return [...header, ...events.flat(), "END:VCALENDAR"].join("\r\n");
}

function nameOf({ events }: ImportEventsResponse): string {
  return events[0]?.name ?? "";
}

function counts({ created, updated, unchanged, skipped }: ImportEventsResponse) {
  return { created, updated, unchanged, skipped };
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
    expect(counts(first)).deep.equals({ created: 3, updated: 0, unchanged: 0, skipped: 0 });
    expect(counts(again)).deep.equals({ created: 0, updated: 0, unchanged: 3, skipped: 0 });
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
    expect(counts(shown)).deep.equals(counts(made));
    expect(counts(await bench.call(importEvents, request, ana))).to.include({ unchanged: 3 });
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
    const request = { parent: "calendars/bea.foreign", icalendar: text };
    const made = await bench.call(importEvents, request, bea);
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

  describe("that are imported again", () => {
    const vevent = (uid: string, day: number, ...lines: readonly string[]) =>
      eventOf(`${uid}@club.example`, `202704${String(day).padStart(2, "0")}T120000Z`, ...lines);
    const match = vevent("match", 1, "SUMMARY:Match", "DTSTAMP:20200101T000000Z");
    const weekly = (...lines: readonly string[]) =>
      vevent("training", 2, "SUMMARY:Training", "RRULE:FREQ=WEEKLY;COUNT=3", ...lines);
    const OLD = "LAST-MODIFIED:20200101T000000Z";
    const LATER = "LAST-MODIFIED:20990101T000000Z";
    let parent: string;
    let tests = 0;

    beforeEach(() => (parent = `calendars/ana.again-${++tests}`));

    async function imported(text: string) {
      return await bench.call(importEvents, { parent, icalendar: text }, ana);
    }

    async function titles(): Promise<readonly string[]> {
      return (await events(parent.slice("calendars/".length))).map(({ title }) => title);
    }

    it("take what is new, and leave what is there", async () => {
      await imported(fileOf(match));
      const { skipped, ...rest } = await imported(fileOf(match, weekly(OLD)));
      expect(skipped).equals(0);
      expect(counts({ skipped, ...rest })).to.include({ created: 1, updated: 0, unchanged: 1 });
      expect(await titles()).deep.equals(["Match", "Training"]);
    });

    it("change what was written later than here, and nothing else", async () => {
      const first = await imported(fileOf(match, weekly(OLD)));
      const name = nameOf(first);
      await bench.call(
        updateEvent,
        { event: { name, title: "Our match", labels: { a: "b" } } },
        ana,
      );
      expect(counts(await imported(fileOf(match, weekly(OLD))))).to.include({ unchanged: 2 });
      expect(await titles()).deep.equals(["Our match", "Training"]);
      const later = vevent("match", 1, "SUMMARY:Final", "LOCATION:Hall", LATER);
      const changed = await imported(fileOf(later, weekly(OLD)));
      expect(counts(changed)).to.include({ created: 0, updated: 1, unchanged: 1 });
      expect(changed.events[0]).to.include({ name, title: "Final", location: "Hall", sequence: 0 });
      const same = await imported(fileOf(later, weekly(OLD)));
      expect(counts(same)).to.include({ updated: 0, unchanged: 2 });
    });

    it("move one instance, take one out, and move them all", async () => {
      const first = await imported(fileOf(weekly(OLD)));
      const name = nameOf(first);
      const starts = async () =>
        (await bench.call(listInstances, { parent: name }, ana)).instances.map(startOf);
      const moved = vevent("training", 10, "SUMMARY:Late", "RECURRENCE-ID:20270409T120000Z", LATER);
      expect(counts(await imported(fileOf(weekly(OLD), moved)))).to.include({ updated: 1 });
      expect(await starts()).deep.equals([
        "2027-04-02T12:00",
        "2027-04-10T12:00",
        "2027-04-16T12:00",
      ]);
      const off = vevent(
        "training",
        16,
        "RECURRENCE-ID:20270416T120000Z",
        "STATUS:CANCELLED",
        LATER,
      );
      await imported(fileOf(weekly(OLD), moved, off));
      expect(await starts()).deep.equals(["2027-04-02T12:00", "2027-04-10T12:00"]);
      const all = vevent("training", 3, "SUMMARY:Training", "RRULE:FREQ=WEEKLY;COUNT=2", LATER);
      await imported(fileOf(all));
      expect(await starts()).deep.equals(["2027-04-03T12:00", "2027-04-10T12:00"]);
    });

    it("bring back what was deleted if they are later, and leave it deleted if not", async () => {
      const name = nameOf(await imported(fileOf(match)));
      await bench.call(deleteEvent, { name }, ana);
      expect(counts(await imported(fileOf(match)))).to.include({ created: 0, unchanged: 1 });
      expect(await titles()).deep.equals([]);
      const later = vevent("match", 1, "SUMMARY:Match", LATER);
      expect(counts(await imported(fileOf(later)))).to.include({ created: 0, updated: 1 });
      expect(await titles()).deep.equals(["Match"]);
    });

    it("keep the UIDs of elsewhere, through an export and another import", async () => {
      const uids = async (of: string, token: string) =>
        (await exported(0, token, of)).flatMap((text) =>
          (convertIcsCalendar(undefined, text).events ?? []).map(({ uid }) => uid),
        );
      const known = ["match@club.example", "training@club.example"];
      const made = await imported(fileOf(match, weekly(OLD)));
      expect(made.events.map(({ icalUid }) => icalUid)).deep.equals(known);
      expect(await uids(parent, ana)).to.have.members(known);
      const [text = ""] = await exported(0, ana, parent);
      const there = { parent: "calendars/bea.again", icalendar: text };
      await bench.call(importEvents, there, bea);
      expect(await uids("calendars/bea.again", bea)).to.have.members(known);
      expect(counts(await imported(text))).to.include({ created: 0, updated: 0, unchanged: 2 });
    });

    it("find events of the calendar itself, those of others included", async () => {
      const event = { title: "Asked", attendees: [{ user: "users/bea" }] };
      await bench.createEvent(ana, "ana", event);
      await bench.createEvent(bea, "bea", { title: "Bea's own" });
      const own = "calendars/bea";
      const [text = ""] = await exported(0, bea, own);
      expect(text).contains("SUMMARY:Asked").and.contains("SUMMARY:Bea's own");
      const again = await bench.call(importEvents, { parent: own, icalendar: text }, bea);
      expect(counts(again)).to.include({ created: 0, updated: 0 });
    });

    it("are other events in another calendar: who is invited keeps the copy of each", async () => {
      const guests = { title: "Party", attendees: [{ user: "users/bea" }] };
      const { name } = await bench.createEvent(ana, "ana.parties", guests);
      const [text = ""] = await exported(0, ana, "calendars/ana.parties");
      const copy = await imported(text);
      const { events: asked } = await bench.call(listEvents, { parent: "calendars/bea" }, bea);
      const parties = asked.filter(({ title }) => title === "Party");
      expect(parties.map(({ organizerEvent }) => organizerEvent)).to.have.members([
        name,
        nameOf(copy),
      ]);
    });

    it("may repeat more often in all than one command can make", async () => {
      const daily = Array.from({ length: 5 }, (_, n) =>
        vevent(`daily-${n}`, 1, "SUMMARY:Daily", "RRULE:FREQ=DAILY;COUNT=300"),
      );
      expect(counts(await imported(fileOf(...daily, match)))).to.include({ created: 6 });
      expect(counts(await imported(fileOf(...daily, match)))).to.include({ unchanged: 6 });
    });
  });

  describe("that hold what no event may be", () => {
    const MASTER = "20270301T120000Z";
    const vevent = (uid: number, ...lines: readonly string[]) =>
      eventOf(`${uid}@elsewhere`, MASTER, "DTSTAMP:20270101T000000Z", ...lines);
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
        ["a long title", fileOf(vevent(1, summary(255))), fileOf(vevent(1, summary(256))), "title"],
        [
          "a long description",
          fileOf(vevent(1, "SUMMARY:x", `DESCRIPTION:${"x".repeat(8_192)}`)),
          fileOf(vevent(1, "SUMMARY:x", `DESCRIPTION:${"x".repeat(8_193)}`)),
          "description",
        ],
        [
          "an instance with a long title",
          fileOf(daily(3), instance(255)),
          fileOf(daily(3), instance(256)),
          "title",
        ],
        [
          "more attendees",
          undefined,
          fileOf(vevent(1, "SUMMARY:x", ...Array.from({ length: 201 }, attendee))),
          "attendees",
        ],
        [
          "more instances that differ",
          fileOf(daily(101), ...changed(100)),
          fileOf(daily(101), ...changed(101)),
          "100 instances",
        ],
        [
          "more events",
          fileOf(...Array.from({ length: 100 }, (_, i) => vevent(i, "SUMMARY:x"))),
          fileOf(...Array.from({ length: 101 }, (_, i) => vevent(i, "SUMMARY:x"))),
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
