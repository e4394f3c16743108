import { expect } from "chai";
import { probeNativeTransport } from "../../src/fanout/index.js";
import type { TransportKind } from "../../src/fanout/index.js";
import { LiveClient, channelsOf, errorCode, isObject } from "./support/live-client.js";
import { start } from "./support/start.js";
import type { Stage } from "./support/start.js";

for (const kind of ["uws", "ws"] satisfies TransportKind[]) {
  describe(`a fan-out over ${kind}`, () => {
    let stage: Stage;
    const clients: LiveClient[] = [];

    const as = async (user: string, port = stage.port): Promise<LiveClient> => {
      const client = await LiveClient.as(user, port);
      clients.push(client);
      return client;
    };

    before(async function () {
      // Node 22 and later have no native build of uWebSockets.js on this system: only `ws` serves there.
      if (kind === "uws" && !(await probeNativeTransport()).native) this.skip();
    });

    beforeEach(async () => {
      stage = await start(kind);
    });

    afterEach(async () => {
      for (const client of clients.splice(0)) client.close();
      await stage.fanout.close();
    });

    it("pushes a change to who subscribed", async () => {
      const ana = await as("ana");
      const answer = await ana.ask({ subscribe: { channels: ["calendars/ana"] } });
      expect(channelsOf(answer)[0]).to.include.keys("channel", "position");
      stage.shards.commit("calendars/ana", ["lunch"]);
      const [push] = await ana.pushed(1);
      expect(push).to.include({
        channel: "calendars/ana",
        sequence: 1,
        previous: 0,
        shard: "events-am",
        title: "lunch",
      });
    });
    void isObject;
    void errorCode;
  });
}
