import { expect } from "chai";
import { timestampDate, timestampFromDate } from "@bufbuild/protobuf/wkt";
import { AgendaService } from "../../gen/cabildo/v1/agenda_pb.js";
import { NotificationService } from "../../gen/cabildo/v1/notifications_pb.js";
import { SyncService } from "../../gen/cabildo/v1/sync_pb.js";
import { EventService } from "../../gen/cabildo/v1/events_pb.js";
import { GroupKind, GroupService } from "../../gen/cabildo/v1/groups_pb.js";
import type { TimedSpan } from "../../gen/cabildo/v1/events_pb.js";
import { suggestTimes } from "../../src/gateway/suggest-times.js";
import { SYSTEM } from "../support/agenda.js";
import { failureOf, GatewayBench } from "./support.js";

const { listAgenda, queryFreeBusy, suggestTimes: suggest } = AgendaService.method;
const { listNotifications, markNotificationRead, markAllNotificationsRead } =
  NotificationService.method;
const { syncEvents } = SyncService.method;
const { listEvents, deleteEvent } = EventService.method;

const at = (text: string) => timestampFromDate(new Date(text));
const day = { startTime: at("2027-03-01T00:00:00Z"), endTime: at("2027-03-02T00:00:00Z") };
const EVENTS_NZ = 2;

function timed(from: string, to: string) {
  const [startTime, endTime] = [at(`2027-03-01T${from}:00Z`), at(`2027-03-01T${to}:00Z`)];
  return { case: "timed" as const, value: { startTime, endTime, timeZone: "UTC" } };
}

function hours(span: TimedSpan | undefined): string {
  const hour = (time: TimedSpan["startTime"]): string =>
    time === undefined ? "" : timestampDate(time).toISOString().slice(11, 16);
  return `${hour(span?.startTime)}-${hour(span?.endTime)}`;
}

/** They are peers then, who see when the other is busy. */
async function befriend(bench: GatewayBench, token: string, user: string): Promise<void> {
  const group = { kind: GroupKind.PEER };
  await bench.call(GroupService.method.createGroup, { groupId: "duo", group }, token);
  const member = { user, rank: 1 };
  await bench.call(GroupService.method.addMember, { parent: "groups/duo", member }, token);
}

describe("the agenda of several people", function () {
  this.timeout(30_000);
  let bench: GatewayBench;
  let ana: string;
  let nora: string;

  before(async () => {
    bench = await GatewayBench.open();
    ana = (await bench.person("ana")).accessToken;
    nora = (await bench.person("nora")).accessToken;
    await befriend(bench, ana, "users/nora");
    await bench.createEvent(ana, "ana", { title: "A1", span: timed("09:00", "10:00") });
    await bench.createEvent(nora, "nora", { title: "N1", span: timed("09:30", "11:00") });
    await bench.createEvent(ana, "ana.work", { title: "A2", span: timed("12:00", "13:00") });
    await bench.createEvent(nora, "nora", { title: "N2", span: timed("15:00", "16:00") });
    await bench.createEvent(ana, "ana", {
      title: "A3",
      span: timed("16:00", "17:00"),
      recurrence: ["RRULE:FREQ=DAILY;COUNT=3"],
    });
  });
  afterEach(() => {
    bench.shards.away.clear();
  });

  it("is merged from all shards in order, page by page", async () => {
    for (const pageSize of [0, 1, 2, 3]) {
      const titles: string[] = [];
      let pageToken = "";
      const positions = new Set<string>();
      do {
        const request = { users: ["users/nora", "users/ana"], ...day, pageSize, pageToken };
        const page = await bench.call(listAgenda, request, ana);
        titles.push(...page.events.map(({ title }) => title));
        positions.add(page.position);
        pageToken = page.nextPageToken;
      } while (pageToken !== "");
      expect(titles).deep.equals(["A1", "", "A2", "", "A3"]);
      expect(positions.size).equals(1);
    }
  });

  it("is one's own where nobody is named", async () => {
    const { events, unreachable } = await bench.call(listAgenda, day, nora);
    expect(events.map(({ title }) => title)).deep.equals(["N1", "N2"]);
    expect(unreachable).deep.equals([]);
  });

  it("says which shards did not answer, and what the others have", async () => {
    bench.shards.away.add(EVENTS_NZ);
    const users = ["users/nora", "users/ana"];
    const { events, unreachable } = await bench.call(listAgenda, { users, ...day }, ana);
    expect(events.map(({ title }) => title)).deep.equals(["A1", "A2", "A3"]);
    expect(unreachable).deep.equals(["events-nz"]);
    const calendars = ["calendars/nora", "calendars/ana"];
    const busy = await bench.call(queryFreeBusy, { calendars, ...day }, ana);
    expect(busy.calendars.map(({ error }) => error !== "")).deep.equals([true, false]);
    expect(busy.unreachable).deep.equals(["events-nz"]);
  });

  it("has free and busy times without a word of what is on", async () => {
    const calendars = ["calendars/nora", "calendars/ana", "calendars/nobody"];
    const busy = await bench.call(queryFreeBusy, { calendars, ...day }, ana);
    expect(busy.calendars.map(({ spans }) => spans.map(hours))).deep.equals([
      ["09:30-11:00", "15:00-16:00"],
      ["09:00-10:00", "16:00-17:00"],
      [],
    ]);
    expect(busy.calendars.map(({ error }) => error)).deep.equals([
      "",
      "",
      "there is no such calendar, or you may not see when it is busy",
    ]);
  });

  it("has times for all of them", async () => {
    const { suggestions } = await bench.call(
      suggest,
      {
        required: ["users/ana", "users/nora"],
        duration: { seconds: 3_600n, nanos: 0 },
        startTime: at("2027-03-01T09:00:00Z"),
        endTime: at("2027-03-01T18:00:00Z"),
        maxResults: 2,
      },
      ana,
    );
    expect(suggestions.map(({ span }) => hours(span))).deep.equals(["11:00-12:00", "13:00-14:00"]);
    expect(suggestions[0]?.available).deep.equals(["users/ana", "users/nora"]);
  });

  it("is refused without a window, or for groups that one is not in", async () => {
    const { startTime } = day;
    expect(await failureOf(bench.call(listAgenda, { startTime }, ana))).to.include({
      code: "invalid-argument",
    });
    const group = "groups/choir";
    expect(await failureOf(bench.call(listAgenda, { ...day, group }, ana))).to.include({
      code: "not-found",
    });
  });
});

describe("suggested times", () => {
  const HOUR_MS = 3_600_000;
  const start = Date.UTC(2027, 2, 1);
  const person = (
    name: string,
    required: boolean,
    ...busy: readonly (readonly [number, number])[]
  ) => ({
    name,
    required,
    busy: busy.map(([from, to]) => ({
      startMs: start + from * HOUR_MS,
      endMs: start + to * HOUR_MS,
    })),
    timeZone: "UTC",
    workingHours: [],
  });
  const search = {
    durationMs: HOUR_MS,
    windowStartMs: start + 9 * HOUR_MS,
    windowEndMs: start + 13 * HOUR_MS,
    workingHoursOnly: false,
    resultsMax: 1,
  };
  const best = (...participants: readonly ReturnType<typeof person>[]): number =>
    ((suggestTimes({ ...search, participants })[0]?.startMs ?? 0) - start) / HOUR_MS;

  it("are the earliest where all can come", () => {
    expect(best(person("a", true), person("b", false))).equals(9);
  });

  it("need the required people more than any number of optional ones", () => {
    const optional = Array.from({ length: 5 }, (_, i) => person(`o${i}`, false, [10, 13]));
    expect(best(person("a", true, [9, 12]), ...optional)).equals(12);
    expect(best(person("a", true, [9, 10]), person("o", false, [10, 12]))).equals(12);
  });

  it("stay within working hours by each one's own clock", () => {
    const hours = [{ weekday: 1, startMinute: 9 * 60, endMinute: 17 * 60 }];
    const far = { ...person("a", true), timeZone: "America/New_York", workingHours: hours };
    const wide = { ...search, windowEndMs: start + 24 * HOUR_MS, workingHoursOnly: true };
    const [found] = suggestTimes({ ...wide, participants: [far] });
    expect(((found?.startMs ?? 0) - start) / HOUR_MS).equals(14);
  });
});

describe("a sync", function () {
  this.timeout(30_000);
  let bench: GatewayBench;
  let ana: string;
  const parent = "calendars/ana";

  before(async () => {
    bench = await GatewayBench.open();
    ana = (await bench.person("ana")).accessToken;
  });

  it("has what changed since a list, deletions included, page by page", async () => {
    await bench.createEvent(ana, "ana", { title: "Old" });
    const { position } = await bench.call(listEvents, { parent }, ana);
    const { name } = await bench.createEvent(ana, "ana", { title: "New" });
    await bench.createEvent(ana, "ana.other", { title: "Elsewhere" });
    await bench.call(deleteEvent, { name }, ana);
    const seen: string[] = [];
    let syncToken = position;
    for (let more = true; more;) {
      const page = await bench.call(syncEvents, { parent, syncToken, pageSize: 1 }, ana);
      seen.push(...page.changes.map(({ kind, resourceName }) => `${kind} ${resourceName}`));
      syncToken = page.nextSyncToken;
      more = page.more;
    }
    expect(seen).deep.equals([`1 ${name}`, `3 ${name}`]);
    const after = await bench.call(syncEvents, { parent, syncToken }, ana);
    expect(after).to.deep.include({ changes: [], more: false });
  });

  it("begins with a position of the calendar, and of nobody else's", async () => {
    for (const syncToken of ["", "nonsense"]) {
      const failure = await failureOf(bench.call(syncEvents, { parent, syncToken }, ana));
      expect(failure.details.violations?.[0]?.field).equals("sync_token");
    }
    const { position: syncToken } = await bench.call(listEvents, { parent }, ana);
    const foreign = bench.call(syncEvents, { parent: "calendars/nora", syncToken }, ana);
    expect(await failureOf(foreign)).to.include({ code: "not-found" });
  });
});

describe("notifications", function () {
  this.timeout(30_000);

  it("are listed and marked by whom they were for", async () => {
    const bench = await GatewayBench.open();
    const ana = (await bench.person("ana")).accessToken;
    const nora = (await bench.person("nora")).accessToken;
    const startTime = timestampFromDate(new Date(Date.now() + 3_600_000));
    const endTime = timestampFromDate(new Date(Date.now() + 7_200_000));
    const span = { case: "timed" as const, value: { startTime, endTime } };
    const reminders = [{ minutesBefore: 10 }, { minutesBefore: 5 }];
    const { name } = await bench.createEvent(ana, "ana", { span, reminders });
    bench.clock.aheadMs = 3_600_000;
    for (let i = 0; i < 2; i++) {
      const operation = { kind: "fire-reminders", limit: 20 } as const;
      const command = { caller: SYSTEM, requestId: "", fingerprint: "", operation };
      await bench.shards.execute(1, command, { timeoutMs: 1_000 });
    }
    const parent = "users/ana";
    // Access tokens end within the hour.
    bench.clock.aheadMs = 0;
    const { notifications } = await bench.call(listNotifications, { parent }, ana);
    expect(notifications.map(({ subject, type }) => [type, subject])).deep.equals([
      ["reminder", name],
      ["reminder", name],
    ]);
    const first = notifications[0]?.name ?? "";
    const read = await bench.call(markNotificationRead, { name: first }, ana);
    expect(read.readTime).not.equals(undefined);
    const stranger = bench.call(markNotificationRead, { name: first }, nora);
    expect(await failureOf(stranger)).to.include({ code: "not-found" });
    await bench.call(markAllNotificationsRead, { parent }, ana);
    const unread = await bench.call(listNotifications, { parent, unreadOnly: true }, ana);
    expect(unread.notifications).deep.equals([]);
    expect(await failureOf(bench.call(listNotifications, { parent }, nora))).to.include({
      code: "not-found",
    });
  });
});
