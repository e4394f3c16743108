import { once } from "node:events";
import type { Socket } from "node:net";
import { create } from "@bufbuild/protobuf";
import { expect } from "chai";
import { EventSchema } from "../../gen/cabildo/v1/events_pb.js";
import { eventually } from "../support/eventually.js";
import { dialTls } from "../support/hostile/sockets.js";
import { openDoor, type Door } from "./support/door.js";

/** More than the buffers between both ends take. */
const ANSWER_CHARACTERS = 4_000_000;
/** Many records of TLS, so that some are decrypted after the server has stopped reading. */
const REQUEST_CHARACTERS = 200_000;
const GET_EVENT = "/cabildo.v1.EventService/GetEvent";

describe("a client of HTTP/1.1 that calls again before it has read the last answer", () => {
  let door: Door;
  let socket: Socket | undefined;
  afterEach(async () => {
    socket?.destroy();
    await door.close();
  });

  for (const [way, shortWay] of [
    ["the short way", true],
    ["the libraries' way", false],
  ] as const) {
    it(`is answered both, on ${way}`, async () => {
      door = await openDoor({ shortWay });
      door.gateway.answer = () =>
        Promise.resolve(create(EventSchema, { title: "x".repeat(ANSWER_CHARACTERS) }));
      const client = await dialHttp1(door);
      socket = client;
      client.write(call("{}"));
      const [first] = (await once(client, "data")) as [Buffer];
      client.pause();
      let read = first.toString("latin1");
      client.on("data", (chunk: Buffer) => (read += chunk.toString("latin1")));
      await write(client, call(JSON.stringify({ name: "y".repeat(REQUEST_CHARACTERS) })));
      client.resume();
      await eventually(() => client.closed || read.length > 2 * ANSWER_CHARACTERS);
      expect(read.match(/HTTP\/1\.1 \d+/gu)).to.deep.equal(["HTTP/1.1 200", "HTTP/1.1 200"]);
    });
  }
});

function dialHttp1({ coordinator, ca }: Door): Promise<Socket> {
  return dialTls({ port: coordinator.port, ca }, { ALPNProtocols: ["http/1.1"] });
}

function call(body: string): string {
  const headers = ["host: localhost", "content-type: application/json"];
  const head = [`POST ${GET_EVENT} HTTP/1.1`, ...headers, `content-length: ${body.length}`];
  return `${head.join("\r\n")}\r\n\r\n${body}`;
}

/** Once the system has taken it all. */
async function write(socket: Socket, text: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    socket.write(text, (error) => (error ? reject(error) : resolve()));
  });
}
