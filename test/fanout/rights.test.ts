import { expect } from "chai";
import { CLOSE_CODES } from "../../src/fanout/index.js";
import { eventually } from "../support/eventually.js";
import { channelsOf, errorCode, isObject } from "./support/live-client.js";
import type { LiveClient } from "./support/live-client.js";
import { openOver, TRANSPORTS } from "./support/over.js";
import type { Stage } from "./support/start.js";

const titles = (client: LiveClient): readonly string[] => client.pushes.map(({ title }) => title);
const unsubscribed = (client: LiveClient): readonly unknown[] =>
  client.objects.map((object) => object["unsubscribed"]).filter((value) => value !== undefined);

for (const kind of TRANSPORTS) {
  describe(`rights, over ${kind}`, () => {
    let stage: Stage;
    const opened = openOver(kind);
    const { open, as, listening } = opened;

    const begin = async (...how: Parameters<typeof opened.begin>): Promise<void> => {
      stage = await opened.begin(...how);
    };
    const positionOf = (sequence: number): string =>
      stage.gateway.positions.encode([{ shard: 3, epoch: 1, sequence }]);

    it("end with the change that ends them: everything before it arrives, nothing from it on", async () => {
      await begin();
      const ana = await listening("ana", "groups/choir");
      const ben = await listening("ben", "groups/choir");
      stage.shards.commit("groups/choir", ["g1", "g2"]);
      stage.shards.commitMember("choir", "ana", "deleted");
      stage.shards.commit("groups/choir", ["g3", "g4"]);
      await ben.pushed(5);
      await ana.find((object) => object["unsubscribed"] !== undefined, "the end of the right");
      await ana.ask({ ping: {} });
      expect(titles(ana)).to.deep.equal(["g1", "g2"]);
      expect(unsubscribed(ana)).to.have.nested.property("[0].channels[0]", "groups/choir");
      expect(unsubscribed(ana)).to.have.nested.property("[0].error.code", "NOT_FOUND");
      expect(unsubscribed(ben)).to.deep.equal([]);
    });

    it("end for a user's own channel with what the user may still see", async () => {
      await begin();
      const ana = await listening("ana", "groups/choir", "users/ana");
      stage.shards.commit("groups/choir", ["g1"]);
      stage.shards.commitMember("choir", "ana", "deleted");
      stage.shards.commit("groups/choir", ["g2"]);
      stage.shards.commit("calendars/ana", ["mine"]);
      const pushes = await ana.pushed(3);
      const heard = pushes.map(({ channel, title }) => [channel, title]);
      expect(heard).to.deep.equal([
        ["groups/choir", "g1"],
        ["users/ana", "undefined"],
        ["users/ana", "mine"],
      ]);
    });

    it("end for a socket that is still given what it missed", async () => {
      await begin();
      const missed = Array.from({ length: 400 }, (_, i) => `old ${i}`);
      stage.shards.commit("groups/choir", missed);
      await begin({ limits: { unsentBytesLow: -1 } }, stage);
      const ana = await as("ana");
      // Nothing is ever below that mark: the replay waits for good.
      const answer = await ana.ask({
        subscribe: { channels: ["groups/choir"], since: [positionOf(0)] },
      });
      expect(channelsOf(answer)[0]).to.include({ recovered: true });
      stage.shards.commitMember("choir", "ana", "deleted");
      stage.shards.commit("groups/choir", ["after"]);
      await ana.find((object) => object["unsubscribed"] !== undefined, "the end of the right");
      await ana.ask({ ping: {} });
      expect(titles(ana)).to.not.include("after");
    });

    it("that were given anew begin there: what lies between is not for the member", async () => {
      await begin();
      stage.shards.commit("groups/choir", ["g1"]);
      stage.shards.commitMember("choir", "ana", "deleted");
      stage.shards.commit("groups/choir", ["secret"]);
      const joined = stage.shards.commitMember("choir", "ana", "created");
      stage.shards.commit("groups/choir", ["g5"]);
      stage.gateway.grantedSince.set("groups/choir", joined);
      const ana = await as("ana");
      const tooOld = await ana.ask({
        subscribe: { channels: ["groups/choir"], since: [positionOf(1)] },
      });
      const [refused] = channelsOf(tooOld);
      expect(refused).to.include({ too_old: true, recovered: false });
      const since = [String(refused?.["first_available"])];
      await ana.ask({ subscribe: { channels: ["groups/choir"], since } });
      await ana.pushed(2);
      expect(titles(ana)).to.deep.equal(["undefined", "g5"]);
    });

    it("that began and ended ahead of what is followed are given no more of: who joined then is behind", async () => {
      await begin();
      const head = stage.shards.commit("groups/choir", ["g1"]);
      const ana = await as("ana");
      stage.gateway.grantedSince.set("groups/choir", head + 3);
      const [begun] = channelsOf(await ana.ask({ subscribe: { channels: ["groups/choir"] } }));
      expect(begun).to.include({ position: positionOf(head + 2) });
      stage.shards.commit("groups/choir", ["secret", "secret too"]);
      stage.shards.commitMember("choir", "ana", "created");
      stage.shards.commit("groups/choir", ["g5", "g6"]);
      stage.shards.commitMember("choir", "ana", "deleted");
      stage.shards.commit("groups/choir", ["after"]);
      await ana.find((object) => object["unsubscribed"] !== undefined, "the end of the right");
      await ana.ask({ ping: {} });
      expect(titles(ana)).to.deep.equal([]);
    });

    it("that end while they are asked for are not given", async () => {
      await begin();
      const ana = await as("ana");
      let release: () => void = () => undefined;
      stage.gateway.holdChannels = new Promise((resolve) => (release = resolve));
      const answer = ana.ask({ subscribe: { channels: ["groups/choir"] } });
      await ana.ask({ ping: {} });
      const other = await as("ben");
      stage.shards.commitMember("choir", "ana", "deleted");
      await eventually(() => stage.events.some((event) => event.kind === "right-ended"));
      release();
      const [refused] = channelsOf(await answer);
      expect(isObject(refused?.["error"]) && refused["error"]["code"]).to.equal("NOT_FOUND");
      stage.shards.commit("groups/choir", ["after"]);
      await other.ask({ subscribe: { channels: ["groups/choir"], since: [positionOf(1)] } });
      await other.pushed(1);
      expect(ana.pushes).to.deep.equal([]);
    });

    it("end with their session, at once and on every connection of it", async () => {
      await begin();
      const ana = await listening("ana", "calendars/ana");
      const idle = await as("ana");
      const ben = await listening("ben", "calendars/ben");
      stage.shards.commitSessionEnd("ana", "s-ana");
      expect(await ana.closed()).to.equal(CLOSE_CODES["invalid-token"]);
      expect(await idle.closed()).to.equal(CLOSE_CODES["invalid-token"]);
      expect((await ben.ask({ ping: {} }))["ping"]).to.deep.equal({});
      // Its tokens are good no longer, whatever else still believes them.
      const again = await open();
      expect(errorCode(await again.ask({ connect: { token: "token-ana" } }))).to.equal(
        "UNAUTHENTICATED",
      );
      const delays = stage.events.filter((event) => event.kind === "right-ended");
      expect(delays).to.have.length(1);
    });
  });
}
