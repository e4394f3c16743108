import { expect } from "chai";
import { CalendarService, ConflictPolicy } from "../../gen/cabildo/v1/calendars_pb.js";
import { EventService } from "../../gen/cabildo/v1/events_pb.js";
import { GroupService } from "../../gen/cabildo/v1/groups_pb.js";
import { failureOf, GatewayBench } from "./support.js";

const { method } = CalendarService;
const { getEvent, listEvents } = EventService.method;
const EVENTS_NZ = 2;

describe("calendars", function () {
  this.timeout(30_000);
  let bench: GatewayBench;
  let ana: string;
  let nora: string;

  before(async () => {
    bench = await GatewayBench.open();
    ana = (await bench.person("ana")).accessToken;
    nora = (await bench.person("nora")).accessToken;
  });

  it("open their channel to their readers, and to nobody who only might look", async () => {
    const callerOf = async (token: string) => (await bench.gateway.authenticate(token)).caller;
    const [owner, reader] = [await callerOf(ana), await callerOf(nora)];
    const name = "calendars/ana.shared";
    const calendar = { displayName: "Shared" };
    await bench.call(method.createCalendar, { calendarId: "ana.shared", calendar }, ana);
    expect(await bench.gateway.authorizeChannel(owner, name)).to.deep.equal({ since: 0 });
    const asked = (channel: string) => bench.gateway.authorizeChannel(reader, channel);
    expect(await failureOf(asked(name))).to.include({ code: "not-found" });
    await bench.call(method.addReader, { calendar: name, reader: "users/nora" }, ana);
    const { since, reader: grant } = await asked(name);
    expect(grant).to.deep.include({ seesAll: false, asMember: false, through: ["users/ana"] });
    expect(grant?.asOf).to.be.at.least(since);
    const event = "events/ana.shared/e00000000000000000000000001";
    expect((await asked(event)).reader).to.include({ seesAll: false });
    await bench.call(method.removeReader, { calendar: name, reader: "users/nora" }, ana);
    expect(await failureOf(asked(name))).to.include({ code: "not-found" });
    await bench.call(method.deleteCalendar, { name }, ana);
  });

  it("are made, read, changed and deleted by name", async () => {
    const calendarId = "ana.work";
    const calendar = { displayName: "Work", timeZone: "Europe/Madrid" };
    const request = { calendarId, calendar, validateOnly: true };
    const preview = await bench.call(method.createCalendar, request, ana);
    expect(preview).to.include({ name: "calendars/ana.work", displayName: "Work" });
    await bench.call(method.createCalendar, { ...request, validateOnly: false }, ana);
    const again = failureOf(bench.call(method.createCalendar, request, ana));
    expect(await again).to.include({ code: "already-exists" });

    const name = "calendars/ana.work";
    const found = await bench.call(method.getCalendar, { name }, ana);
    expect(found).to.include({
      owner: "users/ana",
      timeZone: "Europe/Madrid",
      conflictPolicy: ConflictPolicy.ALLOW,
      shard: "events-am",
    });
    const { etag } = found;
    const change = { name, conflictPolicy: ConflictPolicy.REJECT, etag };
    const changed = await bench.call(method.updateCalendar, { calendar: change }, ana);
    expect(changed).to.include({ displayName: "Work", conflictPolicy: ConflictPolicy.REJECT });
    const stale = failureOf(bench.call(method.updateCalendar, { calendar: change }, ana));
    expect(await stale).to.include({ code: "stale-etag" });
    await bench.call(method.deleteCalendar, { name }, ana);
    expect(await failureOf(bench.call(method.getCalendar, { name }, ana))).to.include({
      code: "not-found",
    });
  });

  it("refuse a time zone that nobody knows", async () => {
    const calendar = { name: "calendars/ana", timeZone: "Mars/Olympus" };
    const call = bench.call(method.updateCalendar, { calendar }, ana);
    expect(await failureOf(call)).to.include({ code: "invalid-argument" });
  });

  it("of others are as if they were not, until they are shared", async () => {
    const event = await bench.createEvent(ana, "ana");
    const names = [event.name, event.name.replace("calendars/ana/", "calendars/zoe/")];
    const [there = "", nowhere = ""] = await Promise.all(
      names.map(async (name) => (await failureOf(bench.call(getEvent, { name }, nora))).message),
    );
    expect(there).to.equal(nowhere.replace("calendars/zoe/", "calendars/ana/"));
    const parent = "calendars/ana";
    expect(await failureOf(bench.call(listEvents, { parent }, nora))).to.include({
      code: "not-found",
    });
    const share = { calendar: parent, reader: "users/nora" };
    expect(await failureOf(bench.call(method.addReader, share, nora))).to.include({
      code: "not-found",
    });
    const nobody = { ...share, reader: "users/nobody" };
    expect(await failureOf(bench.call(method.addReader, nobody, ana))).to.include({
      code: "invalid-argument",
    });
    const shared = await bench.call(method.addReader, share, ana);
    expect(shared.readers).to.deep.equal(["users/nora"]);
    expect((await bench.call(getEvent, { name: event.name }, nora)).title).to.equal("Council");
    expect((await bench.call(listEvents, { parent }, nora)).events).to.have.lengthOf(1);
    await bench.call(method.removeReader, share, ana);
    expect(await failureOf(bench.call(getEvent, { name: event.name }, nora))).to.include({
      code: "not-found",
    });
  });

  it("are listed from all shards: own ones, those of groups, and shared ones", async () => {
    await bench.call(GroupService.method.createGroup, { groupId: "zumba", group: {} }, ana);
    await bench.call(method.addReader, { calendar: "calendars/nora", reader: "users/ana" }, nora);
    await bench.createEvent(ana, "ana.home");
    const names: string[] = [];
    let pageToken = "";
    do {
      const page = await bench.call(method.listCalendars, { pageSize: 3, pageToken }, ana);
      names.push(...page.calendars.map(({ name }) => name));
      pageToken = page.nextPageToken;
    } while (pageToken !== "");
    expect(names).to.deep.equal([
      "calendars/ana",
      "calendars/ana.home",
      "calendars/nora",
      "calendars/zumba.group",
    ]);
    bench.shards.away.add(EVENTS_NZ);
    const partial = await bench.call(method.listCalendars, {}, ana);
    bench.shards.away.delete(EVENTS_NZ);
    expect(partial.unreachable).to.deep.equal(["events-nz"]);
    expect(partial.calendars.map(({ name }) => name)).to.deep.equal([
      "calendars/ana",
      "calendars/ana.home",
    ]);
  });
});
