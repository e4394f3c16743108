import { expect } from "chai";
import { EventService } from "../../gen/cabildo/v1/events_pb.js";
import { ChangeKind, SyncService } from "../../gen/cabildo/v1/sync_pb.js";
import type { WatchChangesResponse } from "../../gen/cabildo/v1/sync_pb.js";
import { AuthService } from "../../gen/cabildo/v1/auth_pb.js";
import { collect, failureOf, GatewayBench } from "./support.js";

const { watchChanges } = SyncService.method;

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

  it("is watched by its owner alone, from a position that speaks of it", async () => {
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

  it("ends when the caller's session was ended", async () => {
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
