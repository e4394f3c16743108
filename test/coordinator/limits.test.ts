import { once } from "node:events";
import { connect } from "node:http2";
import { Agent, request } from "node:https";
import { connect as connectTls, type TLSSocket } from "node:tls";
import { create } from "@bufbuild/protobuf";
import { expect } from "chai";
import { EventSchema } from "../../gen/cabildo/v1/events_pb.js";
import { eventually } from "../support/eventually.js";
import { openDoor } from "./support/door.js";

const PATH = "/cabildo.v1.EventService/GetEvent";
const EVENT = "/v1/calendars/ana/events/e1";

describe("a coordinator with limits", () => {
  it("takes so many connections of an address, and another one when one has ended", async () => {
    const door = await openDoor({ limits: { connectionsPerAddressMax: 2 } });
    const dial = async (): Promise<TLSSocket | "refused"> => {
      const { port } = door.coordinator;
      const socket = connectTls({ port, host: "127.0.0.1", servername: "localhost", ca: door.ca });
      socket.on("error", () => undefined);
      return await Promise.race([
        once(socket, "secureConnect").then(
          () => socket,
          () => "refused" as const,
        ),
        once(socket, "close").then(() => "refused" as const),
      ]);
    };
    const first = await dial();
    const second = await dial();
    expect(await dial()).to.equal("refused");
    if (first === "refused" || second === "refused") throw new Error("refused too early");
    first.destroy();
    let third: TLSSocket | "refused" = "refused";
    await eventually(async () => {
      third = await dial();
      return third !== "refused";
    });
    second.destroy();
    await door.close();
  });

  it("ends a connection that opens calls only to break them off", async () => {
    const door = await openDoor({ limits: { resetsPerSecondMax: 5 } });
    door.gateway.answer = () => new Promise(() => undefined);
    const session = connect(door.url, { ca: door.ca });
    session.on("error", () => undefined);
    let code: number | undefined;
    session.on("goaway", (said: number) => (code = said));
    await once(session, "connect");
    for (let round = 0; round < 50 && !session.destroyed; round++) {
      const stream = session.request({ ":method": "GET", ":path": EVENT });
      stream.on("error", () => undefined);
      await new Promise((resolve) => setImmediate(resolve));
      stream.close(8);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    await eventually(() => session.destroyed);
    expect(code).to.equal(11);
    expect((await door.send("GET", "/livez")).status).to.equal(200);
    await door.close();
  });

  it("ends a connection whose other side is gone", async () => {
    const door = await openDoor({ limits: { pingMs: 40 } });
    const { port } = door.coordinator;
    const socket = connectTls({
      ...{ port, host: "127.0.0.1", servername: "localhost", ca: door.ca },
      ALPNProtocols: ["h2"],
    });
    await once(socket, "secureConnect");
    // The preface and empty settings, and no word from then on.
    socket.write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    socket.write(Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]));
    socket.resume();
    await once(socket, "close");
    await door.close();
  });

  it("answers no more than a response may have", async () => {
    const door = await openDoor({ limits: { responseBytesMax: 1000 } });
    door.gateway.answer = () => create(EventSchema, { title: "x".repeat(2000) });
    const headers = { "content-type": "application/json" };
    const rpc = await door.send("POST", PATH, headers, "{}");
    expect(rpc.text).to.contain("resource_exhausted").and.contain("ask for less");
    const rest = await door.send("GET", EVENT);
    expect(rest.status).to.equal(400);
    expect(rest.text).to.contain("RESPONSE_TOO_LARGE");
    await door.close();
  });

  for (const [what, headers] of [
    ["on the short way", { "content-type": "application/json" }],
    ["through Connect", { "content-type": "application/json", "content-encoding": "gzip" }],
  ] as const) {
    it(`goes on with a connection of HTTP/1.1 that sent too much ${what}`, async () => {
      const door = await openDoor({ limits: { requestBytesMax: 1000 } });
      const agent = new Agent({ ca: door.ca, keepAlive: true, maxSockets: 1 });
      const post = (body: readonly string[]) =>
        new Promise<number | undefined>((resolve, reject) => {
          const sent = request(
            `${door.url}${PATH}`,
            { method: "POST", agent, headers },
            (response) => {
              response.resume();
              response.on("end", () => resolve(response.statusCode));
            },
          );
          sent.on("error", reject);
          for (const chunk of body) sent.write(chunk);
          sent.end();
        });
      expect(await post(Array.from({ length: 8 }, () => "x".repeat(64 * 1024)))).to.equal(429);
      expect(await post(["not what it says"])).to.equal(400);
      agent.destroy();
      await door.close();
    });
  }

  for (const [what, path] of [
    ["on the short way", PATH],
    ["through Connect", "/cabildo.v1.SyncService/WatchChanges"],
  ] as const) {
    it(`wants no more over HTTP/2 of who sent too much ${what}`, async () => {
      const door = await openDoor({ limits: { requestBytesMax: 1000 } });
      const session = connect(door.url, { ca: door.ca });
      const stream = session.request({
        ...{ ":method": "POST", ":path": path, "content-type": "application/grpc", te: "trailers" },
      });
      const said: Record<string, unknown> = {};
      for (const event of ["response", "trailers"]) {
        stream.on(event, (fields: object) => Object.assign(said, fields));
      }
      stream.resume();
      // Longer than what may be sent unread, and never ended.
      stream.write(Buffer.concat([Buffer.from([0, 0, 16, 0, 0]), Buffer.alloc(1024 * 1024)]));
      await once(stream, "close");
      expect(said["grpc-status"]).to.equal("8");
      expect(stream.rstCode).to.equal(0);
      session.destroy();
      await door.close();
    });
  }
});
