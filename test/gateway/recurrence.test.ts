import { expect } from "chai";
import { timestampDate, timestampFromDate } from "@bufbuild/protobuf/wkt";
import { EventService } from "../../gen/cabildo/v1/events_pb.js";
import type { Event } from "../../gen/cabildo/v1/events_pb.js";
import { eventInit, failureOf, GatewayBench } from "./support.js";

const { createEvent, getEvent, listEvents, listInstances, updateEvent, deleteEvent } =
  EventService.method;

const at = (text: string) => timestampFromDate(new Date(text));
const timed = (start: string, end: string) => ({
  case: "timed" as const,
  value: { startTime: at(start), endTime: at(end), timeZone: "America/New_York" },
});

function startOf(event: Event | undefined): string {
  if (event?.span.case !== "timed" || event.span.value.startTime === undefined) return "";
  return timestampDate(event.span.value.startTime).toISOString().slice(0, 16);
}

describe("events that repeat", function () {
  this.timeout(30_000);
  let bench: GatewayBench;
  let ana: string;

  before(async () => {
    bench = await GatewayBench.open();
    ana = (await bench.person("ana")).accessToken;
  });

  async function weekly(calendar: string): Promise<Event> {
    return await bench.createEvent(ana, calendar, {
      span: timed("2027-03-01T14:00:00Z", "2027-03-01T15:00:00Z"),
      recurrence: ["RRULE:FREQ=WEEKLY;COUNT=4"],
    });
  }

  it("are listed as their instances in a window, at the same time of day all year", async () => {
    const event = await weekly("ana.a");
    expect(event.recurrence).deep.equals(["RRULE:FREQ=WEEKLY;COUNT=4"]);
    const parent = "calendars/ana.a";
    const window = { startTime: at("2027-03-08T00:00:00Z"), endTime: at("2027-03-20T00:00:00Z") };
    const { events } = await bench.call(listEvents, { parent, ...window }, ana);
    // Clocks go forward on the 14th.
    expect(events.map(startOf)).deep.equals(["2027-03-08T14:00", "2027-03-15T13:00"]);
    expect(events[1]?.name).equals(`${event.name}_20270315t130000z`);
    expect(events[1]?.recurringEvent).equals(event.name);
    const whole = await bench.call(listEvents, { parent }, ana);
    expect(whole.events.map(({ name }) => name)).deep.equals([event.name]);
  });

  it("have their instances listed, cancelled and changed one by one", async () => {
    const { name: parent } = await weekly("ana.b");
    const second = `${parent}_20270308t140000z`;
    const last = `${parent}_20270322t130000z`;
    await bench.call(deleteEvent, { name: second }, ana);
    const moved = {
      name: last,
      title: "Last one",
      span: timed("2027-03-23T10:00:00Z", "2027-03-23T11:00:00Z"),
    };
    const written = await bench.call(updateEvent, { event: moved }, ana);
    expect(written).to.include({ name: last, title: "Last one", recurringEvent: parent });
    const first = await bench.call(listInstances, { parent, pageSize: 2 }, ana);
    const { nextPageToken: pageToken } = first;
    const rest = await bench.call(listInstances, { parent, pageSize: 2, pageToken }, ana);
    expect([...first.instances, ...rest.instances].map(startOf)).deep.equals([
      "2027-03-01T14:00",
      "2027-03-15T13:00",
      "2027-03-23T10:00",
    ]);
    expect(rest.nextPageToken).equals("");
  });

  it("keep repeating when they are moved, and keep their time when they repeat otherwise", async () => {
    const { name, etag } = await weekly("ana.c");
    const span = timed("2027-03-02T14:00:00Z", "2027-03-02T15:00:00Z");
    await bench.call(updateEvent, { event: { name, span, etag } }, ana);
    const recurrence = ["RRULE:FREQ=DAILY;COUNT=2"];
    await bench.call(updateEvent, { event: { name, recurrence } }, ana);
    const { instances } = await bench.call(listInstances, { parent: name }, ana);
    expect(instances.map(startOf)).deep.equals(["2027-03-02T14:00", "2027-03-03T14:00"]);
    const none = { event: { name }, updateMask: { paths: ["recurrence"] } };
    expect((await bench.call(updateEvent, none, ana)).recurrence).deep.equals([]);
    const attempt = bench.call(listInstances, { parent: name }, ana);
    expect(await failureOf(attempt)).to.include({ code: "failed-precondition" });
    expect(startOf(await bench.call(getEvent, { name }, ana))).equals("2027-03-02T14:00");
  });

  it("are refused where nobody can tell when they are, in words that say why", async () => {
    for (const line of ["RRULE:FREQ=SECONDLY", "nonsense", "RRULE:FREQ=DAILY;BYDAY=XX"]) {
      const failure = await failureOf(bench.createEvent(ana, "ana", { recurrence: [line] }));
      expect(failure.details.violations?.[0]?.field).equals("event.recurrence");
    }
  });

  it("are only checked where that is all that was asked", async () => {
    const event = eventInit({ recurrence: ["RRULE:FREQ=DAILY"] });
    const request = { parent: "calendars/ana.d", event, validateOnly: true };
    expect((await bench.call(createEvent, request, ana)).recurrence).to.have.lengthOf(1);
    const { events } = await bench.call(listEvents, { parent: "calendars/ana.d" }, ana);
    expect(events).deep.equals([]);
  });
});

describe("a filter of events", function () {
  this.timeout(30_000);
  let bench: GatewayBench;
  let ana: string;
  const parent = "calendars/ana";

  before(async () => {
    bench = await GatewayBench.open();
    ana = (await bench.person("ana")).accessToken;
    await bench.createEvent(ana, "ana", { title: "A", labels: { team: "red", "a b": "x y" } });
    await bench.createEvent(ana, "ana", { title: "B", labels: { team: "blue" } });
    await bench.createEvent(ana, "ana", { title: "C" });
  });

  /** Sorted: ids of events that were made in one millisecond are in any order. */
  async function titles(filter: string): Promise<string> {
    const pages: string[] = [];
    let pageToken = "";
    do {
      const page = await bench.call(listEvents, { parent, filter, pageSize: 1, pageToken }, ana);
      pages.push(...page.events.map(({ title }) => title));
      pageToken = page.nextPageToken;
    } while (pageToken !== "");
    return pages.sort().join("");
  }

  it("lists what is as all its conditions say, page by page", async () => {
    expect(await titles("labels.team = red")).equals("A");
    expect(await titles("labels.team != red")).equals("BC");
    expect(await titles('labels."a b" = "x y" AND state = CONFIRMED')).equals("A");
    expect(await titles("owner=users/ana AND labels.team=blue")).equals("B");
    expect(await titles("organizer = users/bea")).equals("");
    expect(await titles("state != CONFIRMED")).equals("");
  });

  it("is refused where it is not understood", async () => {
    for (const filter of ["x", "state = 5", "a = b OR c = d", "state = PENDING AND", "(a = b)"]) {
      const failure = await failureOf(bench.call(listEvents, { parent, filter }, ana));
      expect(failure.details.violations?.[0]?.field).equals("filter");
    }
  });
});
