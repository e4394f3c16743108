import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import { expect } from "chai";
import { create } from "@bufbuild/protobuf";
import { EventSchema } from "../../gen/cabildo/v1/events_pb.js";
import { Control } from "../support/hostile/control.js";
import { HANDSHAKES } from "../support/hostile/handshakes.js";
import { HTTP_ABUSES } from "../support/hostile/http.js";
import { ended } from "../support/hostile/sockets.js";
import { openDoor } from "./support/door.js";
import type { Door } from "./support/door.js";

const EVENT = "/v1/calendars/ana/events/e1";

describe("a coordinator, for a client that", () => {
  for (const [what, abuse] of Object.entries({ ...HANDSHAKES, ...HTTP_ABUSES })) {
    it(`${what}, has an end, and others notice nothing`, async () => {
      const door = await openDoor({ limits: { handshakeMs: 300 } });
      const others = callAgainAndAgain(door);
      await ended(await abuse({ port: door.coordinator.port, ca: door.ca }));
      await others.stop();
      await door.close();
    });
  }

  it("takes nothing of its answers, loses the calls, and others notice nothing", async () => {
    const door = await openDoor({ limits: { pingMs: 100 } });
    const description = "x".repeat(100_000);
    door.gateway.answer = () => Promise.resolve(create(EventSchema, { description }));
    const others = callAgainAndAgain(door);
    const session = connectHttp2(door.url, { ca: door.ca, settings: { initialWindowSize: 1 } });
    session.on("error", () => undefined);
    const stream = session.request({ ":method": "GET", ":path": EVENT });
    stream.on("error", () => undefined);
    await once(stream, "close");
    expect(stream.rstCode).to.equal(8);
    session.destroy();
    await others.stop();
    await door.close();
  });
});

/** Over one connection. */
function callAgainAndAgain(door: Door): { stop(): Promise<void> } {
  const session = connectHttp2(door.url, { ca: door.ca });
  const control = new Control(async () => {
    const stream = session.request({ ":path": "/livez" });
    const [headers] = (await once(stream, "response")) as [{ readonly ":status"?: number }];
    if (headers[":status"] !== 200) throw new Error(`answered ${headers[":status"]}`);
    stream.resume();
  });
  return {
    stop: async () => {
      await control.stop();
      session.destroy();
    },
  };
}
