import { expect } from "chai";
import type { FanoutOptions } from "../../src/fanout/index.js";
import { eventually } from "../support/eventually.js";
import { errorCode, isObject } from "./support/live-client.js";
import type { LiveClient } from "./support/live-client.js";
import { openOver, STILL, TRANSPORTS } from "./support/over.js";
import type { Stage } from "./support/start.js";

type Json = Record<string, unknown>;

const CALENDAR = "calendars/ana";
/** What no operator is told of others. */
const TITLE = "a secret title";

for (const kind of TRANSPORTS) {
  describe(`operators of a fan-out over ${kind}`, () => {
    let stage: Stage;
    const { clients, as, listening, ...opened } = openOver(kind);

    const begin = async (options: Partial<FanoutOptions> = {}): Promise<void> => {
      stage = await opened.begin(options);
      stage.gateway.operators.add("root");
    };
    const bodyOf = (answer: Json, command: string): Json => {
      const body = answer[command];
      if (!isObject(body)) throw new Error(`no ${command}: ${JSON.stringify(answer)}`);
      return body;
    };
    const inspect = async (operator: LiveClient, asked: Json): Promise<Json> =>
      bodyOf(await operator.ask({ inspect: asked }), "inspect");
    const listOf = (body: Json, field: string): readonly Json[] => {
      const list = body[field];
      return Array.isArray(list) ? list.filter(isObject) : [];
    };
    const may = async (operator: LiveClient, user: string, channel: string): Promise<Json> =>
      bodyOf(await operator.ask({ may: { user, channel } }), "may");

    describe("who ask for a user's connections", () => {
      it("see each with its channels, and where those are", async () => {
        await begin();
        await listening("ana", CALENDAR, "users/ana", "groups/choir");
        const other = await as("ana");
        other.send({ id: 90, rpc: { method: "cabildo.v1.EventService/GetEvent" } });
        const answered = other.answer(90);
        await listening("ben", "calendars/ben");
        stage.shards.commit(CALENDAR, ["a", "b"]);
        await clients[0]?.pushed(2);
        await answered;
        const root = await as("root");
        const body = await inspect(root, { user: "users/ana" });
        expect(body).to.include({ server: "fanout-1", count: 2, truncated: false });
        const [first, second] = listOf(body, "connections");
        expect(first).to.include({
          ...{ connection: 1, user: "users/ana", session: "users/ana/sessions/s-ana" },
          ...{ unsent_bytes: 0, calls: 0 },
        });
        expect(first?.["address"]).to.match(/127\.0\.0\.1|::1|^0000:/u);
        expect(Date.parse(String(first?.["opened"]))).to.be.within(Date.now() - 60_000, Date.now());
        expect(Date.parse(String(first?.["expires"]))).to.be.greaterThan(Date.now());
        expect(second).to.include({ connection: 2 }).and.to.have.deep.property("channels", []);
        const channels = listOf(first ?? {}, "channels");
        expect(channels[0]).to.deep.equal({
          ...{ channel: CALENDAR, view: "full", granted_since: "0" },
          shards: [{ shard: "events-am", state: "live", sequence: "2", behind: 0 }],
        });
        const shards = listOf(channels[1] ?? {}, "shards").map(({ shard }) => shard);
        expect(shards).to.have.members(["events-am", "events-nz", "groups", "users"]);
      });

      it("see what a client that does not read still has to be given", async () => {
        await begin({ limits: { unsentBytesHigh: 64 * 1024, unsentBytesLow: 16 * 1024 } });
        const slow = await listening("ana", CALENDAR);
        const quick = await listening("ana", CALENDAR);
        const root = await as("root");
        slow.stream.pause();
        for (let n = 1; n <= 200; n += 1) {
          stage.shards.commit(CALENDAR, [`${n}:${"x".repeat(60_000)}`]);
          if (n % 10 === 0) await quick.pushed(n);
        }
        const { connection, shard } = await eventually(async () => {
          const { 0: seen = {} } = listOf(
            await inspect(root, { user: "users/ana" }),
            "connections",
          );
          const [channel = {}] = listOf(seen, "channels");
          const [line = {}] = listOf(channel, "shards");
          return line["state"] === "waiting-for-client"
            ? { connection: seen, shard: line }
            : undefined;
        });
        expect(connection["unsent_bytes"]).to.be.greaterThan(16 * 1024);
        expect(shard["behind"]).to.be.greaterThan(0);
        expect(Number(shard["sequence"]) + Number(shard["behind"])).to.equal(200);
        slow.stream.resume();
        await slow.pushed(200);
        const live = await eventually(async () => {
          const text = JSON.stringify(await inspect(root, { user: "users/ana" }));
          return text.includes("waiting") || text.includes("catching") ? undefined : text;
        });
        expect(live).to.contain('"sequence":"200","behind":0');
      });
    });

    describe("who ask for a channel", () => {
      it("see whoever hears it, and nothing else of them", async () => {
        await begin();
        await listening("ana", CALENDAR, "groups/choir");
        await listening("ben", "calendars/ben");
        stage.gateway.readers.set(`cleo ${CALENDAR}`, {
          ...{ seesAll: false, asMember: false, through: [], seenSince: 0, asOf: 0 },
        });
        await listening("cleo", CALENDAR);
        const root = await as("root");
        const body = await inspect(root, { channel: CALENDAR });
        const connections = listOf(body, "connections");
        expect(connections.map(({ user }) => user)).to.deep.equal(["users/ana", "users/cleo"]);
        const channels = connections.flatMap((connection) => listOf(connection, "channels"));
        expect(channels.map(({ channel }) => channel)).to.deep.equal([CALENDAR, CALENDAR]);
        expect(channels.map(({ view }) => view)).to.deep.equal(["full", "readers"]);
      });

      it("are told how many there are where not all are listed", async () => {
        await begin();
        for (let i = 0; i < 3; i += 1) await listening("ana", CALENDAR);
        const root = await as("root");
        const body = await inspect(root, { channel: CALENDAR, limit: 2 });
        expect(body).to.include({ count: 3, truncated: true });
        expect(listOf(body, "connections")).to.have.length(2);
      });
    });

    describe("who ask whether somebody may hear a channel", () => {
      it("are told what a subscription is told", async () => {
        await begin();
        stage.gateway.closedChannels.add("ben calendars/ana");
        const root = await as("root");
        const ben = await as("ben");
        const asked = { server: "fanout-1", user: "users/ben", channel: CALENDAR };
        const { error } = await ben.ask({ subscribe: { channels: [CALENDAR] } });
        expect(errorCode({ error })).to.equal("NOT_FOUND");
        const refused = await may(root, "users/ben", CALENDAR);
        expect(refused).to.deep.equal({ ...asked, allowed: false, error });
        stage.gateway.closedChannels.clear();
        stage.gateway.grantedSince.set(CALENDAR, 17);
        const allowed = { ...asked, allowed: true, view: "full", granted_since: "17" };
        expect(await may(root, "users/ben", CALENDAR)).to.deep.equal(allowed);
      });

      it("are told that there is nobody of the name", async () => {
        await begin();
        const { allowed, error } = await may(await as("root"), "users/nobody", CALENDAR);
        expect(allowed).to.equal(false);
        expect(errorCode({ error })).to.equal("NOT_FOUND");
      });
    });

    describe("who trace", () => {
      const trace = async (operator: LiveClient, asked: Json): Promise<Json> =>
        bodyOf(await operator.ask({ trace: asked }), "trace");
      /** Without when it was, and whose connection that is where it is always the same. */
      const lines = (operator: LiveClient): readonly Json[] =>
        operator.objects.flatMap(({ id, trace: line }) => {
          if (id !== undefined || !isObject(line)) return [];
          const { time, ...rest } = line;
          expect(Date.parse(String(time))).to.be.greaterThan(0);
          return [rest];
        });
      const happened = async (
        operator: LiveClient,
        count: number,
      ): Promise<readonly (readonly unknown[])[]> => {
        await operator.until(() => lines(operator).length >= count, `${count} lines`);
        return lines(operator).map(({ event, channel, code }) =>
          [event, channel, code].filter((part) => part !== undefined),
        );
      };

      it("a user hear of all that happens to the user's connections, and of nobody else's", async () => {
        await begin();
        const root = await as("root");
        expect(await trace(root, { user: "users/ana" })).to.deep.equal({
          ...{ server: "fanout-1", user: "users/ana" },
        });
        const ben = await listening("ben", "calendars/ben", "groups/choir");
        const ana = await listening("ana", CALENDAR, "users/ana");
        stage.shards.commit("calendars/ben", ["foreign"]);
        stage.shards.commit(CALENDAR, ["one"]);
        stage.shards.commit("groups/choir", ["two"], ["ana"]);
        await ana.pushed(2);
        await ben.pushed(2);
        await ana.ask({ refresh: { token: "token-ana" } });
        await ana.ask({ unsubscribe: { channels: ["users/ana"] } });
        const since = [stage.gateway.positions.encode([{ shard: 1, epoch: 1, sequence: 1 }])];
        await ana.ask({ unsubscribe: { channels: [CALENDAR] } });
        await ana.ask({ subscribe: { channels: [CALENDAR], since } });
        await ana.pushed(3);
        ana.close();
        expect(await happened(root, 11)).to.deep.equal([
          ["connected"],
          ["subscribed", CALENDAR],
          ["subscribed", "users/ana"],
          ["delivered", CALENDAR],
          ["delivered", "users/ana"],
          ["refreshed"],
          ["unsubscribed", "users/ana"],
          ["unsubscribed", CALENDAR],
          ["subscribed", CALENDAR],
          ["delivered", CALENDAR],
          ["closed", 1006],
        ]);
        const told = lines(root);
        for (const line of told) expect(line).to.include({ connection: 3, user: "users/ana" });
        expect(told[0]).to.include({ session: "users/ana/sessions/s-ana" });
        const deliveries = told.filter(({ event }) => event === "delivered");
        expect(deliveries.map(({ path }) => path)).to.deep.equal(["topic", "socket", "replay"]);
        expect(deliveries[0]).to.include({ shard: "events-am", sequence: "2" });
        expect(deliveries[0]?.["bytes"]).to.be.greaterThan(100);
        expect(told.find(({ recovered }) => recovered === true)).to.include({ channel: CALENDAR });
      });

      it("a channel hear of whoever hears it, as readers too, and of no other channel", async () => {
        await begin();
        stage.gateway.readers.set(`cleo ${CALENDAR}`, {
          ...{ seesAll: false, asMember: false, through: [], seenSince: 0, asOf: 0 },
        });
        const root = await as("root");
        await trace(root, { channel: CALENDAR });
        const ana = await listening("ana", CALENDAR, "groups/choir");
        const cleo = await listening("cleo", CALENDAR);
        stage.shards.commit("groups/choir", ["other"]);
        stage.shards.commitEvent(
          "ana",
          { title: TITLE },
          { kind: "created", toReaders: "details" },
        );
        await ana.pushed(2);
        await cleo.pushed(1);
        cleo.close();
        await happened(root, 5);
        const told = lines(root).map(({ user, event }) => `${String(user)} ${String(event)}`);
        expect(told).to.deep.equal([
          ...["users/ana subscribed", "users/cleo subscribed"],
          ...["users/ana delivered", "users/cleo delivered", "users/cleo closed"],
        ]);
        expect(JSON.stringify(root.objects)).to.not.contain(TITLE);
      });

      it("hear why a channel does not begin, and when a right ends", async () => {
        await begin();
        stage.gateway.closedChannels.add("calendars/ben");
        stage.shards.feed(1).first = 10;
        stage.shards.commit(
          CALENDAR,
          Array.from({ length: 20 }, (_, i) => `n${i}`),
        );
        const root = await as("root");
        await trace(root, { user: "users/ana" });
        const ana = await listening("ana", "groups/choir");
        await ana.ask({ subscribe: { channels: ["calendars/ben"] } });
        const since = [stage.gateway.positions.encode([{ shard: 1, epoch: 1, sequence: 2 }])];
        await ana.ask({ subscribe: { channels: [CALENDAR], since } });
        stage.shards.commitMember("choir", "ana", "deleted");
        expect(await happened(root, 5)).to.deep.equal([
          ["connected"],
          ["subscribed", "groups/choir"],
          ["refused", "calendars/ben", "NOT_FOUND"],
          ["refused", CALENDAR, "POSITION_GONE"],
          ["unsubscribed", "groups/choir", "NOT_FOUND"],
        ]);
        expect(lines(root)[3]).to.include({ too_old: true });
      });

      it("hear of channels that a user chose, on whichever device", async () => {
        await begin();
        const choose = (...channels: string[]): void => {
          const revision = stage.shards.commitChoice("ana", channels);
          stage.gateway.chosen.set("ana", { channels, revision });
        };
        choose(CALENDAR);
        const root = await as("root");
        await trace(root, { user: "users/ana" });
        const ana = await as("ana");
        await ana.ask({ restore: {} });
        choose("groups/choir");
        expect(await happened(root, 4)).to.deep.equal([
          ["connected"],
          ["subscribed", CALENDAR],
          ["unsubscribed", CALENDAR],
          ["subscribed", "groups/choir"],
        ]);
        const seen = await inspect(root, { user: "users/ana" });
        const [connection = {}] = listOf(seen, "connections");
        const [channel] = listOf(connection, "channels");
        expect(channel).to.include({ channel: "groups/choir", restored: true });
      });

      it("hear of who does not keep up, and is back", async () => {
        await begin({ limits: { unsentBytesHigh: 64 * 1024, unsentBytesLow: 16 * 1024 } });
        const slow = await listening("ana", CALENDAR);
        const root = await as("root");
        await trace(root, { user: "users/ana" });
        slow.stream.pause();
        for (let n = 1; n <= 200; n += 1) {
          const head = stage.shards.commit(CALENDAR, [`${n}:${"x".repeat(60_000)}`]);
          if (n % 10 > 0) continue;
          const isGiven = (): boolean =>
            stage.events.some((event) => event.kind === "feed" && event.sequence === head);
          await root.until(isGiven, "all of it to be given out");
        }
        const events = (): readonly unknown[] => lines(root).map(({ event }) => event);
        await root.until(() => events().includes("stalled"), "a stall");
        slow.stream.resume();
        await root.until(() => events().includes("caught-up"), "the end of it");
        expect(lines(root).filter(({ event }) => event === "delivered")).to.have.length(200);
        const stalled = lines(root).find(({ event }) => event === "stalled");
        expect(stalled?.["unsent_bytes"]).to.be.greaterThan(64 * 1024);
      });

      it("end it, or change it, and it ends with them", async () => {
        await begin();
        const root = await as("root");
        await trace(root, { user: "users/ana" });
        await trace(root, { user: "users/ben" });
        await as("ana");
        await as("ben");
        expect(await happened(root, 1)).to.deep.equal([["connected"]]);
        expect(lines(root)[0]).to.include({ user: "users/ben" });
        expect(await trace(root, {})).to.deep.equal({ server: "fanout-1" });
        await as("ben");
        await root.ask({ ping: {} });
        expect(lines(root)).to.have.length(1);
        expect(stage.gateway.trail.map(({ object }) => object)).to.deep.equal([
          ...["users/ana", "users/ben"],
        ]);
        const others = await Promise.all(Array.from({ length: 16 }, () => as("root")));
        for (const other of others) await trace(other, { user: "users/ana" });
        const { error } = await root.ask({ trace: { user: "users/ana" } });
        expect(errorCode({ error })).to.equal("OVERLOADED");
        others[0]?.close();
        await eventually(async () => "trace" in (await root.ask({ trace: { user: "users/ana" } })));
      });

      it("and are gone before it began leave no trace behind", async () => {
        await begin();
        const { audit } = stage.gateway;
        const { record } = audit;
        let kept: (() => void) | undefined;
        audit.record = () => new Promise<void>((resolve) => (kept = resolve));
        const gone = await as("root");
        gone.send({ id: 70, trace: { user: "users/ana" } });
        await gone.until(() => kept !== undefined, "the audit trail to be told");
        gone.close();
        await gone.until(() => stage.fanout.connections() === 0, "the end");
        audit.record = record;
        kept?.();
        // As many as a server has.
        const others = await Promise.all(Array.from({ length: 16 }, () => as("root")));
        for (const other of others) await trace(other, { user: "users/ana" });
      });

      it("are told how much was left out where more happens than they are to be told", async () => {
        await begin({ clock: STILL, limits: { unsentBytesHigh: 1e9 } });
        const ana = await listening("ana", CALENDAR);
        const root = await as("root");
        await trace(root, { user: "users/ana" });
        const total = 2_000;
        stage.shards.commit(
          CALENDAR,
          Array.from({ length: total }, (_, i) => `n${i}`),
        );
        await ana.pushed(total);
        const isAll = (): boolean => sumOf(lines(root)) === total;
        await root.until(isAll, "all of it to be told or counted");
        expect(lines(root).some(({ event }) => event === "left-out")).to.equal(true);
      });

      it("and do not read keep nobody waiting, and are told how much was left out", async () => {
        await begin({ limits: { unsentBytesHigh: 64 * 1024, unsentBytesLow: 16 * 1024 } });
        const ana = await listening("ana", CALENDAR);
        const root = await listening("root", "calendars/root");
        await trace(root, { user: "users/ana" });
        root.stream.pause();
        for (let n = 1; n <= 200; n += 1) {
          stage.shards.commit("calendars/root", [`${n}:${"x".repeat(60_000)}`]);
          if (n % 10 === 0) await new Promise((resolve) => setImmediate(resolve));
        }
        const unsent = (): number => Math.max(...stage.fanout.backlog().unsentBytesEach);
        await ana.until(
          () => stage.events.some(({ kind: what }) => what === "stalled") && unsent() > 16 * 1024,
          "unsent bytes",
        );
        const total = 20;
        stage.shards.commit(
          CALENDAR,
          Array.from({ length: total }, (_, i) => `n${i}`),
        );
        await ana.pushed(total);
        root.send({ id: 70, inspect: { user: "users/ana" } });
        await ana.until(
          () => stage.events.some((event) => event.kind === "command" && event.code !== "OK"),
          "a refusal",
        );
        root.stream.resume();
        await root.until(() => sumOf(lines(root)) === total, "all of it to be told or counted");
        expect(lines(root).some(({ event }) => event === "left-out")).to.equal(true);
        const { error } = await root.answer(70);
        expect(errorCode({ error })).to.equal("OVERLOADED");
        expect(root.closeCode).to.equal(undefined);
      });

      const sumOf = (told: readonly Json[]): number =>
        told.reduce((sum, { event, lines: leftOut }) => {
          if (event === "left-out") return sum + Number(leftOut);
          return event === "delivered" ? sum + 1 : sum;
        }, 0);
    });

    describe("and who is none", () => {
      it("is told that there is no such command, whatever it says", async () => {
        await begin();
        const ana = await as("ana");
        const { error: unknown } = await ana.ask({ inspekt: { user: "users/ana" } });
        for (const command of [
          { inspect: { user: "users/ana" } },
          { inspect: { user: "users/nobody" } },
          { inspect: {} },
          { may: { user: "users/ana", channel: CALENDAR } },
          { may: { user: 7 } },
          { trace: { user: "users/ana" } },
          { trace: {} },
        ]) {
          const { error } = await ana.ask(command);
          expect(error, JSON.stringify(command)).to.deep.equal(unknown);
        }
        expect(stage.gateway.trail.map(({ decision }) => decision)).to.deep.equal(
          Array.from({ length: 7 }, () => "permission-denied"),
        );
      });
    });

    it("leave who asked, what, and for whom in the audit trail", async () => {
      await begin();
      const root = await as("root");
      await inspect(root, { user: "users/ana" });
      await inspect(root, { channel: CALENDAR });
      await may(root, "users/ben", CALENDAR);
      await root.ask({ trace: { user: "users/ana" } });
      const deeds = stage.gateway.trail.map(({ origin, ...deed }) => {
        expect(origin).to.not.equal("");
        return deed;
      });
      const deed = { subject: "users/root", decision: "allow", detail: "" };
      expect(deeds).to.deep.equal([
        { ...deed, action: "live.inspect", object: "users/ana" },
        { ...deed, action: "live.inspect", object: CALENDAR },
        { ...deed, action: "live.may", object: "users/ben", detail: CALENDAR },
        { ...deed, action: "live.trace", object: "users/ana" },
      ]);
    });

    it("are answered once the audit trail has it, and not before", async () => {
      await begin();
      const root = await as("root");
      let kept: () => void = () => undefined;
      stage.gateway.audit.record = () => new Promise<void>((resolve) => (kept = resolve));
      root.send({ id: 70, inspect: { user: "users/ana" } });
      // Answered at once, whatever waits; the second was not sent before the first was.
      for (let i = 0; i < 2; i += 1) await root.ask({ ping: {} });
      expect(root.objects.filter(({ id }) => id === 70)).to.deep.equal([]);
      kept();
      expect(await root.answer(70)).to.have.property("inspect");
    });

    it("are told which field is wrong, and nothing of it is in the audit trail", async () => {
      await begin();
      const root = await as("root");
      for (const [command, field] of [
        [{ inspect: {} }, "user"],
        [{ inspect: { user: "users/ana", channel: CALENDAR } }, "user"],
        [{ inspect: { user: "ana" } }, "user"],
        [{ inspect: { user: "calendars/ana" } }, "user"],
        [{ inspect: { channel: "nothing" } }, "channel"],
        [{ inspect: { user: "users/ana", limit: 0 } }, "limit"],
        [{ inspect: { user: "users/ana", limit: 1.5 } }, "limit"],
        [{ may: { user: "users/ana" } }, "channel"],
        [{ may: { channel: CALENDAR } }, "user"],
        [{ trace: { user: "users/ana", channel: CALENDAR } }, "user"],
        [{ trace: { channel: "events/ana" } }, "channel"],
      ] as const) {
        const { error } = await root.ask(command);
        const what = JSON.stringify(command);
        expect(errorCode({ error }), what).to.equal("INVALID_ARGUMENT");
        expect(JSON.stringify(error), what).to.contain(`"field":"${field}"`);
      }
      expect(stage.gateway.trail).to.deep.equal([]);
    });

    it("are never told a token, or what a change says", async () => {
      await begin();
      const ana = await listening("ana", CALENDAR);
      const root = await as("root");
      stage.shards.commit(CALENDAR, [TITLE]);
      await ana.pushed(1);
      await inspect(root, { user: "users/ana" });
      await inspect(root, { channel: CALENDAR });
      await may(root, "users/ana", CALENDAR);
      await root.ask({ trace: { channel: CALENDAR } });
      stage.shards.commit(CALENDAR, [TITLE]);
      await ana.pushed(2);
      await root.find(({ id, trace }) => id === undefined && isObject(trace), "a delivery");
      const told = JSON.stringify(root.objects);
      expect(told).to.contain(CALENDAR);
      expect(told).to.not.contain("token-");
      expect(told).to.not.contain(TITLE);
    });

    it("are counted like all who say something", async () => {
      await begin();
      const root = await as("root");
      await inspect(root, { user: "users/ana" });
      await (await as("ana")).ask({ inspect: { user: "users/ana" } });
      const counted = stage.events.filter((event) => event.kind === "command");
      expect(counted).to.deep.include({ kind: "command", command: "inspect", code: "OK" });
      expect(counted).to.deep.include({
        ...{ kind: "command", command: "inspect", code: "UNIMPLEMENTED" },
      });
    });
  });
}
