import { createHash } from "node:crypto";
import { create } from "@bufbuild/protobuf";
import { expect } from "chai";
import { EventSchema } from "../../gen/cabildo/v1/events_pb.js";
import type { FanoutOptions } from "../../src/fanout/index.js";
import { channelsOf } from "./support/live-client.js";
import type { LiveClient } from "./support/live-client.js";
import { openOver, TRANSPORTS } from "./support/over.js";
import type { Stage } from "./support/start.js";

const CHANNELS = ["calendars/ana"];
const digest = (text: string): string => createHash("sha256").update(text).digest("hex");
const numbered = (from: number, to: number): readonly string[] =>
  Array.from({ length: to - from + 1 }, (_, i) => `n${from + i}`);

for (const kind of TRANSPORTS) {
  describe(`a fan-out over ${kind} has no bug of others`, () => {
    let stage: Stage;
    const { clients, as, ...opened } = openOver(kind);

    const begin = async (options: Partial<FanoutOptions> = {}): Promise<void> => {
      const last = opened.last();
      stage = await opened.begin(options, last && { shards: last.shards });
    };
    const resume = async (since: string): Promise<LiveClient> => {
      const client = await as("ana");
      const answer = await client.ask({ subscribe: { channels: CHANNELS, since: [since] } });
      expect(channelsOf(answer)[0]).to.include({ recovered: true });
      return client;
    };
    const now = async (): Promise<string> => {
      const client = await as("ana");
      const answer = await client.ask({ subscribe: { channels: CHANNELS } });
      client.close();
      return String(channelsOf(answer)[0]?.["position"]);
    };
    const titlesOf = (client: LiveClient): readonly string[] =>
      client.pushes.map(({ title }) => title);

    // https://github.com/socketio/socket.io/issues/4880
    it("socket.io#4880: a client that is cut off twenty times in a row is resumed each time", async () => {
      await begin();
      let since = await now();
      const heard: string[] = [];
      for (let n = 1; n <= 20; n++) {
        stage.shards.commit("calendars/ana", numbered(2 * n - 1, 2 * n));
        const client = await resume(since);
        const pushes = await client.pushed(2);
        heard.push(...titlesOf(client));
        since = pushes.at(-1)?.position ?? "";
        client.close();
      }
      expect(heard).to.deep.equal(numbered(1, 40));
    });

    // https://github.com/socketio/socket.io/issues/5538
    it("socket.io#5538: a client that is cut off before its first change is resumed all the same", async () => {
      await begin();
      const since = await now();
      stage.shards.commit("calendars/ana", ["first"]);
      const client = await resume(since);
      await client.pushed(1);
      expect(titlesOf(client)).to.deep.equal(["first"]);
    });

    // https://github.com/dunglas/mercure/issues/1382
    it("mercure#1382: a recent position is found in a feed far longer than memory", async () => {
      await begin();
      const first = await now();
      stage.shards.commit("calendars/ana", numbered(1, 3_000));
      await begin({ limits: { ringChanges: 16 } });
      const recent = [{ shard: 1, epoch: 1, sequence: 2_995 }];
      const client = await resume(stage.gateway.positions.encode(recent));
      await client.pushed(5);
      expect(titlesOf(client)).to.deep.equal(numbered(2_996, 3_000));
      const whole = await resume(first);
      await whole.pushed(3_000);
      expect(titlesOf(whole)).to.deep.equal(numbered(1, 3_000));
    });

    // https://github.com/dunglas/mercure/issues/178
    it("mercure#178: nothing falls between what is read and what comes, however often one joins", async () => {
      await begin({ limits: { ringChanges: 8 } });
      let since = await now();
      let committed = 0;
      const heard: string[] = [];
      const writing = setInterval(() => {
        stage.shards.commit("calendars/ana", numbered(committed + 1, committed + 3));
        committed += 3;
      }, 1);
      for (let n = 0; n < 40; n++) {
        const client = await resume(since);
        await client.pushed(5);
        client.close();
        heard.push(...titlesOf(client));
        since = client.pushes.at(-1)?.position ?? since;
      }
      clearInterval(writing);
      expect(heard).to.deep.equal(numbered(1, heard.length));
    });

    // https://github.com/centrifugal/centrifugo/issues/394
    it("centrifugo#394: one that is cut off while it recovers, again and again, comes to the end", async () => {
      await begin();
      let since = await now();
      stage.shards.commit("calendars/ana", numbered(1, 2_000));
      await begin({ limits: { ringChanges: 16 } });
      const heard: string[] = [];
      while (heard.length < 2_000) {
        const client = await resume(since);
        await client.pushed(Math.min(150, 2_000 - heard.length));
        client.close();
        heard.push(...titlesOf(client));
        since = client.pushes.at(-1)?.position ?? since;
      }
      expect(heard).to.deep.equal(numbered(1, 2_000));
    });

    // https://github.com/centrifugal/centrifuge/issues/255
    it("centrifuge#255: a burst of more than a client may have unsent cuts off nobody who reads", async () => {
      await begin({ limits: { unsentBytesHigh: 64 * 1024, unsentBytesLow: 16 * 1024 } });
      const readers = await Promise.all(["ana", "ben", "cleo"].map((user) => as(user)));
      for (const reader of readers) await reader.ask({ subscribe: { channels: CHANNELS } });
      const big = numbered(1, 500).map((title) => title.padEnd(2_000, "x"));
      for (let at = 0; at < big.length; at += 50) {
        stage.shards.commit("calendars/ana", big.slice(at, at + 50));
      }
      for (const reader of readers) {
        await reader.pushed(500);
        expect(titlesOf(reader)).to.deep.equal(big);
        expect(reader.closeCode).to.equal(undefined);
      }
    });

    // https://github.com/phoenixframework/phoenix/issues/2255
    it("phoenix#2255: who leaves and joins again in one breath has joined, and hears a change once", async () => {
      await begin();
      const client = await as("ana");
      await client.ask({ subscribe: { channels: CHANNELS } });
      client.send({ id: 101, unsubscribe: { channels: CHANNELS } });
      client.send({ id: 102, subscribe: { channels: CHANNELS } });
      client.send({ id: 103, unsubscribe: { channels: CHANNELS } });
      client.send({ id: 104, subscribe: { channels: CHANNELS } });
      await client.answer(104);
      stage.shards.commit("calendars/ana", ["once"]);
      await client.pushed(1);
      await client.ask({ ping: {} });
      expect(titlesOf(client)).to.deep.equal(["once"]);
    });

    // https://github.com/uNetworking/uWebSockets.js/issues/535
    it("uWebSockets.js#535: what was said is whole a moment later, however much is said meanwhile", async () => {
      await begin();
      stage.gateway.answer = async ({ request }) => {
        await new Promise((resolve) => setTimeout(resolve, 1));
        return create(EventSchema, { title: digest(String(Reflect.get(request, "name"))) });
      };
      const method = "cabildo.v1.EventService/GetEvent";
      const clients = await Promise.all(["ana", "ben", "cleo", "dan"].map((user) => as(user)));
      const told = clients.flatMap((client, i) =>
        Array.from({ length: 100 }, async (_, n) => {
          const request = { name: `${i} ${n} `.repeat(500) };
          const { rpc } = await client.ask({ rpc: { method, request } });
          expect(rpc).to.deep.equal({ response: { title: digest(request.name) } });
        }),
      );
      await Promise.all(told);
    });

    // https://github.com/centrifugal/centrifuge-js/pull/385
    it("centrifuge-js#385: a restored shard ends what was subscribed and what was chosen, and both are told so", async () => {
      await begin();
      stage.gateway.chosen.set("ana", { channels: CHANNELS, revision: 1 });
      stage.shards.commit("calendars/ana", ["before"]);
      const since = [stage.gateway.positions.encode([{ shard: 1, epoch: 1, sequence: 1 }])];
      const commands = [{ subscribe: { channels: CHANNELS, since } }, { restore: { since } }];
      const before = await Promise.all(
        commands.map(async (command) => {
          const client = await as("ana");
          await client.ask(command);
          return client;
        }),
      );
      const feed = stage.shards.feed(1);
      feed.epoch = 2;
      feed.wake();
      for (const client of before) expect(await client.disconnect()).to.include({ code: 4005 });
      for (const command of commands) {
        const again = JSON.stringify(await (await as("ana")).ask(command));
        expect(again).to.include("EPOCH_CHANGED").and.include('"recovered":false');
      }
    });

    // https://github.com/soketi/soketi/issues/863
    it("soketi#863: a change is written down once, for however many it is", async () => {
      await begin();
      const users = Array.from({ length: 20 }, (_, i) => `u${String.fromCharCode(97 + i)}`);
      const reads = async (title: string, count: number): Promise<number> => {
        let looked = 0;
        const feed = stage.shards.feed(1);
        stage.shards.commit("calendars/ana", [title], users);
        const item = feed.items.at(-1);
        if (item === undefined) throw new Error("nothing was committed");
        const { change, ...rest } = item;
        feed.items[feed.items.length - 1] = {
          ...rest,
          get change() {
            looked += 1;
            return change;
          },
        };
        await Promise.all(clients.map((client) => client.pushed(count)));
        return looked;
      };
      for (const user of ["ana", ...users.slice(0, 1)]) {
        await (await as(user)).ask({ subscribe: { channels: [...CHANNELS, `users/${user}`] } });
      }
      const alone = await reads("for two", 1);
      clients.splice(0).forEach((client) => client.close());
      for (const user of users) {
        for (const channel of [...CHANNELS, `users/${user}`]) {
          await (await as(user)).ask({ subscribe: { channels: [channel] } });
        }
      }
      expect(await reads("for forty", 1)).to.equal(alone);
      const published = stage.events.flatMap((event) =>
        event.kind === "pushed" && event.path === "topic" ? [event.deliveries] : [],
      );
      expect(published).to.deep.equal([2, 20]);
    });

    // https://github.com/uNetworking/uWebSockets.js/issues/527
    it("uWebSockets.js#527: while very many channels are left, the others hear everything", async () => {
      await begin();
      const many = Array.from({ length: 100 }, (_, i) => `calendars/ana.c${i}`);
      const leaving = await Promise.all(Array.from({ length: 30 }, () => as("ben")));
      for (const client of leaving) await client.ask({ subscribe: { channels: many } });
      const stays = await as("ana");
      await stays.ask({ subscribe: { channels: CHANNELS } });
      const left = leaving.map((client) => client.ask({ unsubscribe: { channels: many } }));
      for (let n = 1; n <= 50; n++) {
        stage.shards.commit("calendars/ana", [`n${n}`]);
        await stays.pushed(n);
      }
      for (const answer of await Promise.all(left)) {
        expect(answer["unsubscribe"]).to.deep.equal({ channels: many });
      }
      stage.shards.commit("calendars/ana.c0", ["late"]);
      await stays.ask({ ping: {} });
      for (const client of leaving) await client.ask({ ping: {} });
      expect(titlesOf(stays)).to.deep.equal(numbered(1, 50));
      expect(leaving.flatMap(titlesOf)).to.deep.equal([]);
    });
  });
}
