import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { expect } from "chai";
import { WebSocketServer } from "ws";
import { testCertificate } from "../fanout/support/certificate.js";
import { eventually } from "../support/eventually.js";
import { SoakSubscriber } from "./subscriber.js";

const CHANNELS = ["calendars/ana", "calendars/nora"];
const AGAIN = { code: "UNREACHABLE", retry_after_ms: 1 };

describe("a subscriber of the soak", () => {
  const tls = testCertificate();
  const server = createServer(tls);
  const sockets = new WebSocketServer({ server });
  let subscriber: SoakSubscriber | undefined;

  before((done) => {
    server.listen(0, "127.0.0.1", done);
  });

  after(() => {
    subscriber?.close();
    for (const socket of sockets.clients) socket.terminate();
    server.close();
  });

  it("goes on from where all of its channels were, whatever came on some while one was refused", async () => {
    const asked: unknown[] = [];
    sockets.on("connection", (socket) => {
      socket.on("message", (data: Buffer) => {
        const { id, subscribe } = JSON.parse(data.toString()) as { id: number; subscribe?: object };
        if (subscribe === undefined) return;
        asked.push(Reflect.get(subscribe, "since"));
        const whole = CHANNELS.map((channel) => ({ channel, position: `${channel} began` }));
        const part = [whole[0], { channel: CHANNELS[1], error: AGAIN }];
        const lines = [
          { id, subscribe: { channels: asked.length === 2 ? part : whole } },
          { push: { channel: CHANNELS[0], change: changeOf(asked.length) } },
        ];
        socket.send(lines.map((line) => JSON.stringify(line)).join("\n"));
        if (asked.length === 1) socket.close(4000);
      });
    });
    const { port } = server.address() as AddressInfo;
    subscriber = new SoakSubscriber({
      user: "ana",
      urls: [`wss://localhost:${port}`],
      ca: tls.cert,
      channels: CHANNELS,
      isRestored: false,
      manner: "steady",
      isRevocable: false,
      random: () => 0,
      token: () => Promise.resolve(""),
    });
    await eventually(() => asked.length === 3, { what: "a third attempt" });
    const first = ["calendars/ana began", "calendars/nora began", "position 1"];
    expect(asked).to.deep.equal([undefined, first, first]);
  });
});

function changeOf(sequence: number): object {
  const { position, kind } = { position: `position ${sequence}`, kind: "CHANGE_KIND_CREATED" };
  return { shard: "events-am", sequence: String(sequence), position, kind, resourceName: "" };
}
