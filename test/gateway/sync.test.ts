import { expect } from "chai";
import { CalendarService } from "../../gen/cabildo/v1/calendars_pb.js";
import { EventService, Transparency, Visibility } from "../../gen/cabildo/v1/events_pb.js";
import type { Event } from "../../gen/cabildo/v1/events_pb.js";
import { ChangeKind, SyncService } from "../../gen/cabildo/v1/sync_pb.js";
import type { WatchChangesResponse } from "../../gen/cabildo/v1/sync_pb.js";
import { UserService } from "../../gen/cabildo/v1/users_pb.js";
import { AuthService } from "../../gen/cabildo/v1/auth_pb.js";
import { collect, failureOf, GatewayBench } from "./support.js";

const { syncEvents, watchChanges } = SyncService.method;
const CALENDARS = CalendarService.method;

const bigints = (_: string, value: unknown): unknown =>
  typeof value === "bigint" ? String(value) : value;

describe("a watched calendar", function () {
  this.timeout(30_000);
  let bench: GatewayBench;
  let ana: string;

  beforeEach(async () => {
    bench = await GatewayBench.open();
    ana = (await bench.person("ana")).accessToken;
  });

  const changesOf = (responses: readonly WatchChangesResponse[]) =>
    responses.flatMap(({ changes }) => changes);

  it("says at once where it starts, then what changes", async () => {
    const stream = bench.stream(watchChanges, { channel: "calendars/ana" }, ana);
    const iterator = stream[Symbol.asyncIterator]();
    const first = (await iterator.next()).value as WatchChangesResponse;
    expect(first.changes).to.deep.equal([]);
    expect(bench.gateway.positions.decode(first.position)).to.have.length(1);
    const event = await bench.createEvent(ana, "ana");
    const second = (await iterator.next()).value as WatchChangesResponse;
    const [change] = second.changes;
    expect(change).to.include({
      kind: ChangeKind.CREATED,
      resourceName: event.name,
      etag: event.etag,
      shard: "events-am",
      position: event.position,
    });
    expect(change?.resource).to.deep.equal({ case: "event", value: event });
    await iterator.return?.();
  });

  it("goes on after a list with exactly what came after it", async () => {
    await bench.createEvent(ana, "ana", { title: "Before" });
    const { position } = await bench.call(
      EventService.method.listEvents,
      { parent: "calendars/ana" },
      ana,
    );
    const names = [
      (await bench.createEvent(ana, "ana")).name,
      (await bench.createEvent(ana, "ana")).name,
    ];
    await bench.createEvent(ana, "ana.work");
    const stream = bench.stream(watchChanges, { channel: "calendars/ana", position }, ana);
    const responses = await collect(stream, (all) => changesOf(all).length >= 2);
    expect(responses[0]).to.deep.include({ changes: [], position });
    expect(changesOf(responses).map(({ resourceName }) => resourceName)).to.deep.equal(names);
    const [first, second] = changesOf(responses);
    expect(second?.previousSequence).to.equal(first?.sequence);
  });

  it("cannot be watched from a place that was never reached", async () => {
    await bench.createEvent(ana, "ana");
    const parent = "calendars/ana";
    const { position } = await bench.call(EventService.method.listEvents, { parent }, ana);
    const { positions } = bench.gateway;
    const later = positions.encode(
      positions.decode(position).map((place) => ({ ...place, sequence: place.sequence + 5 })),
    );
    const watched = collect(
      bench.stream(watchChanges, { channel: parent, position: later }, ana),
      (all) => changesOf(all).length > 0,
    );
    expect(await failureOf(watched)).to.include({ code: "epoch-changed" });
  });

  it("is watched by its readers, who see of each event what they see when they read it", async () => {
    const nora = (await bench.person("nora")).accessToken;
    const parent = "calendars/ana";
    await bench.call(CALENDARS.addReader, { calendar: parent, reader: "users/nora" }, ana);
    const { position } = await bench.call(EventService.method.listEvents, { parent }, nora);
    const open = await bench.createEvent(ana, "ana", { title: "Open" });
    const busy = { title: "Dentist", visibility: Visibility.BUSY_ONLY };
    const hidden = await bench.createEvent(ana, "ana", busy);
    const visibility = Visibility.PRIVATE;
    const secret = { title: "Surprise", visibility, transparency: Transparency.TRANSPARENT };
    await bench.createEvent(ana, "ana", secret);
    const last = await bench.createEvent(ana, "ana", { title: "Last" });
    const stream = bench.stream(watchChanges, { channel: parent, position }, nora);
    const watched = changesOf(await collect(stream, (all) => changesOf(all).length >= 3));
    const synced = await bench.call(syncEvents, { parent, syncToken: position }, nora);
    for (const changes of [watched, synced.changes]) {
      expect(changes.map(({ resourceName }) => resourceName)).to.deep.equal([
        open.name,
        hidden.name,
        last.name,
      ]);
      for (const { resourceName: name, resource } of changes) {
        const read = await bench.call(EventService.method.getEvent, { name }, nora);
        expect({ ...(resource.value as Event), position: "" }).to.deep.equal({
          ...read,
          position: "",
        });
      }
    }
    expect(JSON.stringify(watched, bigints)).not.to.match(/Dentist|Surprise/u);
  });

  it("is heard by no reader any more once that was ended, also of what came before", async () => {
    const nora = (await bench.person("nora")).accessToken;
    const parent = "calendars/ana";
    const reader = { calendar: parent, reader: "users/nora" };
    await bench.call(CALENDARS.addReader, reader, ana);
    const { position } = await bench.call(EventService.method.listEvents, { parent }, nora);
    const stream = bench.stream(watchChanges, { channel: parent, position }, nora);
    const iterator = stream[Symbol.asyncIterator]();
    await iterator.next();
    await bench.createEvent(ana, "ana");
    await bench.call(CALENDARS.removeReader, reader, ana);
    const ended = (async () => {
      for (;;) if ((await iterator.next()).done === true) return;
    })();
    expect(await failureOf(ended)).to.include({ code: "not-found" });
    const sync = { parent, syncToken: position };
    expect(await failureOf(bench.call(syncEvents, sync, nora))).to.include({ code: "not-found" });
    // Who may again begins again: in between something may have been hidden.
    await bench.call(CALENDARS.addReader, reader, ana);
    const again = await failureOf(bench.call(syncEvents, sync, nora));
    expect(again).to.include({ code: "position-gone" });
  });

  it("is heard by its readers anew where its owner hides what says nothing of its own", async () => {
    const nora = (await bench.person("nora")).accessToken;
    const parent = "calendars/ana";
    await bench.call(CALENDARS.addReader, { calendar: parent, reader: "users/nora" }, ana);
    const list = () => bench.call(EventService.method.listEvents, { parent }, nora);
    const { position } = await list();
    const stream = bench.stream(watchChanges, { channel: parent, position }, nora);
    const iterator = stream[Symbol.asyncIterator]();
    await iterator.next();
    const user = { name: "users/ana", defaultVisibility: Visibility.PRIVATE };
    await bench.call(UserService.method.updateUser, { user }, ana);
    const since = (await list()).position;
    await bench.createEvent(ana, "ana", { title: "Dentist" });
    const ended = (async () => {
      for (;;) {
        const next = await iterator.next();
        if (next.done === true) return;
        expect(JSON.stringify(next.value, bigints)).not.to.include("Dentist");
      }
    })();
    expect(await failureOf(ended)).to.include({ code: "position-gone" });
    const before = bench.call(syncEvents, { parent, syncToken: position }, nora);
    expect(await failureOf(before)).to.include({ code: "position-gone" });
    const { changes } = await bench.call(syncEvents, { parent, syncToken: since }, nora);
    expect(changes).to.have.length(1);
    expect(JSON.stringify(changes, bigints)).not.to.include("Dentist");
  });

  it("is watched by nobody else, and from a position that speaks of it", async () => {
    const other = (await bench.person("nora")).accessToken;
    const next = async (request: object, token: string) =>
      await failureOf(collect(bench.stream(watchChanges, request, token), () => true));
    expect(await next({ channel: "calendars/ana" }, other)).to.include({ code: "not-found" });
    const { position } = await bench.createEvent(other, "nora");
    const foreign = await next({ channel: "calendars/ana", position }, ana);
    expect(foreign.details.violations?.[0]?.field).to.equal("position");
    const [place] = bench.gateway.positions.decode(position);
    const restored = bench.gateway.positions.encode([{ ...place!, epoch: 3 }]);
    const stream = bench.stream(
      watchChanges,
      { channel: "calendars/nora", position: restored },
      other,
    );
    expect(await failureOf(collect(stream, () => false))).to.include({ code: "epoch-changed" });
  });

  it("ends with the caller's wish, without an error", async () => {
    const abort = new AbortController();
    const stream = bench.stream(watchChanges, { channel: "calendars/ana" }, ana, abort.signal);
    setTimeout(() => abort.abort(), 20);
    expect(await collect(stream, () => false)).to.have.length(1);
  });

  it("ends with the caller's token", async () => {
    bench.clock.aheadMs += 299_500;
    const stream = bench.stream(watchChanges, { channel: "calendars/ana" }, ana);
    const failure = await failureOf(collect(stream, () => false));
    expect(failure).to.include({ code: "unauthenticated" });
  });

  it("ends when the caller's session was ended, though nothing happens", async () => {
    const stream = bench.stream(watchChanges, { channel: "calendars/ana" }, ana);
    const iterator = stream[Symbol.asyncIterator]();
    await iterator.next();
    await bench.call(AuthService.method.logout, {}, ana);
    expect(await failureOf(iterator.next())).to.include({ code: "unauthenticated" });
  });

  it("ends before what is written after the end of the caller's session", async () => {
    const stream = bench.stream(watchChanges, { channel: "calendars/ana" }, ana);
    const iterator = stream[Symbol.asyncIterator]();
    await iterator.next();
    const writer = await bench.call(AuthService.method.login, {
      userId: "ana",
      password: "correct horse battery",
    });
    await bench.call(AuthService.method.logout, {}, ana);
    await bench.createEvent(writer.accessToken, "ana");
    expect(await failureOf(iterator.next())).to.include({ code: "unauthenticated" });
  });
});
