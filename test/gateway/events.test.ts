import { expect } from "chai";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import {
  EventService,
  EventState,
  Visibility,
  Transparency,
} from "../../gen/cabildo/v1/events_pb.js";
import type { Event } from "../../gen/cabildo/v1/events_pb.js";
import { eventInit, failureOf, GatewayBench } from "./support.js";

const { createEvent, getEvent, listEvents, updateEvent, deleteEvent } = EventService.method;
const HOUR_MS = 3_600_000;

describe("events", function () {
  this.timeout(30_000);
  let bench: GatewayBench;
  let ana: string;
  let nora: string;

  before(async () => {
    bench = await GatewayBench.open();
    ana = (await bench.person("ana")).accessToken;
    nora = (await bench.person("nora")).accessToken;
  });

  async function titles(calendar: string, over: object = {}): Promise<readonly string[]> {
    const parent = `calendars/${calendar}`;
    const { events } = await bench.call(listEvents, { parent, ...over }, ana);
    return events.map(({ title }) => title);
  }

  it("are created in the shard of their calendar, and say where they stand", async () => {
    const event = await bench.createEvent(ana, "ana", { visibility: Visibility.PRIVATE });
    expect(event.name).to.match(/^calendars\/ana\/events\/e[0-9a-hjkmnp-tv-z]{26}$/);
    expect(event).to.include({
      title: "Council",
      organizer: "users/ana",
      shard: "events-am",
      visibility: Visibility.PRIVATE,
      state: EventState.CONFIRMED,
    });
    const [place] = bench.gateway.positions.decode(event.position);
    expect(event.etag).to.equal(`"r${place?.sequence}"`);
    expect((await bench.createEvent(nora, "nora")).shard).to.equal("events-nz");
    const work = await bench.createEvent(ana, "ana.work", {
      transparency: Transparency.TRANSPARENT,
    });
    expect(work.name).to.match(/^calendars\/ana\.work\//);
    expect(await bench.call(getEvent, { name: event.name }, ana)).to.deep.equal(event);
  });

  it("say what else is at the same time, wherever they are shown by themselves", async () => {
    const { accessToken } = await bench.person("carla");
    const first = await bench.createEvent(accessToken, "carla");
    expect(first.conflicts).to.deep.equal([]);
    const second = await bench.createEvent(accessToken, "carla.work", { title: "Other" });
    expect(second.conflicts.map(({ event }) => event)).to.deep.equal([first.name]);
    const found = await bench.call(getEvent, { name: first.name }, accessToken);
    expect(found.conflicts.map(({ event }) => event)).to.deep.equal([second.name]);
    expect(found.conflicts[0]?.span?.startTime?.seconds).to.equal(1_900_000_000n);
  });

  it("are created once for one request id, however the request was written down", async () => {
    const first = await bench.createEvent(ana, "ana", { labels: { b: "2", a: "1" } }, "r-1");
    const again = await bench.createEvent(ana, "ana", { labels: { a: "1", b: "2" } }, "r-1");
    expect(again).to.deep.equal(first);
    const other = bench.createEvent(ana, "ana", { title: "Other" }, "r-1");
    expect(await failureOf(other)).to.include({ code: "request-id-reused" });
  });

  it("are given again by name where the first answer was too long to keep", async () => {
    const description = "x".repeat(5_000);
    const first = await bench.createEvent(ana, "ana", { description }, "r-long");
    const again = await bench.createEvent(ana, "ana", { description }, "r-long");
    expect(again).to.deep.equal(first);
  });

  it("of someone else are not there, in the same words as those of nobody", async () => {
    const { name } = await bench.createEvent(nora, "nora");
    const stranger = await failureOf(bench.call(getEvent, { name }, ana));
    const nobody = name.replace("nora", "nobody");
    const absent = await failureOf(bench.call(getEvent, { name: nobody }, ana));
    const none = name.replace(/e[^/]+$/, `e${"0".repeat(26)}`).replace("nora", "ana");
    const own = await failureOf(bench.call(getEvent, { name: none }, ana));
    expect(stranger).to.include({ code: "not-found" });
    expect(stranger.message.replaceAll(name, "X")).to.equal(absent.message.replace(nobody, "X"));
    expect(own.message.replace(none, "X")).to.equal(absent.message.replace(nobody, "X"));
    for (const attempt of [
      bench.call(listEvents, { parent: "calendars/nora" }, ana),
      bench.call(deleteEvent, { name }, ana),
      bench.call(updateEvent, { event: { name, title: "Mine" } }, ana),
      bench.call(createEvent, { parent: "calendars/nora", event: eventInit() }, ana),
      bench.call(createEvent, { parent: "calendars/choir.group", event: eventInit() }, ana),
    ]) {
      expect(await failureOf(attempt)).to.include({ code: "not-found" });
    }
  });

  it("are refused with the fields that are at fault", async () => {
    const span = (startMs: number, endMs: number, timeZone = "") => ({
      span: {
        case: "timed" as const,
        value: { startTime: timestampFromMs(startMs), endTime: timestampFromMs(endMs), timeZone },
      },
    });
    const day = (year: number, month: number, d: number) => ({ year, month, day: d });
    const allDay = (start: object, end: object) => ({
      span: { case: "allDay" as const, value: { startDate: start, endDate: end } },
    });
    const cases: readonly [object, string][] = [
      [{ title: "" }, "event.title"],
      [{ title: "x".repeat(256) }, "event.title"],
      [{ span: { case: undefined } }, "event"],
      [span(HOUR_MS, HOUR_MS), "event.timed.end_time"],
      [span(0, HOUR_MS, "Mars/Olympus"), "event.timed.time_zone"],
      [span(0, HOUR_MS, "+02:00"), "event.timed.time_zone"],
      [allDay(day(2026, 2, 30), day(2026, 3, 1)), "event.all_day.start_date"],
      [allDay(day(2026, 3, 1), day(2026, 3, 1)), "event.all_day.end_date"],
      [{ reminders: [{ minutesBefore: -1 }] }, "event.reminders[0].minutes_before"],
      [{ visibility: 99 }, "event.visibility"],
      [
        {
          span: {
            case: "timed" as const,
            value: {
              startTime: { seconds: 999_999_999_999n },
              endTime: { seconds: 1_000_000_000_000n },
            },
          },
        },
        "event.timed.start_time",
      ],
    ];
    for (const [over, field] of cases) {
      const failure = await failureOf(bench.createEvent(ana, "ana", over));
      expect(failure, field).to.include({ code: "invalid-argument" });
      expect(failure.details.violations?.[0]?.field).to.equal(field);
    }
  });

  it("are only checked where that is all that was asked", async () => {
    const before = bench.shards.commands.length;
    const parent = "calendars/ana.checks";
    const checked = await bench.call(
      createEvent,
      { parent, event: eventInit(), validateOnly: true },
      ana,
    );
    expect(checked).to.include({ name: "", title: "Council", etag: "", position: "" });
    expect(bench.shards.commands.length).to.equal(before);
    expect(await titles("ana.checks")).to.deep.equal([]);
    const event = await bench.createEvent(ana, "ana.checks");
    const updated = await bench.call(
      updateEvent,
      { event: { name: event.name, title: "Other" }, validateOnly: true },
      ana,
    );
    expect(updated).to.include({ name: event.name, title: "Other" });
    const stale = bench.call(
      updateEvent,
      { event: { name: event.name, title: "Other", etag: '"r0"' }, validateOnly: true },
      ana,
    );
    expect(await failureOf(stale)).to.include({ code: "stale-etag" });
    await bench.call(deleteEvent, { name: event.name, validateOnly: true }, ana);
    expect(await titles("ana.checks")).to.deep.equal(["Council"]);
  });

  describe("that are updated", () => {
    let event: Event;

    beforeEach(async () => {
      event = await bench.createEvent(ana, "ana", {
        description: "Every week",
        labels: { room: "1" },
        reminders: [{ minutesBefore: 10 }],
      });
    });

    async function update(over: object, paths?: readonly string[]): Promise<Event> {
      const request = {
        event: { name: event.name, ...over },
        ...(paths === undefined ? {} : { updateMask: { paths: [...paths] } }),
      };
      return await bench.call(updateEvent, request, ana);
    }

    it("change in the fields that the mask names, and in no other", async () => {
      const updated = await update({ title: "New", description: "ignored" }, ["title"]);
      expect(updated).to.include({ title: "New", description: "Every week", sequence: 0 });
      expect(updated.etag).to.not.equal(event.etag);
      const cleared = await update({}, ["description", "labels", "reminders"]);
      expect(cleared).to.deep.include({ description: "", labels: {}, reminders: [] });
    });

    it("change in the fields that are set where there is no mask", async () => {
      const updated = await update({ title: "New", location: "Room 1" });
      expect(updated).to.include({ title: "New", location: "Room 1", description: "Every week" });
      expect(updated.span).to.deep.equal(event.span);
    });

    it("change in all fields for a star", async () => {
      const { title, span } = eventInit({ title: "New" });
      const updated = await update({ title, span }, ["*"]);
      expect(updated).to.deep.include({ title: "New", description: "", labels: {} });
      const titleless = update({ span }, ["*"]);
      expect((await failureOf(titleless)).details.violations?.[0]?.field).to.equal("event.title");
    });

    it("count a change of their time", async () => {
      const startDate = { year: 2030, month: 1, day: 1 };
      const endDate = { year: 2030, month: 1, day: 2 };
      const span = { case: "allDay" as const, value: { startDate, endDate } };
      const updated = await update({ span }, ["all_day"]);
      expect(updated.sequence).to.equal(1);
      expect(updated.span.case).to.equal("allDay");
    });

    it("name the path that there is not, and pass over what only the cluster sets", async () => {
      const unknown = await failureOf(update({ title: "New" }, ["title", "titel"]));
      expect(unknown.message).to.include("titel");
      expect(unknown.details.violations?.[0]?.field).to.equal("update_mask");
      const part = await failureOf(update({ title: "New" }, ["timed.start_time"]));
      expect(part.message).to.include("timed.start_time");
      const updated = await update({ title: "New", organizer: "users/eve" }, [
        "title",
        "organizer",
      ]);
      expect(updated.organizer).to.equal("users/ana");
      expect(await failureOf(update({}, []))).to.include({ code: "invalid-argument" });
      expect(await failureOf(update({ name: "x", title: "y" }))).to.include({
        code: "invalid-argument",
      });
    });

    it("are left alone where they have changed since", async () => {
      await update({ title: "New" });
      const late = update({ title: "Late", etag: event.etag });
      expect(await failureOf(late)).to.include({ code: "stale-etag" });
      const lateDelete = bench.call(deleteEvent, { name: event.name, etag: event.etag }, ana);
      expect(await failureOf(lateDelete)).to.include({ code: "stale-etag" });
    });

    it("can be deleted once, and looked at afterwards", async () => {
      const deleted = await bench.call(deleteEvent, { name: event.name }, ana);
      expect(deleted.deleteTime).to.not.equal(undefined);
      expect(await failureOf(bench.call(deleteEvent, { name: event.name }, ana))).to.include({
        code: "not-found",
      });
      const seen = await bench.call(getEvent, { name: event.name }, ana);
      expect(seen.deleteTime).to.deep.equal(deleted.deleteTime);
    });
  });

  describe("that are listed", () => {
    const parent = "calendars/ana.pages";

    before(async () => {
      for (let n = 0; n < 7; n++) await create(`E${n}`, n);
    });

    async function create(title: string, hour: number): Promise<Event> {
      const startTime = timestampFromMs(1_900_000_000_000 + hour * HOUR_MS);
      const endTime = timestampFromMs(1_900_000_000_000 + (hour + 1) * HOUR_MS);
      const span = { case: "timed" as const, value: { startTime, endTime } };
      return await bench.createEvent(ana, "ana.pages", { title, span });
    }

    it("come page by page, in order, each with the first page's position", async () => {
      const first = await bench.call(listEvents, { parent, pageSize: 3 }, ana);
      expect(first.events.map(({ title }) => title)).to.deep.equal(["E0", "E1", "E2"]);
      await create("Between", 1);
      const second = await bench.call(
        listEvents,
        { parent, pageSize: 2, pageToken: first.nextPageToken },
        ana,
      );
      expect(second.events.map(({ title }) => title)).to.deep.equal(["E3", "E4"]);
      expect(second.position).to.equal(first.position);
      const third = await bench.call(listEvents, { parent, pageToken: second.nextPageToken }, ana);
      expect(third.events.map(({ title }) => title)).to.deep.equal(["E5", "E6"]);
      expect(third.nextPageToken).to.equal("");
      expect(third.position).to.equal(first.position);
    });

    it("have page tokens for one caller and one query", async () => {
      const { nextPageToken: pageToken } = await bench.call(
        listEvents,
        { parent, pageSize: 3 },
        ana,
      );
      for (const [request, token] of [
        [{ parent, pageToken, showDeleted: true }, ana],
        [{ parent: "calendars/ana", pageToken }, ana],
        [{ parent: "calendars/nora", pageToken }, nora],
        [{ parent, pageToken: `${pageToken}x` }, ana],
        [{ parent, pageToken: "nonsense" }, ana],
      ] as const) {
        const failure = await failureOf(bench.call(listEvents, request, token));
        expect(failure.details.violations?.[0]?.field).to.equal("page_token");
      }
    });

    it("are those that overlap the window", async () => {
      const startTime = timestampFromMs(1_900_000_000_000 + 2 * HOUR_MS);
      const endTime = timestampFromMs(1_900_000_000_000 + 4 * HOUR_MS);
      expect(await titles("ana.pages", { startTime, endTime })).to.deep.equal(["E2", "E3"]);
      const backwards = titles("ana.pages", { startTime: endTime, endTime: startTime });
      expect(await failureOf(backwards)).to.include({ code: "invalid-argument" });
    });

    it("are read no older than a position that the caller has seen", async () => {
      const { position } = await create("Seen", 9);
      expect(await titles("ana.pages", { position, pageSize: 100 })).to.include("Seen");
      const [place] = bench.gateway.positions.decode(position);
      const restored = bench.gateway.positions.encode([{ ...place!, epoch: 9 }]);
      const call = bench.call(listEvents, { parent, position: restored }, ana);
      expect(await failureOf(call)).to.include({ code: "epoch-changed" });
      const foreign = bench.call(listEvents, { parent, position: "AAAA" }, ana);
      expect((await failureOf(foreign)).details.violations?.[0]?.field).to.equal("position");
    });
  });
});
