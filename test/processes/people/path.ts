import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect } from "chai";
import { eventually } from "../../support/eventually.js";
import { LiveSubscriber } from "../../support/live-subscriber.js";
import { CABILDO, type UpCluster } from "../../support/up-cluster.js";
import type { Person } from "../../support/up-cluster.js";

const run = promisify(execFile);

export function fromCallToPush(running: () => UpCluster): void {
  describe("the path from a call to a push", function () {
    this.timeout(180_000);
    let cluster: UpCluster;
    let abel: Person;
    let nuria: Person;

    before(async () => {
      cluster = running();
      abel = await cluster.person("abel");
      nuria = await cluster.person("nuria");
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
      const created = await createEvent(abel, "abel", "Tea");
      const got = await abel.events.getEvent({ name: created.name });
      expect(got.title).to.equal("Tea");
      const updated = await abel.events.updateEvent({
        event: { name: created.name, title: "Coffee", etag: got.etag },
        updateMask: { paths: ["title"] },
      });
      expect(updated.title).to.equal("Coffee");
      expect(updated.span).to.deep.equal(got.span);
      const { events } = await abel.events.listEvents({ parent: "calendars/abel" });
      expect(events.map(({ title }) => title)).to.include("Coffee");
      await abel.events.deleteEvent({ name: created.name });
      const after = await abel.events.listEvents({ parent: "calendars/abel" });
      expect(after.events.map(({ name }) => name)).to.not.include(created.name);
    });

    it("refuses a write that is based on an older version", async () => {
      const created = await createEvent(abel, "abel", "Walk");
      await abel.events.updateEvent({
        event: { name: created.name, title: "Run" },
        updateMask: { paths: ["title"] },
      });
      const late = abel.events.updateEvent({
        event: { name: created.name, title: "Crawl", etag: created.etag },
        updateMask: { paths: ["title"] },
      });
      expect(await codeOf(late)).to.equal("aborted");
    });

    it("shows nobody another's calendar, and does not say whether there is one", async () => {
      const secret = await createEvent(nuria, "nuria", "Secret");
      const stranger = abel.events.getEvent({ name: secret.name });
      const absent = abel.events.getEvent({ name: secret.name.replace("nuria", "nobody") });
      const [a, b] = await Promise.all([messageOf(stranger), messageOf(absent)]);
      expect(a.replaceAll("nuria", "X")).to.equal(b.replaceAll("nobody", "X"));
      expect(await codeOf(abel.events.getEvent({ name: secret.name }))).to.equal("not_found");
      expect(await codeOf(createEvent(abel, "nuria", "Mine"))).to.equal("not_found");
    });

    it("answers a repeated request id with the first answer", async () => {
      const request = eventRequest("abel", "Once");
      const requestId = crypto.randomUUID();
      const first = await abel.events.createEvent({ ...request, requestId });
      await createEvent(abel, "abel", "Something else");
      const second = await abel.events.createEvent({ ...request, requestId });
      expect(second.name).to.equal(first.name);
      expect(second.etag).to.equal(first.etag);
      const other = abel.events.createEvent({ ...eventRequest("abel", "Twice"), requestId });
      expect(await codeOf(other)).to.equal("invalid_argument");
    });

    it("answers a repeated request id with the first answer after the leader died", async () => {
      const status = await cluster.healthy();
      const leader = status.shards.find(({ name }) => name === "events-am")?.leader ?? "";
      const request = eventRequest("abel", "Before the crash");
      const requestId = crypto.randomUUID();
      const first = await abel.events.createEvent({ ...request, requestId });
      await cluster.kill(leader);
      const second = await abel.events.createEvent({ ...request, requestId });
      expect(second.name).to.equal(first.name);
      expect(second.etag).to.equal(first.etag);
      await cluster.healthy();
    });

    it("makes a group and adds a member, who hears of it", async () => {
      const subscriber = listen(nuria, ["users/nuria"]);
      await subscriber.subscribed;
      const group = await abel.groups.createGroup({
        groupId: "choir",
        group: { displayName: "Choir", kind: 2 },
      });
      const member = await abel.groups.addMember({
        parent: group.name,
        member: { user: "users/nuria", role: 3, rank: 1 },
      });
      expect(member.name).to.equal("groups/choir/members/nuria");
      const { members } = await nuria.groups.listMembers({ parent: group.name });
      expect(members.map(({ user }) => user)).to.have.members(["users/abel", "users/nuria"]);
      await eventually(
        () => subscriber.pushes.some(({ change }) => change.resourceName === member.name),
        { timeoutMs: 20_000, what: "the push about the membership" },
      );
      subscriber.close();
    });

    it("pushes each change once and in order, also to whoever was away for a while", async () => {
      const subscriber = listen(nuria, ["calendars/nuria", "users/nuria"]);
      await subscriber.subscribed;
      const titles: string[] = [];
      for (let n = 0; n < 30; n++) {
        titles.push(`Push ${n}`);
        await createEvent(nuria, "nuria", `Push ${n}`);
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
      const { position } = await abel.events.listEvents({ parent: "calendars/abel" });
      const created = await createEvent(abel, "abel", "Streamed");
      const abort = new AbortController();
      const names: string[] = [];
      try {
        const stream = abel.sync.watchChanges(
          { channel: "calendars/abel", position },
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
      const event = await createEvent(nuria, "nuria", "Mine");
      const list = await nuria.events.listEvents({
        parent: "calendars/nuria",
        position: event.position,
        pageSize: 1000,
      });
      expect(list.events.map(({ name }) => name)).to.include(event.name);
    });

    it("refreshes a session, and ends it when an old refresh token comes back late", async () => {
      const first = await abel.auth.refresh({ refreshToken: abel.refreshToken });
      expect(first.refreshToken).to.not.equal(abel.refreshToken);
      const second = await abel.auth.refresh({ refreshToken: first.refreshToken });
      expect(second.accessToken).to.not.equal("");
      expect(await codeOf(abel.auth.refresh({ refreshToken: abel.refreshToken }))).to.equal(
        "unauthenticated",
      );
      expect(await codeOf(abel.auth.refresh({ refreshToken: second.refreshToken }))).to.equal(
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
}

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
