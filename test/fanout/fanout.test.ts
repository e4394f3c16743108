import type { IncomingHttpHeaders } from "node:http";
import { request } from "node:https";
import { create } from "@bufbuild/protobuf";
import { expect } from "chai";
import { EventSchema } from "../../gen/cabildo/v1/events_pb.js";
import type { Event } from "../../gen/cabildo/v1/events_pb.js";
import { ClusterError, type CancelSignal } from "../../src/base/index.js";
import { CLOSE_CODES } from "../../src/fanout/index.js";
import type { GatewayCall } from "../../src/gateway/index.js";
import { eventually } from "../support/eventually.js";
import { testCertificate } from "./support/certificate.js";
import { LiveClient, channelsOf, errorCode, isObject } from "./support/live-client.js";
import type { Pushed } from "./support/live-client.js";
import { openOver, STILL, TRANSPORTS } from "./support/over.js";
import type { Stage } from "./support/start.js";

const titles = (pushes: readonly Pushed[]): readonly string[] => pushes.map(({ title }) => title);
const sequences = (pushes: readonly Pushed[]): readonly number[] =>
  pushes.map(({ sequence }) => sequence);
const numbered = (from: number, to: number): readonly string[] =>
  Array.from({ length: to - from + 1 }, (_, i) => `n${from + i}`);
const ascending = (from: number, to: number): readonly number[] =>
  Array.from({ length: to - from + 1 }, (_, i) => from + i);

function get(port: number, path: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const call = request(
      { host: "localhost", port, path, ca: testCertificate().cert, agent: false },
      (response) => {
        response.resume();
        resolve(response.statusCode ?? 0);
      },
    );
    call.on("error", reject);
    call.end();
  });
}

const GET = "cabildo.v1.EventService/GetEvent";

/** Asks for a WebSocket, and hears that it may not be. */
function upgrade(
  port: number,
): Promise<{ readonly status: number | undefined; readonly headers: IncomingHttpHeaders }> {
  return new Promise((resolve, reject) => {
    const headers = {
      ...{ connection: "Upgrade", upgrade: "websocket", "sec-websocket-version": "13" },
      "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
    };
    const ca = testCertificate().cert;
    const call = request({ host: "localhost", port, ca, agent: false, headers }, (response) => {
      response.resume();
      response.on("end", () => resolve({ status: response.statusCode, headers: response.headers }));
    });
    call.on("upgrade", () => reject(new Error("there is a socket")));
    call.on("error", reject);
    call.end();
  });
}

for (const kind of TRANSPORTS) {
  describe(`a fan-out over ${kind}`, () => {
    let stage: Stage;
    const opened = openOver(kind);
    const { clients, open, as, listening } = opened;

    const begin = async (...how: Parameters<typeof opened.begin>): Promise<Stage> =>
      (stage = await opened.begin(...how));
    const positionOf = (shard: number, sequence: number, epoch = 1): string =>
      stage.gateway.positions.encode([{ shard, epoch, sequence }]);

    describe("asked to call the API", () => {
      const event = (title: string): Event => create(EventSchema, { title });

      it("answers in JSON, as whoever opened the connection", async () => {
        await begin();
        const calls: GatewayCall[] = [];
        stage.gateway.answer = (call) => {
          calls.push(call);
          return Promise.resolve(event("Lunch"));
        };
        const client = await as("ana");
        const request = { name: "calendars/ana/events/e1" };
        const answer = await client.ask({ rpc: { method: GET, request } });
        expect(answer["rpc"]).to.deep.equal({ response: { title: "Lunch" } });
        expect(calls[0]?.request).to.include(request);
        expect(calls[0]?.token).to.have.nested.property("caller.user", "ana");
      });

      it("answers many at a time, each when it is done", async () => {
        await begin();
        let answerFirst: () => void = () => undefined;
        const first = new Promise<void>((resolve) => (answerFirst = resolve));
        stage.gateway.answer = async ({ request }) => {
          if (JSON.stringify(request).includes("slow")) await first;
          return event("done");
        };
        const client = await as("ana");
        client.send({ id: 101, rpc: { method: GET, request: { name: "slow" } } });
        client.send({ id: 102, rpc: { method: GET, request: { name: "fast" } } });
        await client.answer(102);
        expect(client.objects.some(({ id }) => id === 101)).to.equal(false);
        answerFirst();
        await client.answer(101);
      });

      it("refuses an unknown field by its path, and what is no method of a socket", async () => {
        await begin();
        const client = await as("ana");
        const unknown = await client.ask({ rpc: { method: GET, request: { titel: "x" } } });
        expect(unknown["error"]).to.have.nested.property("violations[0].field", "titel");
        for (const method of [
          "cabildo.v1.AuthService/Login",
          "cabildo.v1.SyncService/WatchChanges",
          "cabildo.admin.v1.ClusterService/GetStatus",
          "toString",
        ]) {
          expect(errorCode(await client.ask({ rpc: { method } })), method).to.equal(
            "UNIMPLEMENTED",
          );
        }
        expect(errorCode(await client.ask({ rpc: {} }))).to.equal("INVALID_ARGUMENT");
        expect(errorCode(await client.ask({ rpc: { method: GET, request: 7 } }))).to.equal(
          "INVALID_ARGUMENT",
        );
      });

      it("refuses more calls than may wait, and ends them with the connection", async () => {
        await begin({ limits: { callsInFlightMax: 1 } });
        let signal: CancelSignal | undefined;
        stage.gateway.answer = (call) => {
          ({ signal } = call);
          return new Promise(() => undefined);
        };
        const client = await as("ana");
        client.send({ id: 101, rpc: { method: GET } });
        expect(errorCode(await client.ask({ rpc: { method: GET } }))).to.equal("OVERLOADED");
        client.close();
        await eventually(() => signal?.aborted === true);
      });

      it("does so for nobody who has not connected", async () => {
        await begin();
        const client = await open();
        client.send({ id: 1, rpc: { method: GET } });
        expect(errorCode(await client.answer(1))).to.equal("UNAUTHENTICATED");
        expect(await client.closed()).to.equal(CLOSE_CODES["bad-request"]);
      });
    });

    describe("at the door", () => {
      it("says who connected, until when, and how often it pings", async () => {
        await begin();
        const client = await open();
        const answer = await client.ask({ connect: { token: "token-ana" } });
        expect(answer["connect"]).to.include({
          user: "users/ana",
          ping_ms: 25_000,
          pong_ms: 10_000,
          server: "fanout-1",
        });
        expect(JSON.stringify(client.objects)).to.not.include("token-ana");
      });

      const others: readonly (readonly [string, object])[] = [
        ["a command", { subscribe: { channels: ["calendars/ana"] } }],
        ["a ping", { ping: {} }],
        ["a command that there is not", { juggle: {} }],
        ["two commands in one", { ping: {}, refresh: {} }],
      ];
      for (const [what, command] of others) {
        it(`ends a connection that says something else first: ${what}`, async () => {
          await begin();
          const client = await open();
          client.send({ id: 1, ...command });
          expect(errorCode(await client.answer(1))).to.equal("UNAUTHENTICATED");
          expect(await client.closed()).to.equal(CLOSE_CODES["bad-request"]);
        });
      }

      it("ends a connection that says nothing for too long", async () => {
        await begin();
        const client = await open();
        stage.advance(10_000);
        expect(await client.closed()).to.equal(CLOSE_CODES["bad-request"]);
      });

      it("tells a bad token to stop, an expired one to come back", async () => {
        await begin();
        const bad = await open();
        bad.send({ id: 1, connect: { token: "nonsense" } });
        expect(errorCode(await bad.answer(1))).to.equal("UNAUTHENTICATED");
        expect(await bad.disconnect()).to.include({ code: 4501 });
        expect(await bad.closed()).to.equal(4501);
        const expired = await open();
        const claims = Buffer.from(JSON.stringify({ exp: 1_000 })).toString("base64url");
        expired.send({ id: 1, connect: { token: `x.${claims}.y` } });
        expect(await expired.disconnect()).to.include({ code: 4001, retry_after_ms: 0 });
        expect(await expired.closed()).to.equal(4001);
      });

      it("asks to come back when tokens cannot be checked now", async () => {
        await begin();
        stage.gateway.failWith = new ClusterError("unreachable", "try again");
        const client = await open();
        client.send({ id: 1, connect: { token: "token-ana" } });
        const answer = await client.answer(1);
        expect(errorCode(answer)).to.equal("UNREACHABLE");
        expect(answer["error"]).to.have.property("retry_after_ms");
        expect(await client.disconnect()).to.include({ code: 4004 });
        expect(await client.closed()).to.equal(4004);
      });

      it("takes what is said right behind `connect`, calls too", async () => {
        await begin();
        stage.gateway.answer = () => Promise.resolve(create(EventSchema, { title: "Lunch" }));
        let release = (): void => undefined;
        stage.gateway.hold = new Promise((resolve) => {
          release = resolve;
        });
        const client = await open();
        client.send({ id: 1, connect: { token: "token-ana" } });
        client.send({ id: 2, rpc: { method: GET, request: { name: "calendars/ana/events/e" } } });
        client.send({ id: 3, ping: {} });
        expect((await client.answer(3))["ping"]).to.deep.equal({});
        release();
        expect((await client.answer(1))["connect"]).to.be.an("object");
        expect((await client.answer(2))["rpc"]).to.deep.equal({ response: { title: "Lunch" } });
      });

      it("says nothing to calls of one who is not let in", async () => {
        await begin();
        const client = await open();
        client.send({ id: 1, connect: { token: "nonsense" } });
        client.send({ id: 2, rpc: { method: GET, request: { name: "calendars/ana/events/e" } } });
        expect(await client.closed()).to.equal(4501);
        const answered = client.objects.map(({ id }) => id).filter((id) => id !== undefined);
        expect(answered).to.deep.equal([1]);
      });

      it("survives a client that goes while its token is checked", async () => {
        await begin();
        let release = (): void => undefined;
        stage.gateway.hold = new Promise((resolve) => {
          release = resolve;
        });
        const client = await open();
        client.send({ id: 1, connect: { token: "token-ana" } });
        client.close();
        await client.closed();
        release();
        const next = await as("ana");
        expect((await next.ask({ ping: {} }))["ping"]).to.deep.equal({});
      });

      it("speaks its own subprotocol, or none", async () => {
        await begin();
        const both = await open(["other", "cabildo.v1.json"]);
        expect(both.socket.protocol).to.equal("cabildo.v1.json");
        const none = await open([]);
        expect((await none.ask({ connect: { token: "token-ana" } }))["connect"]).to.be.an("object");
        let refusal = "";
        await open(["cabildo.v9.json"]).catch((error: unknown) => {
          refusal = String(error);
        });
        expect(refusal).to.include("400");
      });

      it("lets in pages of its own host and of sites that it knows", async () => {
        await begin({ origins: ["https://agenda.example"] });
        const from = (origin: string) =>
          LiveClient.open(stage.port, undefined, { origin }).then(
            (client) => {
              clients.push(client);
              return "in";
            },
            (error: unknown) => String(error),
          );
        expect(await from("https://agenda.example")).to.equal("in");
        expect(await from("https://localhost:7443")).to.equal("in");
        for (const origin of ["https://evil.example", "http://localhost:7443", "null"]) {
          expect(await from(origin), origin).to.include("403");
        }
      });

      it("answers health checks and nothing else over HTTP", async () => {
        await begin();
        await listening("ana", "calendars/ana");
        expect(await get(stage.port, "/livez")).to.equal(200);
        expect(await get(stage.port, "/readyz")).to.equal(200);
        expect(await get(stage.port, "/")).to.equal(426);
        expect(await get(stage.port, "/v1/users/ana")).to.equal(404);
      });

      it("takes so many connections from one address", async () => {
        await begin({ limits: { connectionsPerAddress: 2 } });
        await as("ana");
        await as("ana");
        const third = await open();
        expect(await third.disconnect()).to.include({ code: 4503 });
        expect(await third.closed()).to.equal(CLOSE_CODES["connection-limit"]);
      });
    });

    describe("to which many come", () => {
      it("takes so many connections of one user", async () => {
        await begin({ limits: { connectionsPerUser: 1 } });
        await as("ana");
        const second = await open();
        expect(errorCode(await second.ask({ connect: { token: "token-ana" } }))).to.equal(
          "FAILED_PRECONDITION",
        );
        expect(await second.disconnect()).to.include({ code: 4503 });
        expect(await second.closed()).to.equal(CLOSE_CODES["connection-limit"]);
        await as("ben");
      });

      it("tells those when to come back who are too many at once", async () => {
        await begin({ clock: STILL, limits: { connectionsPerSecond: 4 }, random: () => 0.5 });
        const first = await open();
        const others = await Promise.all(Array.from({ length: 6 }, () => open()));
        const last = await Promise.race(others.map((one) => one.disconnect()));
        expect(last).to.include({ code: CLOSE_CODES.overloaded });
        expect(last["retry_after_ms"]).to.be.greaterThan(2_500);
        expect((await first.ask({ connect: { token: "token-ana" } }))["connect"]).to.be.an(
          "object",
        );
      });

      it("opens no socket for those who are far too many, and says when to try again", async () => {
        await begin({ clock: STILL, limits: { connectionsPerSecond: 1 }, random: () => 0.5 });
        const [first, second] = [await open(), await open()];
        expect(await second.closed()).to.equal(CLOSE_CODES.overloaded);
        const { status, headers } = await upgrade(stage.port);
        expect(status).to.equal(503);
        expect(headers["retry-after"]).to.equal("3");
        expect((await first.ask({ connect: { token: "token-ana" } }))["connect"]).to.be.an(
          "object",
        );
      });

      it("lets no connection last for ever, and not all of them equally long", async () => {
        let draws = 0;
        // Three numbers a connection; the third is for its lifetime.
        const random = (): number => (draws++ % 3 === 1 && draws > 3 ? 1 : 0);
        await begin({ limits: { lifetimeMs: 10_000, pingMs: 60_000 }, random });
        const first = await listening("ana", "calendars/ana");
        const second = await listening("ben", "calendars/ben");
        stage.advance(9_000);
        const gone = await Promise.race([
          first.disconnect().then(() => "first"),
          second.disconnect().then(() => "second"),
        ]);
        expect(gone).to.equal("second");
        stage.advance(1_500);
        expect(await first.disconnect()).to.include({ code: CLOSE_CODES.lifetime });
        expect((await first.disconnect())["position"]).to.be.a("string");
      });
    });

    describe("that is told nonsense", () => {
      const endings: readonly (readonly [string, string | Buffer, number])[] = [
        ["no JSON", "{", 4500],
        ["no object", "[1]", 4500],
        ["null", "null", 4500],
        ["no id", '{"ping":{}}', 4500],
        ["a negative id", '{"id":-1,"ping":{}}', 4500],
        ["binary", Buffer.from('{"id":1,"ping":{}}'), 4500],
        ["a message that is too long", `{"id":1,"x":"${"y".repeat(70_000)}"}`, 4500],
      ];
      for (const [what, message, code] of endings) {
        it(`ends the connection: ${what}`, async () => {
          await begin();
          const client = await as("ana");
          client.socket.send(message);
          expect(await client.disconnect()).to.include({ code });
          expect(await client.closed()).to.equal(code);
        });
      }

      const answers: readonly (readonly [string, string, string])[] = [
        ["an unknown command", '{"id":9,"shout":{}}', "UNIMPLEMENTED"],
        ["two commands in one", '{"id":9,"ping":{},"refresh":{}}', "INVALID_ARGUMENT"],
        ["no command", '{"id":9}', "INVALID_ARGUMENT"],
        ["a command that is no object", '{"id":9,"ping":7}', "INVALID_ARGUMENT"],
        ["channels that are none", '{"id":9,"subscribe":{"channels":"a"}}', "INVALID_ARGUMENT"],
        ["an empty list", '{"id":9,"unsubscribe":{"channels":[]}}', "INVALID_ARGUMENT"],
        ["a name of nothing", '{"id":9,"subscribe":{"channels":["x/y"]}}', "INVALID_ARGUMENT"],
        ["a topic", '{"id":9,"subscribe":{"channels":["all"]}}', "INVALID_ARGUMENT"],
        [
          "a forged position",
          '{"id":9,"subscribe":{"channels":["calendars/ana"],"since":["x"]}}',
          "INVALID_ARGUMENT",
        ],
        ["a second connect", '{"id":9,"connect":{"token":"token-ana"}}', "FAILED_PRECONDITION"],
      ];
      for (const [what, message, code] of answers) {
        it(`answers with an error and goes on: ${what}`, async () => {
          await begin();
          const client = await as("ana");
          client.send(message);
          expect(errorCode(await client.answer(9))).to.equal(code);
          expect((await client.ask({ ping: {} }))["ping"]).to.deep.equal({});
        });
      }

      it("survives a message far beyond the limit", async () => {
        await begin();
        const client = await as("ana");
        client.send("y".repeat(1_000_000));
        await client.closed();
        await as("ana");
      });

      it("slows a client down that asks too often, and cuts off one that does not stop", async () => {
        await begin({ limits: { commandsPerSecond: 5 } });
        const client = await as("ana");
        for (let id = 100; id < 110; id++) client.send({ id, ping: {} });
        const last = await client.answer(109);
        expect(last["error"]).to.include({ code: "RATE_LIMITED", outcome: "not_applied" });
        expect(last["error"]).to.have.property("retry_after_ms");
        for (let id = 200; id < 1_400; id++) client.send({ id, ping: {} });
        expect(await client.disconnect()).to.include({ code: 4007 });
        expect(await client.closed()).to.equal(CLOSE_CODES["rate-exceeded"]);
      });
    });

    describe("asked for much over many connections", () => {
      const ping = async (client: LiveClient): Promise<unknown> =>
        errorCode(await client.ask({ ping: {} })) ?? "answered";

      it("slows down the user whose they are, who gains nothing by connecting again", async () => {
        await begin({ clock: STILL, limits: { userCommandsPerSecond: 2 } });
        const [first, second] = [await as("ana"), await as("ana")];
        expect([await ping(first), await ping(second)]).to.deep.equal(["answered", "answered"]);
        for (const client of [first, second, await as("ana")]) {
          expect(await ping(client)).to.equal("RATE_LIMITED");
        }
        expect(await ping(await as("ben"))).to.equal("answered");
      });

      it("slows down the address that they come from", async () => {
        // Two of them are `connect`.
        await begin({ clock: STILL, limits: { addressCommandsPerSecond: 4 } });
        const [ana, ben] = [await as("ana"), await as("ben")];
        expect([await ping(ana), await ping(ben)]).to.deep.equal(["answered", "answered"]);
        expect([await ping(ana), await ping(ben)]).to.deep.equal(["RATE_LIMITED", "RATE_LIMITED"]);
      });
    });

    describe("that is subscribed to", () => {
      it("pushes each change to who hears its channel, and to nobody else", async () => {
        await begin();
        const ana = await listening("ana", "calendars/ana");
        const noa = await listening("noa", "calendars/noa");
        const choir = await listening("ana", "groups/choir");
        stage.shards.commit("calendars/ana", ["a1", "a2"]);
        stage.shards.commit("calendars/noa", ["n1"]);
        stage.shards.commit("groups/choir", ["c1"]);
        expect(titles(await ana.pushed(2))).to.deep.equal(["a1", "a2"]);
        expect(titles(await noa.pushed(1))).to.deep.equal(["n1"]);
        expect(titles(await choir.pushed(1))).to.deep.equal(["c1"]);
        expect(ana.pushes[1]).to.include({ channel: "calendars/ana", shard: "events-am" });
      });

      it("names the change before on the same channel", async () => {
        await begin();
        const ana = await listening("ana", "calendars/ana");
        stage.shards.commit("calendars/ana", ["1"]);
        stage.shards.commit("calendars/ben", ["2"]);
        stage.shards.commit("calendars/ana", ["3"]);
        const pushes = await ana.pushed(2);
        expect(pushes.map(({ previous }) => previous)).to.deep.equal([0, 1]);
      });

      it("tells a user everything that concerns them, over all shards", async () => {
        await begin();
        const ana = await listening("ana", "users/ana");
        stage.shards.commit("calendars/ana.work", ["own"]);
        await ana.pushed(1);
        stage.shards.commit("calendars/zoe", ["invited"], ["ana"]);
        await ana.pushed(2);
        stage.shards.commit("groups/choir", ["member"], ["ana", "ben"]);
        await ana.pushed(3);
        stage.shards.commit("users/ana", ["self"]);
        await ana.pushed(4);
        stage.shards.commit("calendars/ben", ["foreign"], ["zoe"]);
        stage.shards.commit("calendars/ana", ["last"]);
        const all = ["own", "invited", "member", "self", "last"];
        expect(titles(await ana.pushed(5))).to.deep.equal(all);
        expect(new Set(ana.pushes.map(({ channel }) => channel))).to.deep.equal(
          new Set(["users/ana"]),
        );
      });

      it("gives a change on two of its channels once, on the one that it belongs to", async () => {
        await begin();
        const ana = await listening("ana", "users/ana", "calendars/ana", "calendars/ben");
        stage.shards.commit("calendars/ana", ["1", "2"]);
        stage.shards.commit("calendars/ben", ["3"], ["ana"]);
        stage.shards.commit("calendars/cleo", ["4"], ["ana"]);
        stage.shards.commit("calendars/ana", ["5"]);
        const pushes = await ana.pushed(5);
        expect(titles(pushes)).to.deep.equal(["1", "2", "3", "4", "5"]);
        expect(pushes.map(({ channel }) => channel)).to.deep.equal([
          "calendars/ana",
          "calendars/ana",
          "calendars/ben",
          "users/ana",
          "calendars/ana",
        ]);
        // Whoever heard everything has heard it: on this channel or another one.
        expect(pushes.map(({ previous }) => previous)).to.deep.equal([0, 1, 0, 3, 2]);
      });

      it("is silent on a channel that was left, and loses nothing before", async () => {
        await begin();
        const ana = await listening("ana", "calendars/ana", "calendars/ben");
        stage.shards.commit("calendars/ana", ["before"]);
        await ana.pushed(1);
        const left = await ana.ask({ unsubscribe: { channels: ["calendars/ana", "groups/x"] } });
        expect(left["unsubscribe"]).to.deep.equal({ channels: ["calendars/ana"] });
        stage.shards.commit("calendars/ana", ["after"]);
        stage.shards.commit("calendars/ben", ["other"]);
        expect(titles(await ana.pushed(2))).to.deep.equal(["before", "other"]);
      });

      it("hides a channel that one may not hear, and gives the others", async () => {
        await begin();
        stage.gateway.closedChannels.add("calendars/eve");
        const ana = await as("ana");
        const alone = await ana.ask({ subscribe: { channels: ["calendars/eve"] } });
        expect(errorCode(alone)).to.equal("NOT_FOUND");
        const both = await ana.ask({
          subscribe: { channels: ["calendars/eve", "calendars/ana"] },
        });
        const [eve, own] = channelsOf(both);
        expect(eve?.["error"]).to.include({ code: "NOT_FOUND" });
        expect(own).to.include.keys("position").and.not.include.keys("error");
      });

      it("refuses a channel twice, and too many", async () => {
        await begin({ limits: { channelsMax: 2 } });
        const ana = await listening("ana", "calendars/ana");
        const answer = await ana.ask({
          subscribe: { channels: ["calendars/ana", "calendars/b", "calendars/c"] },
        });
        const codes = channelsOf(answer).map((channel) => errorCode(channel));
        expect(codes).to.deep.equal(["ALREADY_EXISTS", undefined, "FAILED_PRECONDITION"]);
      });

      it("says how far it is when nothing of one's own happened", async () => {
        await begin({ limits: { checkpointMs: 0 } });
        const ana = await listening("ana", "calendars/ana");
        stage.shards.commit("calendars/ben", ["silent"]);
        await ana.find((object) => "checkpoint" in object, "a checkpoint");
        const position = positionOf(1, 1);
        expect(ana.objects.at(-1)?.["checkpoint"]).to.deep.equal({ position });
      });

      it("says how far it is behind a push too: for what else is heard that is silence", async () => {
        await begin({ limits: { checkpointMs: 0 } });
        const ana = await listening("ana", "calendars/ana", "calendars/ben");
        stage.shards.commit("calendars/ana", ["one"]);
        const position = positionOf(1, 1);
        const told = await ana.find((object) => "checkpoint" in object, "a checkpoint");
        expect(told["checkpoint"]).to.deep.equal({ position });
      });
    });

    describe("that is asked for one event", () => {
      const nameOf = (sequence: number): string => `e${String(sequence).padStart(26, "0")}`;

      it("pushes its changes alone, live and missed ones", async () => {
        await begin();
        stage.shards.commit("calendars/ana", ["one", "two"]);
        const channel = `events/ana/${nameOf(2)}`;
        const client = await as("ana");
        await client.ask({ subscribe: { channels: [channel], since: [positionOf(1, 0)] } });
        const live = await listening("ana", `events/ana/${nameOf(3)}`);
        stage.shards.commit("calendars/ana", ["three", "four"]);
        expect(titles(await live.pushed(1))).to.deep.equal(["three"]);
        expect(titles(await client.pushed(1))).to.deep.equal(["two"]);
        expect(client.pushes[0]?.channel).to.equal(channel);
        await live.ask({ unsubscribe: { channels: [`events/ana/${nameOf(3)}`] } });
      });

      it("names the change before", async () => {
        await begin();
        const readers = {
          kind: "updated",
          defaultVisibility: "public",
          toReaders: "details",
        } as const;
        const id = nameOf(1);
        const change = (): number => stage.shards.commitEvent("ana", { id }, readers);
        const client = await listening("ana", `events/ana/${id}`);
        change();
        stage.shards.commit("calendars/ana", ["another"]);
        change();
        change();
        const pushes = await client.pushed(3);
        expect(pushes.map(({ previous }) => previous)).to.deep.equal([0, 1, 3]);
      });

      it("sends its change once to who hears the calendar too", async () => {
        await begin();
        const client = await listening("ana", `events/ana/${nameOf(1)}`, "calendars/ana");
        stage.shards.commit("calendars/ana", ["one", "two"]);
        const pushes = await client.pushed(2);
        expect(pushes.map(({ channel }) => channel)).to.deep.equal([
          "calendars/ana",
          "calendars/ana",
        ]);
      });
    });

    describe("that is asked for the state of the cluster", () => {
      it("gives all shards, then those that changed", async () => {
        await begin();
        const replica = { node: "node-1", role: "leader", term: 3 };
        const groups = { shard: 3, ready: true, replicas: [replica] };
        stage.shards.statuses = [{ ...groups, shard: 1 }, groups];
        const client = await as("ana");
        const answer = await client.ask({ subscribe: { channels: ["cluster"] } });
        expect(channelsOf(answer)[0]).to.include({ channel: "cluster" });
        const pushed = (): readonly unknown[] =>
          client.objects
            .map(({ push }) => push)
            .filter((push) => isObject(push) && push["channel"] === "cluster");
        await client.until(() => pushed().length > 0, "the state of the cluster");
        stage.shards.statuses = [
          { ...groups, shard: 1 },
          { ...groups, ready: false },
        ];
        await client.until(() => pushed().length > 1, "its change");
        expect(pushed()).to.deep.equal([
          {
            channel: "cluster",
            shards: [
              { name: "events-am", ready: true, replicas: [replica] },
              { name: "groups", ready: true, replicas: [replica] },
            ],
          },
          { channel: "cluster", shards: [{ name: "groups", ready: false, replicas: [replica] }] },
        ]);
      });
    });

    describe("that is resumed", () => {
      it("goes on from a push, at another fan-out, once each and in order", async () => {
        const first = await begin();
        const ana = await listening("ana", "calendars/ana");
        stage.shards.commit("calendars/ana", numbered(1, 3));
        const seen = await ana.pushed(3);
        await first.fanout.close();
        await ana.closed();
        stage.shards.commit("calendars/ana", numbered(4, 20));
        stage.shards.commit("calendars/ben", ["foreign"]);
        await begin({ limits: { ringChanges: 4 } }, first);
        const again = await as("ana");
        const answer = await again.ask({
          subscribe: { channels: ["calendars/ana"], since: [seen.at(-1)?.position] },
        });
        expect(channelsOf(answer)[0]).to.include({ recovered: true });
        stage.shards.commit("calendars/ana", numbered(21, 25));
        const pushes = await again.pushed(22);
        expect(titles(pushes)).to.deep.equal(numbered(4, 25));
        // The feed was read by pages, for this channel alone.
        expect(stage.shards.pagesRead[0]).to.deep.equal({ after: 3, channels: ["calendars/ana"] });
        // Once it goes by what was read, each names the one before.
        const previous = pushes.slice(1).map((push) => push.previous);
        expect(previous).to.deep.equal(sequences(pushes).slice(0, -1));
      });

      it("has what is older read once for all who come, page by page", async () => {
        const first = await begin();
        stage.shards.commit("calendars/ana", numbered(1, 1_100));
        stage.shards.commit("calendars/ben", ["foreign"]);
        await begin({ limits: { ringChanges: 4 } }, first);
        const clients = await Promise.all(Array.from({ length: 4 }, () => as("ana")));
        const sinceOf = (i: number): number => (i % 2 === 0 ? 9 : 5);
        await Promise.all(
          clients.map((client, i) => {
            const since = [positionOf(1, sinceOf(i))];
            return client.ask({ subscribe: { channels: ["calendars/ana"], since } });
          }),
        );
        for (const [i, client] of clients.entries()) {
          const pushes = await client.pushed(1_100 - sinceOf(i));
          expect(titles(pushes)).to.deep.equal(numbered(sinceOf(i) + 1, 1_100));
        }
        const afters = stage.shards.pagesRead.map(({ after }) => after);
        expect(afters.sort((a, b) => a - b)).to.deep.equal([5, 9, 1_024]);
      });

      it("has the newest changes in memory from the beginning, read once for all who come", async () => {
        const first = await begin();
        stage.shards.commit("calendars/ana", numbered(1, 30));
        await begin({}, first);
        const clients = await Promise.all(["ana", "ben", "cleo"].map((user) => as(user)));
        for (const client of clients) {
          await client.ask({
            subscribe: { channels: ["calendars/ana"], since: [positionOf(1, 10)] },
          });
          expect(titles(await client.pushed(20))).to.deep.equal(numbered(11, 30));
        }
        expect(stage.shards.pagesRead).to.deep.equal([]);
        expect(stage.fanout.isReady()).to.equal(true);
      });

      it("goes on from memory", async () => {
        await begin();
        const ana = await listening("ana", "calendars/ana");
        stage.shards.commit("calendars/ana", numbered(1, 9));
        await ana.pushed(9);
        const late = await as("ana");
        const answer = await late.ask({
          subscribe: { channels: ["calendars/ana"], since: [positionOf(1, 4)] },
        });
        expect(channelsOf(answer)[0]).to.deep.equal({
          channel: "calendars/ana",
          position: positionOf(1, 4),
          recovered: true,
        });
        expect(titles(await late.pushed(5))).to.deep.equal(numbered(5, 9));
        expect(stage.shards.pagesRead).to.deep.equal([]);
      });

      it("goes on while changes come all the time", async () => {
        await begin({ limits: { ringChanges: 16 } });
        stage.shards.commit("calendars/ana", numbered(1, 100));
        const ana = await as("ana");
        let committed = 100;
        const writer = setInterval(() => {
          if (committed < 400)
            stage.shards.commit("calendars/ana", numbered(committed + 1, committed + 5));
          committed = Math.min(400, committed + 5);
        }, 1);
        try {
          await ana.ask({ subscribe: { channels: ["calendars/ana"], since: [positionOf(1, 10)] } });
          expect(sequences(await ana.pushed(390))).to.deep.equal(ascending(11, 400));
        } finally {
          clearInterval(writer);
        }
      });

      it("goes on a user's channel over several shards, the last position of each counting", async () => {
        await begin();
        const ana = await as("ana");
        const answer = await ana.ask({ subscribe: { channels: ["users/ana"] } });
        const start = channelsOf(answer)[0]?.["position"];
        stage.shards.commit("calendars/ana", numbered(1, 3));
        stage.shards.commit("groups/choir", ["g1", "g2"], ["ana"]);
        const seen = await ana.pushed(5);
        const second = seen.find(({ title }) => title === "n2");
        const again = await as("ana");
        const resumed = await again.ask({
          subscribe: { channels: ["users/ana"], since: [start, second?.position] },
        });
        expect(channelsOf(resumed)[0]).to.include({ recovered: true });
        const pushes = await again.pushed(3);
        expect(new Set(titles(pushes))).to.deep.equal(new Set(["n3", "g1", "g2"]));
      });

      it("finds a user's further calendars in the feed", async () => {
        const first = await begin();
        stage.shards.commit("calendars/ana.work", ["work"]);
        stage.shards.commit("calendars/ana", ["home"]);
        await first.fanout.close();
        await begin({}, first);
        const ana = await as("ana");
        await ana.ask({ subscribe: { channels: ["users/ana"], since: [positionOf(1, 0)] } });
        expect(titles(await ana.pushed(2))).to.deep.equal(["work", "home"]);
      });

      it("says so when the position is older than the feed, and from where it can be had", async () => {
        await begin();
        stage.shards.commit("calendars/ana", numbered(1, 20));
        const first = stage;
        await begin({}, first);
        stage.shards.feed(1).first = 11;
        const ana = await as("ana");
        const old = await ana.ask({
          subscribe: { channels: ["calendars/ana"], since: [positionOf(1, 9)] },
        });
        const [reply] = channelsOf(old);
        expect(reply).to.include({ recovered: false, too_old: true });
        expect(reply?.["error"]).to.include({ code: "POSITION_GONE" });
        expect(reply?.["first_available"]).to.equal(positionOf(1, 10));
        const again = await ana.ask({
          subscribe: { channels: ["calendars/ana"], since: [reply?.["first_available"]] },
        });
        expect(channelsOf(again)[0]).to.include({ recovered: true });
        expect(titles(await ana.pushed(10))).to.deep.equal(numbered(11, 20));
      });

      it("refuses a position that is too far behind", async () => {
        await begin({ limits: { changesBehindMax: 10 } });
        stage.shards.commit("calendars/ana", numbered(1, 30));
        const ana = await listening("ana", "calendars/ben");
        await ana.until(
          () => stage.events.some((event) => event.kind === "feed" && event.sequence === 30),
          "the feed",
        );
        const answer = await ana.ask({
          subscribe: { channels: ["calendars/ana"], since: [positionOf(1, 5)] },
        });
        expect(channelsOf(answer)[0]).to.include({ too_old: true });
      });

      it("counts what is refused for other reasons than its age", async () => {
        await begin({ limits: { feedMs: 50 } });
        stage.gateway.closedChannels.add("calendars/eve");
        const ana = await as("ana");
        const from = async (position: string, ...channels: string[]): Promise<unknown> => {
          const since = [position];
          await ana.ask({ subscribe: { channels, since } });
          const outcomes = stage.events
            .splice(0)
            .map((event) => event.kind === "resumed" && event.outcome);
          return outcomes.filter((outcome) => outcome !== false);
        };
        expect(await from("nonsense", "calendars/ana")).to.deep.equal(["refused"]);
        expect(await from(positionOf(1, 0), "calendars/eve")).to.deep.equal(["refused"]);
        expect(await from(positionOf(1, 0), "calendars/eve", "calendars/ana")).to.deep.equal([
          "from-memory",
          "refused",
        ]);
        expect(await from(positionOf(1, 9), "calendars/ben")).to.deep.equal(["epoch-changed"]);
      });

      it("refuses a position of another epoch", async () => {
        await begin();
        const ana = await as("ana");
        const answer = await ana.ask({
          subscribe: { channels: ["calendars/ana"], since: [positionOf(1, 0, 7)] },
        });
        expect(channelsOf(answer)[0]?.["error"]).to.include({ code: "EPOCH_CHANGED" });
      });

      // https://github.com/centrifugal/centrifuge-js/pull/385
      it("sends everybody away when a shard was restored", async () => {
        await begin();
        const ana = await listening("ana", "calendars/ana");
        const zoe = await listening("zoe", "calendars/zoe");
        stage.shards.feed(1).epoch = 2;
        stage.shards.feed(1).wake();
        expect(await ana.disconnect()).to.include({ code: 4005 });
        expect(await ana.closed()).to.equal(CLOSE_CODES["feed-interrupted"]);
        stage.shards.commit("calendars/zoe", ["still"]);
        expect(titles(await zoe.pushed(1))).to.deep.equal(["still"]);
      });

      it("waits for a position that another replica has seen already", async () => {
        await begin();
        const ana = await as("ana");
        const since = [positionOf(1, 2)];
        ana.send({ id: 100, subscribe: { channels: ["calendars/ana"], since } });
        await ana.ask({ ping: {} });
        stage.shards.commit("calendars/ana", numbered(1, 4));
        expect(channelsOf(await ana.answer(100))[0]).to.include({ recovered: true });
        expect(titles(await ana.pushed(2))).to.deep.equal(["n3", "n4"]);
      });

      it("refuses a position that nothing comes up to", async () => {
        await begin({ limits: { feedMs: 50 } });
        stage.shards.commit("calendars/ana", numbered(1, 4));
        const ana = await as("ana");
        const since = [positionOf(1, 7), positionOf(4, 1)];
        const answer = await ana.ask({ subscribe: { channels: ["calendars/ana"], since } });
        expect(channelsOf(answer)[0]).to.include({ recovered: false });
        expect(channelsOf(answer)[0]?.["error"]).to.include({ code: "EPOCH_CHANGED" });
        stage.gateway.chosen.set("ana", { channels: ["calendars/ana"], revision: 1 });
        const restored = JSON.stringify(await ana.ask({ restore: { since } }));
        expect(restored).to.include("EPOCH_CHANGED").and.include('"recovered":false');
        const fine = { subscribe: { channels: ["calendars/ana"], since: [positionOf(1, 4)] } };
        expect(channelsOf(await ana.ask(fine))[0]).to.include({ recovered: true });
      });
    });

    describe("with one client that does not read", () => {
      const big = (n: number): string => `${n}:${"x".repeat(60_000)}`;

      it("keeps everything for it, and the others notice nothing", async () => {
        await begin({
          limits: { unsentBytesHigh: 64 * 1024, unsentBytesLow: 16 * 1024, ringChanges: 64 },
        });
        const slow = await listening("ana", "calendars/ana", "users/ana");
        const quick = await listening("ana", "calendars/ana");
        slow.stream.pause();
        const total = 200;
        for (let n = 1; n <= total; n++) {
          stage.shards.commit("calendars/ana", [big(n)]);
          if (n % 10 === 0) await quick.pushed(n);
        }
        // The system's buffers take some of what was above the high mark; it is fed below the low.
        const unsent = (): readonly number[] => stage.fanout.backlog().unsentBytesEach;
        await quick.until(() => Math.max(...unsent()) > 16 * 1024, "unsent bytes");
        expect(unsent()).to.have.length(2);
        const behind = stage.fanout.backlog();
        expect(behind.connectionsBehind).to.equal(1);
        expect(behind.changesBehind.get(1)).to.be.greaterThan(100);
        expect(behind.changesBehind.get(3)).to.equal(0);
        expect(sequences(await quick.pushed(total))).to.deep.equal(ascending(1, total));
        expect(stage.events.some(({ kind }) => kind === "stalled")).to.equal(true);
        slow.stream.resume();
        expect(sequences(await slow.pushed(total))).to.deep.equal(ascending(1, total));
        await slow.until(() => stage.events.some(({ kind }) => kind === "caught-up"), "caught up");
        expect(stage.fanout.backlog().connectionsBehind).to.equal(0);
        stage.shards.commit("calendars/ana", ["live again"]);
        expect((await slow.pushed(total + 1)).at(-1)).to.include({
          title: "live again",
          previous: total,
        });
      });

      it("sends it away with its position when it lags for too long", async () => {
        await begin({ limits: { unsentBytesHigh: 64 * 1024, unsentBytesLow: 16 * 1024 } });
        const slow = await listening("ana", "calendars/ana");
        slow.stream.pause();
        for (let n = 1; n <= 200; n++) {
          stage.shards.commit("calendars/ana", [big(n)]);
          if (n % 10 === 0) await new Promise((resolve) => setImmediate(resolve));
        }
        const quick = await as("ana");
        await quick.until(() => stage.events.some(({ kind }) => kind === "stalled"), "a stall");
        stage.advance(30_000);
        await quick.until(
          () => stage.events.some((event) => event.kind === "unsubscribed"),
          "the disconnect",
        );
        slow.stream.resume();
        const goodbye = await slow.disconnect();
        expect(goodbye).to.include({ code: CLOSE_CODES["too-slow"] });
        // Everything up to the position came before it, without a hole.
        const last = slow.pushes.length;
        expect(sequences(slow.pushes)).to.deep.equal(ascending(1, last));
        expect(goodbye["position"]).to.equal(positionOf(1, last));
        expect(await slow.closed()).to.equal(CLOSE_CODES["too-slow"]);
      });
    });

    describe("which cannot read what a client missed", () => {
      it("says so after a while, and where the client is", async () => {
        const first = await begin();
        stage.shards.commit("calendars/ana", numbered(1, 30));
        await begin({ limits: { ringChanges: 4, pingMs: 1_000_000 } }, first);
        stage.shards.unreadable = true;
        const [ana, ben] = [await as("ana"), await listening("ben", "calendars/ben")];
        const since = [positionOf(1, 3)];
        await ana.ask({ subscribe: { channels: ["calendars/ana"], since } });
        let passedMs = 0;
        const isTold = (): boolean => {
          passedMs += 5_000;
          stage.advance(5_000);
          return ana.objects.some((object) => "disconnect" in object);
        };
        await ana.until(isTold, "the end");
        const position = positionOf(1, 3);
        expect(await ana.disconnect()).to.include({ code: 4005, position });
        expect(passedMs).to.be.greaterThan(30_000);
        expect((await ben.ask({ ping: {} }))["ping"]).to.deep.equal({});
      });
    });

    describe("as time passes", () => {
      it("ends a connection some time after its token, unless that is refreshed", async () => {
        await begin({ limits: { pingMs: 1_000_000 } });
        stage.gateway.expireTimeMs = Date.now() + 60_000;
        const stays = await listening("ana", "calendars/ana");
        const goes = await listening("ana", "calendars/ana");
        stage.gateway.expireTimeMs = Date.now() + 600_000;
        const answer = await stays.ask({ refresh: { token: "token-ana" } });
        expect(answer["refresh"]).to.have.property("expires");
        stage.advance(60_000 + 26_000);
        expect(await goes.disconnect()).to.include({ code: 4001 });
        expect(await goes.closed()).to.equal(4001);
        stage.shards.commit("calendars/ana", ["still here"]);
        expect(titles(await stays.pushed(1))).to.deep.equal(["still here"]);
      });

      it("keeps a connection for its user", async () => {
        await begin();
        const ana = await as("ana");
        const other = await ana.ask({ refresh: { token: "token-ben" } });
        expect(errorCode(other)).to.equal("PERMISSION_DENIED");
        const bad = await ana.ask({ refresh: { token: "nonsense" } });
        expect(errorCode(bad)).to.equal("UNAUTHENTICATED");
        expect((await ana.ask({ ping: {} }))["ping"]).to.deep.equal({});
      });

      it("pings, and ends a connection that gives no sign of life", async () => {
        await begin({ limits: { pingMs: 2_000, pongMs: 1_000 } });
        const alive = await as("ana");
        const dead = await listening("ana", "calendars/ana");
        dead.stream.pause();
        for (let passed = 0; passed < 4_000; passed += 500) {
          stage.advance(500);
          await alive.ask({ ping: {} });
        }
        await alive.until(
          () => stage.events.some((event) => event.kind === "unsubscribed"),
          "the end of the dead one",
        );
        dead.stream.resume();
        expect(await dead.disconnect()).to.include({ code: 4003 });
        expect(await dead.closed()).to.equal(CLOSE_CODES["no-pong"]);
        expect((await alive.ask({ ping: {} }))["ping"]).to.deep.equal({});
      });

      it("asks its clients to go elsewhere when it stops", async () => {
        await begin({ random: () => 0.5 });
        const some = await Promise.all([1, 2, 3].map(() => listening("ana", "calendars/ana")));
        stage.shards.commit("calendars/ana", ["last words"]);
        const closed = stage.fanout.close();
        for (const client of some) {
          expect(await client.disconnect()).to.deep.include({ code: 4000, retry_after_ms: 2_500 });
          expect(await client.closed()).to.equal(4000);
        }
        await closed;
        expect(stage.fanout.isReady()).to.equal(false);
        expect(stage.fanout.connections()).to.equal(0);
      });
    });
  });
}
