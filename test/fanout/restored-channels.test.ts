import { expect } from "chai";
import { createOpenSocket, Live } from "../../src/client/index.js";
import type { LiveEvent, Subscription } from "../../src/client/index.js";
import { Positions } from "../../src/client/positions.js";
import { eventually } from "../support/eventually.js";
import { testCertificate } from "./support/certificate.js";
import { LiveClient, isObject } from "./support/live-client.js";
import { leaveOutWhereMissing, TRANSPORTS } from "./support/over.js";
import { start } from "./support/start.js";
import type { Stage } from "./support/start.js";

for (const kind of TRANSPORTS) {
  describe(`the channels that a user chose, over ${kind}`, () => {
    let stage: Stage;
    const clients: LiveClient[] = [];
    const lives: Live[] = [];

    leaveOutWhereMissing(kind);
    beforeEach(async () => {
      stage = await start(kind);
    });
    afterEach(async () => {
      for (const client of clients.splice(0)) client.close();
      for (const live of lives.splice(0)) live.close();
      await stage.fanout.close();
    });

    /** As the state machine does: the choice can be read, and its change is in the feed. */
    const choose = (user: string, ...channels: string[]): void => {
      const revision = stage.shards.commitChoice(user, channels);
      stage.gateway.chosen.set(user, { channels, revision });
    };
    const restored = async (user: string): Promise<LiveClient> => {
      const client = await LiveClient.as(user, stage.port);
      clients.push(client);
      await client.ask({ restore: {} });
      return client;
    };
    const titles = (client: LiveClient): readonly string[] =>
      client.pushes.map(({ title }) => title);
    const told = (client: LiveClient, name: string): readonly unknown[] =>
      client.objects.map((object) => object[name]).filter(isObject);
    const library = (): Live => {
      stage.gateway.expireTimeMs = Date.now() + 3_600_000;
      const live = new Live({
        urls: [`wss://localhost:${stage.port}/`],
        tokens: { accessToken: () => Promise.resolve("token-ana") },
        openSocket: createOpenSocket(testCertificate().cert),
        positions: new Positions(),
        random: () => 0,
      });
      lives.push(live);
      return live;
    };
    const hear = (subscription: Subscription): LiveEvent[] => {
      const events: LiveEvent[] = [];
      void (async () => {
        for await (const event of subscription) events.push(event);
      })();
      return events;
    };
    const choices = (events: readonly LiveEvent[]): readonly (readonly string[])[] =>
      events.flatMap((event) => (event.kind === "chosen" ? [event.channels] : []));
    const names = (events: readonly LiveEvent[]): readonly string[] =>
      events.flatMap((event) =>
        event.kind === "change" && event.change.resource.case === "event"
          ? [event.change.resource.value.title]
          : [],
      );

    it("are heard by each device that asks for them", async () => {
      choose("ana", "calendars/ana", "calendars/ana.work");
      const [phone, desk] = [await restored("ana"), await restored("ana")];
      stage.shards.commit("calendars/ana", ["one"]);
      stage.shards.commit("calendars/ana.work", ["two"]);
      stage.shards.commit("calendars/ana.home", ["not chosen"]);
      stage.shards.commit("calendars/ana", ["three"]);
      await phone.pushed(3);
      await desk.pushed(3);
      expect(titles(phone)).to.deep.equal(["one", "two", "three"]);
      expect(titles(desk)).to.deep.equal(["one", "two", "three"]);
    });

    it("follow the choice that another device makes", async () => {
      choose("ana", "calendars/ana");
      const phone = await restored("ana");
      choose("ana", "calendars/nora", "calendars/ana.work");
      await eventually(() => expect(told(phone, "subscribed")).to.have.length(1));
      expect(told(phone, "unsubscribed")).to.deep.equal([{ channels: ["calendars/ana"] }]);
      stage.shards.commit("calendars/ana", ["dropped"]);
      stage.shards.commit("calendars/ana.work", ["added"]);
      stage.shards.commit("calendars/nora", ["added too"]);
      await phone.pushed(2);
      expect([...titles(phone)].sort()).to.deep.equal(["added", "added too"]);
    });

    it("say of each that may not be heard why, and restore the rest", async () => {
      stage.gateway.closedChannels.add("groups/secret");
      choose("ana", "groups/secret", "calendars/ana");
      const client = await LiveClient.as("ana", stage.port);
      clients.push(client);
      const answer = await client.ask({ restore: {} });
      expect(answer).to.have.nested.property("restore.channels[0].error.code", "NOT_FOUND");
      expect(answer).to.have.nested.property("restore.channels[1].channel", "calendars/ana");
    });

    it("leave what a connection asked for itself alone", async () => {
      choose("ana", "calendars/ana", "calendars/ana.work");
      const phone = await restored("ana");
      await phone.ask({ subscribe: { channels: ["calendars/ana"] } });
      choose("ana");
      await eventually(() => expect(told(phone, "unsubscribed")).to.have.length(1));
      stage.shards.commit("calendars/ana.work", ["dropped"]);
      stage.shards.commit("calendars/ana", ["asked for"]);
      await phone.pushed(1);
      expect(titles(phone)).to.deep.equal(["asked for"]);
    });

    it("take an older choice that comes late for what it is", async () => {
      stage.gateway.chosen.set("ana", { channels: ["calendars/ana.work"], revision: 1_000 });
      const phone = await restored("ana");
      stage.shards.commitChoice("ana", ["calendars/ana"]);
      stage.shards.commit("users/ana", ["marks the place"]);
      stage.shards.commit("calendars/ana", ["of an old choice"]);
      stage.shards.commit("calendars/ana.work", ["chosen"]);
      await phone.pushed(1);
      expect(titles(phone)).to.deep.equal(["chosen"]);
    });

    it("are a subscription of the library, that loses nothing when it joins again", async () => {
      choose("ana", "calendars/ana");
      const live = library();
      const events = hear(live.subscribeChosen());
      await eventually(() => expect(choices(events)).to.deep.equal([["calendars/ana"]]));
      choose("ana", "calendars/ana", "calendars/nora");
      await eventually(() =>
        expect(choices(events).at(-1)).to.deep.equal(["calendars/ana", "calendars/nora"]),
      );
      stage.shards.commit("calendars/ana", ["before"]);
      await eventually(() => expect(names(events)).to.deep.equal(["before"]));
      live.goOffline();
      stage.shards.commit("calendars/nora", ["missed"]);
      stage.shards.commit("calendars/ana", ["missed too"]);
      live.wakeUp();
      await eventually(() =>
        expect([...names(events)].sort()).to.deep.equal(["before", "missed", "missed too"]),
      );
      expect(live.counters).to.include({ gaps: 0 });
    });

    it("go on when the library leaves a subscription of its own to one of them", async () => {
      choose("ana", "calendars/ana");
      const live = library();
      const events = hear(live.subscribeChosen());
      await eventually(() => expect(choices(events)).to.have.length(1));
      const own = live.subscribe(["calendars/ana"]);
      const heardByOwn = hear(own);
      await eventually(() => expect(heardByOwn.map((event) => event.kind)).to.include("joined"));
      stage.shards.commit("calendars/ana", ["both"]);
      await eventually(() => expect(names(heardByOwn)).to.deep.equal(["both"]));
      own.end();
      stage.shards.commit("calendars/ana", ["chosen alone"]);
      await eventually(() => expect(names(events)).to.deep.equal(["both", "chosen alone"]));
    });
  });
}
