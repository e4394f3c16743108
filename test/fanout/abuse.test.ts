import { expect } from "chai";
import { eventually } from "../support/eventually.js";
import { Control } from "../support/hostile/control.js";
import { HANDSHAKES } from "../support/hostile/handshakes.js";
import { ended } from "../support/hostile/sockets.js";
import { FRAMES, REQUESTS, UNREAD, UPGRADES } from "../support/hostile/websocket.js";
import { testCertificate } from "./support/certificate.js";
import { isObject, LiveClient } from "./support/live-client.js";
import { leaveOutWhereMissing, TRANSPORTS } from "./support/over.js";
import { start } from "./support/start.js";
import type { Stage } from "./support/start.js";

/** The libraries give a handshake, a request and a goodbye so long. */
const SLOW_MS = 40_000;
/** Of a connection that broke off: who floods is not heard until a goodbye is taken. */
const CUT_OFF = 1006;
const LIMITS = { connectMs: 300, laggingMs: 300 };
/** Three times what one connection may say in a second: refusals count too. */
const JUNK = 3_000;
const RATE_EXCEEDED = 4007;
const MESSAGE = "x".repeat(2_000);
const ABUSES = { ...HANDSHAKES, ...UPGRADES, ...REQUESTS, ...FRAMES, ...UNREAD };

for (const kind of TRANSPORTS) {
  describe(`a fan-out over ${kind}, for a client that`, function () {
    this.timeout(SLOW_MS);
    let stage: Stage;
    let close = (): Promise<void> => Promise.resolve();
    let others: { stop(): Promise<void> };
    /** All at once: most of the time is waiting. */
    const ends = new Map<string, Promise<void>>();

    leaveOutWhereMissing(kind);
    before(async () => {
      stage = await start(kind, { limits: LIMITS });
      close = () => stage.fanout.close();
      others = await listen(stage);
      const target = { port: stage.port, ca: testCertificate().cert };
      for (const [what, abuse] of Object.entries(ABUSES)) ends.set(what, abuse(target).then(ended));
      await Promise.allSettled(ends.values());
    });
    after(() => close());

    for (const what of Object.keys(ABUSES)) {
      it(`${what}, has an end`, () => ends.get(what));
    }

    it("is known and floods pongs, has an end", async () => {
      const client = await LiveClient.as("eve", stage.port);
      for (let i = 0; i < 200; i += 1) client.socket.pong();
      expect(await client.closed()).to.equal(CUT_OFF);
    });

    it("is known and floods pings, has an end", async () => {
      const client = await LiveClient.as("eve", stage.port);
      for (let i = 0; i < 200; i += 1) client.socket.ping();
      expect(await client.closed()).to.equal(CUT_OFF);
    });

    it("says three thousand things that are none, is answered each, or told why not", async () => {
      const client = await LiveClient.as("eve", stage.port);
      const answered = (): number => client.objects.filter(({ error }) => isObject(error)).length;
      for (let id = 1; id <= JUNK; id += 1) client.send({ id, juggle: {} });
      await eventually(() => answered() === JUNK || client.closeCode !== undefined);
      if (client.closeCode === undefined) expect(answered()).to.equal(JUNK);
      else expect(client.closeCode).to.equal(RATE_EXCEEDED);
      client.close();
    });

    it("goes on with it, is cut off with a code that says so", async () => {
      const client = await LiveClient.as("eve", stage.port);
      for (let id = 1; id <= 10 * JUNK; id += 1) client.send({ id, juggle: {} });
      expect(await client.closed()).to.equal(RATE_EXCEEDED);
    });

    it("subscribes and never reads, has an end", async () => {
      const client = await LiveClient.as("eve", stage.port);
      await client.ask({ subscribe: { channels: ["calendars/eve"] } });
      client.stream.pause();
      // More than the system takes for a socket that nobody reads.
      for (let i = 0; i < 40; i += 1) {
        stage.shards.commit("calendars/eve", Array<string>(500).fill(MESSAGE));
        await new Promise(setImmediate);
      }
      await eventually(() => stage.fanout.connections() === 1);
      client.close();
    });

    it("does any of this, lets others notice nothing", () => others.stop());
  });
}

/** Commands and pushes over one socket that was open before. */
async function listen(stage: Stage): Promise<{ stop(): Promise<void> }> {
  const client = await LiveClient.as("ana", stage.port);
  await client.ask({ subscribe: { channels: ["calendars/ana"] } });
  let sent = 0;
  const control = new Control(async () => {
    await client.ask({ ping: {} });
    stage.shards.commit("calendars/ana", [`n${(sent += 1)}`]);
    await client.pushed(sent);
  });
  return {
    stop: async () => {
      await control.stop();
      client.close();
    },
  };
}
