import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { expect } from "chai";
import { eventually } from "../support/eventually.js";
import { LiveSubscriber } from "../support/live-subscriber.js";
import { CABILDO, UpCluster } from "../support/up-cluster.js";
import type { Person } from "../support/up-cluster.js";

const run = promisify(execFile);

describe("a running cluster", function () {
  this.timeout(180_000);
  let cluster: UpCluster;
  let ana: Person;
  let nora: Person;

  before(async () => {
    cluster = await UpCluster.start();
    ana = await cluster.person("ana");
    nora = await cluster.person("nora");
  });

  after(async () => {
    await cluster.stop();
  });

  for (const [user, shard] of [
    ["alba", "events-am"],
    ["mar", "events-am"],
    ["nil", "events-nz"],
    ["zoe", "events-nz"],
  ] as const) {
    it(`keeps the calendar of ${user} in ${shard}`, async () => {
      const person = await cluster.person(user);
      const event = await createEvent(person, user, "first");
      expect(event.shard).to.equal(shard);
      const work = await createEvent(person, `${user}.work`, "second");
      expect(work.shard).to.equal(shard);
    });
  }

  it("creates, gets, lists, updates and deletes an event", async () => {
    const created = await createEvent(ana, "ana", "Tea");
    const got = await ana.events.getEvent({ name: created.name });
    expect(got.title).to.equal("Tea");
    const updated = await ana.events.updateEvent({
      event: { name: created.name, title: "Coffee", etag: got.etag },
      updateMask: { paths: ["title"] },
    });
    expect(updated.title).to.equal("Coffee");
    expect(updated.span).to.deep.equal(got.span);
    const { events } = await ana.events.listEvents({ parent: "calendars/ana" });
    expect(events.map(({ title }) => title)).to.include("Coffee");
    await ana.events.deleteEvent({ name: created.name });
    const after = await ana.events.listEvents({ parent: "calendars/ana" });
    expect(after.events.map(({ name }) => name)).to.not.include(created.name);
  });

  it("refuses a write that is based on an older version", async () => {
    const created = await createEvent(ana, "ana", "Walk");
    await ana.events.updateEvent({
      event: { name: created.name, title: "Run" },
      updateMask: { paths: ["title"] },
    });
    const late = ana.events.updateEvent({
      event: { name: created.name, title: "Crawl", etag: created.etag },
      updateMask: { paths: ["title"] },
    });
    expect(await codeOf(late)).to.equal("aborted");
  });

  it("shows nobody another's calendar, and does not say whether there is one", async () => {
    const secret = await createEvent(nora, "nora", "Secret");
    const stranger = ana.events.getEvent({ name: secret.name });
    const absent = ana.events.getEvent({ name: secret.name.replace("nora", "nobody") });
    const [a, b] = await Promise.all([messageOf(stranger), messageOf(absent)]);
    expect(a.replaceAll("nora", "X")).to.equal(b.replaceAll("nobody", "X"));
    expect(await codeOf(ana.events.getEvent({ name: secret.name }))).to.equal("not_found");
    expect(await codeOf(createEvent(ana, "nora", "Mine"))).to.equal("not_found");
  });

  it("answers a repeated request id with the first answer", async () => {
    const request = eventRequest("ana", "Once");
    const requestId = crypto.randomUUID();
    const first = await ana.events.createEvent({ ...request, requestId });
    await createEvent(ana, "ana", "Something else");
    const second = await ana.events.createEvent({ ...request, requestId });
    expect(second.name).to.equal(first.name);
    expect(second.etag).to.equal(first.etag);
    const other = ana.events.createEvent({ ...eventRequest("ana", "Twice"), requestId });
    expect(await codeOf(other)).to.equal("invalid_argument");
  });

  it("answers a repeated request id with the first answer after the leader died", async () => {
    const status = await cluster.healthy();
    const leader = status.shards.find(({ name }) => name === "events-am")?.leader ?? "";
    const request = eventRequest("ana", "Before the crash");
    const requestId = crypto.randomUUID();
    const first = await ana.events.createEvent({ ...request, requestId });
    await cluster.kill(leader);
    const second = await ana.events.createEvent({ ...request, requestId });
    expect(second.name).to.equal(first.name);
    expect(second.etag).to.equal(first.etag);
    await cluster.healthy();
  });

  it("makes a group and adds a member, who hears of it", async () => {
    const subscriber = listen(nora, ["users/nora"]);
    await subscriber.subscribed;
    const group = await ana.groups.createGroup({
      groupId: "choir",
      group: { displayName: "Choir", kind: 2 },
    });
    const member = await ana.groups.addMember({
      parent: group.name,
      member: { user: "users/nora", role: 3, rank: 1 },
    });
    expect(member.name).to.equal("groups/choir/members/nora");
    const { members } = await nora.groups.listMembers({ parent: group.name });
    expect(members.map(({ user }) => user)).to.have.members(["users/ana", "users/nora"]);
    await eventually(
      () => subscriber.pushes.some(({ change }) => change.resourceName === member.name),
      { timeoutMs: 20_000, what: "the push about the membership" },
    );
    subscriber.close();
  });

  it("pushes each change once and in order, also to whoever was away for a while", async () => {
    const subscriber = listen(nora, ["calendars/nora", "users/nora"]);
    await subscriber.subscribed;
    const titles: string[] = [];
    for (let n = 0; n < 30; n++) {
      titles.push(`Push ${n}`);
      await createEvent(nora, "nora", `Push ${n}`);
      if (n % 10 === 5) subscriber.drop();
    }
    const heard = (): string[] =>
      subscriber.pushes.map(({ change }) => change.event?.title ?? change.resourceName);
    await eventually(() => heard().length >= titles.length, {
      timeoutMs: 30_000,
      what: "all pushes",
    });
    expect(heard()).to.deep.equal(titles);
    expect(subscriber.problems).to.deep.equal([]);
    subscriber.close();
  });

  it("streams changes to a gRPC client from the position of a list", async () => {
    const { position } = await ana.events.listEvents({ parent: "calendars/ana" });
    const created = await createEvent(ana, "ana", "Streamed");
    const abort = new AbortController();
    const names: string[] = [];
    try {
      const stream = ana.sync.watchChanges(
        { channel: "calendars/ana", position },
        { signal: abort.signal },
      );
      for await (const { changes } of stream) {
        names.push(...changes.map(({ resourceName }) => resourceName));
        if (names.length > 0) abort.abort();
      }
    } catch (error) {
      if (!abort.signal.aborted) throw error;
    }
    expect(names[0]).to.equal(created.name);
  });

  it("reads its own writes at a position", async () => {
    const event = await createEvent(nora, "nora", "Mine");
    const list = await nora.events.listEvents({
      parent: "calendars/nora",
      position: event.position,
      pageSize: 1000,
    });
    expect(list.events.map(({ name }) => name)).to.include(event.name);
  });

  it("refreshes a session, and ends it when an old refresh token comes back late", async () => {
    const first = await ana.auth.refresh({ refreshToken: ana.refreshToken });
    expect(first.refreshToken).to.not.equal(ana.refreshToken);
    const second = await ana.auth.refresh({ refreshToken: first.refreshToken });
    expect(second.accessToken).to.not.equal("");
    expect(await codeOf(ana.auth.refresh({ refreshToken: ana.refreshToken }))).to.equal(
      "unauthenticated",
    );
    expect(await codeOf(ana.auth.refresh({ refreshToken: second.refreshToken }))).to.equal(
      "unauthenticated",
    );
  });

  it("tells an operator about every shard", async () => {
    const { stdout } = await run(process.execPath, [
      CABILDO,
      "status",
      "--json",
      "--data",
      cluster.ready.dataDir,
    ]);
    const status = JSON.parse(stdout) as { shards: { name: string; leader: string }[] };
    expect(status.shards.map(({ name }) => name)).to.have.members([
      "events-am",
      "events-nz",
      "groups",
      "users",
      "system",
    ]);
    for (const { leader } of status.shards) expect(leader).to.match(/^node-/);
  });

  it("says who it is on the metrics of every process", async () => {
    for (const { name, url } of cluster.ready.metrics) {
      const { stdout } = await run("curl", ["-sS", "--cacert", cluster.ready.ca, url]);
      expect(stdout, name).to.include("cabildo_build_info");
    }
  });

  function listen(person: Person, channels: readonly string[]): LiveSubscriber {
    return new LiveSubscriber({
      urls: cluster.ready.wsss,
      ca: cluster.ca,
      token: person.accessToken,
      channels,
    });
  }
});

describe("a cluster that is stopped and started again", function () {
  this.timeout(180_000);

  it("finds its data again", async () => {
    const dataDir = mkdtempSync(path.join(tmpdir(), "cabildo-test-"));
    const first = await UpCluster.start({ dataDir });
    const ana = await first.person("ana");
    const event = await createEvent(ana, "ana", "Still here");
    expect(await first.stop()).to.equal(0);

    const second = await UpCluster.start({ dataDir, basePort: first.basePort });
    expect(second.ready.clusterId).to.equal(first.ready.clusterId);
    const found = await ana.events.getEvent({ name: event.name });
    expect(found.title).to.equal("Still here");
    await second.stop();
    expect(existsSync(dataDir)).to.equal(true);
    rmSync(dataDir, { recursive: true });
  });
});

function eventRequest(
  calendar: string,
  title: string,
): Parameters<Person["events"]["createEvent"]>[0] & object {
  return {
    parent: `calendars/${calendar}`,
    event: {
      title,
      span: {
        case: "timed",
        value: {
          startTime: { seconds: 1_900_000_000n },
          endTime: { seconds: 1_900_003_600n },
        },
      },
    },
  };
}

async function createEvent(
  person: Person,
  calendar: string,
  title: string,
): ReturnType<Person["events"]["createEvent"]> {
  return person.events.createEvent(eventRequest(calendar, title));
}

async function codeOf(call: Promise<unknown>): Promise<string> {
  const message = await messageOf(call);
  return /^\[(\w+)\]/.exec(message)?.[1] ?? message;
}

async function messageOf(call: Promise<unknown>): Promise<string> {
  try {
    await call;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  return "no error";
}
