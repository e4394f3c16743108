import { expect } from "chai";
import type { ReaderGrant } from "../../src/gateway/types.js";
import { eventually } from "../support/eventually.js";
import { channelsOf, isObject } from "./support/live-client.js";
import type { LiveClient } from "./support/live-client.js";
import { openOver, TRANSPORTS } from "./support/over.js";
import type { Stage } from "./support/start.js";

const CALENDAR = "calendars/ana";
const NAMES = ["e00000000000000000000000001", "e00000000000000000000000002"] as const;

for (const kind of TRANSPORTS) {
  describe(`readers of a calendar, over ${kind}`, () => {
    let stage: Stage;
    const { begin, as } = openOver(kind);

    beforeEach(async () => {
      stage = await begin();
      for (const user of ["ben", "eve"]) grant(user);
    });

    const grant = (user: string, more: Partial<ReaderGrant> = {}): void => {
      const none = { seesAll: false, asMember: false, through: ["choir"], seenSince: 0, asOf: 0 };
      const reader = { ...none, ...more };
      stage.gateway.readers.set(`${user} ${CALENDAR}`, reader);
    };
    const listening = async (user: string, since?: string): Promise<LiveClient> => {
      const client = await as(user);
      const from = since === undefined ? {} : { since: [since] };
      const answer = await client.ask({ subscribe: { channels: [CALENDAR], ...from } });
      expect(channelsOf(answer)[0]).to.have.property("position");
      return client;
    };
    const changes = (client: LiveClient): readonly Record<string, unknown>[] =>
      client.objects
        .map(({ push }) => push)
        .filter(isObject)
        .map(({ change }) => change)
        .filter(isObject);
    /** Of each change its kind, the event's title, and whether there is an event at all. */
    const heard = (client: LiveClient): readonly string[] =>
      changes(client).map(({ kind: what, event }) => {
        const shown = isObject(event) ? JSON.stringify(event["title"] ?? "") : "nothing";
        return `${String(what).replace("CHANGE_KIND_", "")} ${shown}`;
      });
    const commitAll = (): void => {
      const { shards } = stage;
      const priv = { visibility: "private" } as const;
      shards.commitEvent("ana", { title: "open" }, { kind: "created", toReaders: "details" });
      shards.commitEvent("ana", priv, { kind: "created", toReaders: "busy-created" });
      shards.commitEvent("ana", priv, { kind: "updated", toReaders: "nothing" });
      shards.commitEvent("ana", priv, { kind: "updated", toReaders: "busy-updated" });
      shards.commitEvent(
        "ana",
        { ...priv, state: "cancelled" },
        { kind: "updated", toReaders: "gone" },
      );
      shards.commitEvent("ana", { title: "last" }, { kind: "created", toReaders: "details" });
    };
    const SEEN = [
      'CREATED "open"',
      'CREATED ""',
      'UPDATED ""',
      "DELETED nothing",
      'CREATED "last"',
    ] as const;
    const ended = (client: LiveClient): readonly string[] =>
      client.objects
        .map(({ unsubscribed }) => unsubscribed)
        .filter(isObject)
        .map(({ error }) => (isObject(error) ? String(error["code"]) : ""));

    it("hear what they see, each change once, and of the rest nothing", async () => {
      const [ben, ana] = [await listening("ben"), await listening("ana")];
      commitAll();
      await ben.pushed(SEEN.length);
      await ana.pushed(6);
      expect(heard(ben)).to.deep.equal(SEEN);
      expect(JSON.stringify(ben.objects)).to.not.include("secret");
      // What was left out is no gap.
      const previous = changes(ben).map(({ previousSequence }) => Number(previousSequence ?? 0));
      expect(previous).to.deep.equal([0, 1, 2, 4, 5]);
      expect(heard(ana).filter((change) => change.includes("secret"))).to.have.length(4);
    });

    it("hear the same where they come later, from memory and from the feed", async () => {
      commitAll();
      grant("ben", { asOf: 6 });
      const before = stage.gateway.positions.encode([{ shard: 1, epoch: 1, sequence: 0 }]);
      const memory = await listening("ben", before);
      await memory.pushed(SEEN.length);
      stage = await begin({ limits: { ringChanges: 2 } }, stage);
      const feed = await listening("ben", before);
      await feed.pushed(SEEN.length);
      expect(heard(memory)).to.deep.equal(SEEN);
      expect(heard(feed)).to.deep.equal(SEEN);
      expect(JSON.stringify(feed.objects)).to.not.include("secret");
    });

    it("who have a part in an event hear all of it, and who had one what they see now", async () => {
      const [ben, eve] = [await listening("ben"), await listening("eve")];
      const attendee = { optional: false, response: "needs-action", comment: "" } as const;
      const attendees = [{ ...attendee, user: "ben", respondTimeMs: 0 }];
      const event = { visibility: "private", attendees } as const;
      stage.shards.commitEvent("ana", event, { kind: "created", toReaders: "busy-created" });
      stage.shards.commitEvent(
        "ana",
        { visibility: "private" },
        { kind: "updated", toReaders: "nothing", formerly: ["ben"] },
      );
      stage.shards.commitEvent("ana", { title: "end" }, { kind: "created", toReaders: "details" });
      await ben.pushed(3);
      await eve.pushed(2);
      expect(heard(ben)).to.deep.equal(['CREATED "secret"', 'UPDATED ""', 'CREATED "end"']);
      expect(heard(eve)).to.deep.equal(['CREATED ""', 'CREATED "end"']);
    });

    it("hear nothing from the change on that takes the right away", async () => {
      const [ben, eve] = [await listening("ben"), await listening("eve")];
      stage.shards.commit(CALENDAR, ["hidden from readers: it says nothing of them"]);
      stage.shards.commitEvent("ana", { title: "1" }, { kind: "created", toReaders: "details" });
      stage.shards.commitCalendar("ana", ["eve"]);
      stage.shards.commitEvent("ana", { title: "2" }, { kind: "created", toReaders: "details" });
      await eve.pushed(3);
      await eventually(() => expect(ended(ben)).to.deep.equal(["NOT_FOUND"]));
      await ben.ask({ ping: {} });
      expect(heard(ben)).to.deep.equal(['CREATED "1"']);
      expect(heard(eve)).to.deep.equal(['CREATED "1"', "UPDATED nothing", 'CREATED "2"']);
    });

    it("hear it on where it is open to everyone, until it is not", async () => {
      const ben = await listening("ben");
      stage.shards.commitCalendar("ana", [], true);
      stage.shards.commitEvent("ana", { title: "1" }, { kind: "created", toReaders: "details" });
      await ben.pushed(2);
      stage.shards.commitCalendar("ana", []);
      await eventually(() => expect(ended(ben)).to.deep.equal(["NOT_FOUND"]));
    });

    it("as members of a group are asked for again where their place changes, and lose nothing", async () => {
      grant("ben", { asMember: true });
      const ben = await listening("ben");
      let answer: () => void = () => undefined;
      stage.gateway.holdChannels = new Promise((resolve) => (answer = resolve));
      stage.shards.commitEvent("ana", { title: "1" }, { kind: "created", toReaders: "details" });
      stage.shards.commitStanding("choir", "ben");
      stage.shards.commitEvent("ana", { title: "2" }, { kind: "created", toReaders: "details" });
      await ben.pushed(1);
      await ben.ask({ ping: {} });
      expect(heard(ben)).to.deep.equal(['CREATED "1"']);
      answer();
      await ben.pushed(2);
      stage.shards.commitEvent("ana", { title: "3" }, { kind: "created", toReaders: "details" });
      await ben.pushed(3);
      expect(heard(ben)).to.deep.equal(['CREATED "1"', 'CREATED "2"', 'CREATED "3"']);
      expect(ended(ben)).to.deep.equal([]);
    });

    const created = (of: string, title: string): void =>
      void stage.shards.commitEvent(of, { title }, { kind: "created", toReaders: "details" });
    const withOwn = async (user: string): Promise<LiveClient> => {
      const client = await listening(user);
      await client.ask({ subscribe: { channels: [`calendars/${user}`] } });
      return client;
    };
    const sequences = (client: LiveClient): readonly number[] =>
      changes(client).map(({ sequence }) => Number(sequence));

    it("as members hear the changes of all channels in order, also where one is asked for again", async () => {
      grant("ben", { asMember: true });
      const ben = await withOwn("ben");
      let answer: () => void = () => undefined;
      stage.gateway.holdChannels = new Promise((resolve) => (answer = resolve));
      stage.shards.commitStanding("choir", "ben");
      created("ben", "own");
      created("ana", "1");
      created("ben", "own too");
      await ben.ask({ ping: {} });
      expect(heard(ben)).to.deep.equal([]);
      answer();
      await ben.pushed(3);
      created("ben", "at last");
      await ben.pushed(4);
      expect(heard(ben)).to.deep.equal([
        ...['CREATED "own"', 'CREATED "1"', 'CREATED "own too"', 'CREATED "at last"'],
      ]);
      expect(sequences(ben)).to.deep.equal([...sequences(ben)].sort((a, b) => a - b));
    });

    it("as members go on hearing their other channels where their place has ended", async () => {
      grant("ben", { asMember: true });
      const ben = await withOwn("ben");
      stage.gateway.closedChannels.add(`ben ${CALENDAR}`);
      stage.shards.commitStanding("choir", "ben");
      created("ana", "1");
      created("ben", "own");
      await eventually(() => expect(ended(ben)).to.deep.equal(["NOT_FOUND"]));
      await ben.pushed(1);
      created("ben", "own too");
      await ben.pushed(2);
      expect(heard(ben)).to.deep.equal(['CREATED "own"', 'CREATED "own too"']);
    });

    it("as members hear nothing from the change on with which their place ends", async () => {
      grant("ben", { asMember: true });
      grant("eve", { asMember: true });
      const [ben, eve] = [await listening("ben"), await listening("eve")];
      stage.gateway.closedChannels.add(`ben ${CALENDAR}`);
      stage.shards.commitEvent("ana", { title: "1" }, { kind: "created", toReaders: "details" });
      stage.shards.commitStanding("choir", "ben");
      stage.shards.commitEvent("ana", { title: "2" }, { kind: "created", toReaders: "details" });
      await eventually(() => expect(ended(ben)).to.deep.equal(["NOT_FOUND"]));
      await eve.pushed(2);
      await ben.ask({ ping: {} });
      expect(heard(ben)).to.deep.equal(['CREATED "1"']);
    });

    it("are told to read again where they see more or less than before", async () => {
      grant("ben", { asMember: true });
      const ben = await listening("ben");
      grant("ben", { asMember: true, seesAll: true });
      stage.shards.commitStanding("choir", "ben");
      await eventually(() => expect(ended(ben)).to.deep.equal(["POSITION_GONE"]));
    });

    it("are told to read again where the owner shows more or less of all events", async () => {
      const through = ["users/ana"];
      grant("ben", { through });
      grant("eve", { through: ["users/eve"] });
      const [ben, eve] = [await listening("ben"), await listening("eve")];
      grant("ben", { through, seenSince: stage.shards.commitShown("ana") });
      stage.shards.commitEvent("ana", { title: "1" }, { kind: "created", toReaders: "details" });
      await eventually(() => expect(ended(ben)).to.deep.equal(["POSITION_GONE"]));
      await eve.pushed(1);
      expect(heard(ben)).to.deep.equal([]);
      expect(ended(eve)).to.deep.equal([]);
    });

    it("see an event that says nothing as its owner's default did when it changed", async () => {
      const ben = await listening("ben");
      const busy = { kind: "created", toReaders: "busy-created" } as const;
      stage.shards.commitEvent("ana", {}, { ...busy, defaultVisibility: "private" });
      stage.shards.commitEvent(
        "ana",
        {},
        { ...busy, toReaders: "nothing", formerly: ["ben"], defaultVisibility: "busy-only" },
      );
      await ben.pushed(2);
      expect(heard(ben)).to.deep.equal(['CREATED ""', 'UPDATED ""']);
      expect(JSON.stringify(ben.objects)).to.not.include("secret");
    });

    it("whose right changed while it was asked for ask again", async () => {
      const client = await as("ben");
      const others = await listening("eve");
      let answer: () => void = () => undefined;
      stage.gateway.holdChannels = new Promise((resolve) => (answer = resolve));
      const asked = client.ask({ subscribe: { channels: [CALENDAR] } });
      stage.shards.commitCalendar("ana", ["eve"]);
      await others.pushed(1);
      answer();
      expect(channelsOf(await asked)[0]).to.have.nested.property("error.code", "UNREACHABLE");
    });

    it("of one event of a calendar hear of it what they see", async () => {
      const channel = `events/ana/${NAMES[1]}`;
      const reader = { seesAll: false, asMember: false, through: [], seenSince: 0, asOf: 0 };
      stage.gateway.readers.set(`ben ${channel}`, reader);
      const ben = await as("ben");
      await ben.ask({ subscribe: { channels: [channel] } });
      const [one, two] = NAMES;
      const secret = { visibility: "private" } as const;
      const busy = { kind: "created", toReaders: "busy-created" } as const;
      stage.shards.commitEvent("ana", { ...secret, id: one }, busy);
      stage.shards.commitEvent("ana", { ...secret, id: two }, busy);
      await ben.pushed(1);
      expect(heard(ben)).to.deep.equal(['CREATED ""']);
      stage.shards.commitCalendar("ana", []);
      await eventually(() => expect(ended(ben)).to.deep.equal(["NOT_FOUND"]));
    });

    it("of one event that they are invited to hear a change of it once", async () => {
      const [id] = NAMES;
      const channel = `events/ana/${id}`;
      const reader = { seesAll: false, asMember: false, through: [], seenSince: 0, asOf: 0 };
      stage.gateway.readers.set(`ben ${channel}`, reader);
      const ben = await as("ben");
      await ben.ask({ subscribe: { channels: ["users/ben", channel] } });
      const audience = ["ana", "ben"];
      const to = { kind: "created", toReaders: "details", audience } as const;
      for (const title of ["1", "2"]) stage.shards.commitEvent("ana", { id, title }, to);
      await ben.pushed(2);
      await ben.ask({ ping: {} });
      expect(heard(ben)).to.deep.equal(['CREATED "1"', 'CREATED "2"']);
    });
  });
}
