import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { createClient, createRouterTransport } from "@connectrpc/connect";
import { expect } from "chai";
import { AuthService, LoginResponseSchema } from "../../gen/cabildo/v1/auth_pb.js";
import { Live } from "../../src/client/index.js";
import type { LiveEvent, LiveState, TokenSource } from "../../src/client/index.js";
import { fullJitter } from "../../src/client/full-jitter.js";
import { Positions } from "../../src/client/positions.js";
import { Session } from "../../src/client/tokens.js";
import { SeededRandom } from "../raft/seeded-random.js";
import { eventually } from "../support/eventually.js";
import { FakeSocket } from "./support/fake-socket.js";

const HOUR_MS = 3_600_000;
const TOKENS: TokenSource = { accessToken: () => Promise.resolve("token") };

describe("the client has no bug of others", () => {
  let sockets: FakeSocket[];
  let states: LiveState[];
  const lives: Live[] = [];
  const realNow = performance.now.bind(performance);
  const realDate = Date.now.bind(Date);

  beforeEach(() => {
    sockets = [];
    states = [];
  });
  afterEach(() => {
    for (const live of lives.splice(0)) live.close();
    performance.now = realNow;
    Date.now = realDate;
  });

  const begin = (random: () => number, tokens = TOKENS): Live => {
    const live = new Live(
      {
        urls: ["wss://nowhere"],
        tokens,
        openSocket: () => {
          const socket = new FakeSocket();
          sockets.push(socket);
          return socket;
        },
        positions: new Positions(),
        random,
      },
      (state) => states.push(state),
    );
    lives.push(live);
    return live;
  };
  const delays = (): readonly number[] =>
    states.flatMap((state) => (state.kind === "waiting" ? [state.delayMs] : []));
  const socketOf = (n: number): Promise<FakeSocket> => eventually(() => sockets[n]);

  // https://github.com/phoenixframework/phoenix/issues/4045
  it("phoenix#4045: those who lost the same server come back spread evenly over the time of their attempt", async () => {
    const random = new SeededRandom(4045);
    for (let n = 0; n < 1_000; n++) begin(() => random.next()).subscribe(["calendars/ana"]);
    await eventually(() => sockets.length === 1_000);
    for (const socket of sockets) socket.cut();
    const waits = delays();
    expect(waits).to.have.length(1_000);
    expect(Math.max(...waits)).to.be.lessThan(1_000);
    const tenths = Array.from({ length: 10 }, (_, i) =>
      waits.filter((ms) => Math.floor(ms / 100) === i),
    );
    for (const tenth of tenths) expect(tenth.length).to.be.within(75, 125);
  });

  it("phoenix#4045: no wait is longer than its attempt allows, and the longest is 20 s", () => {
    const bounds = Array.from({ length: 8 }, (_, attempt) => fullJitter(attempt, () => 1));
    expect(bounds).to.deep.equal([500, 1_000, 2_000, 4_000, 8_000, 16_000, 20_000, 20_000]);
    expect(fullJitter(1_000, () => 1)).to.equal(20_000);
    expect(fullJitter(7, () => 0)).to.equal(0);
  });

  // https://github.com/firebase/firebase-android-sdk/issues/204
  it("firebase-android-sdk#204: waits grow while nobody is there, and are short again after a good connection", async () => {
    begin(() => 1 / 1_000).subscribe(["calendars/ana"]);
    for (let n = 0; n < 4; n++) (await socketOf(n)).cut();
    expect(delays()).to.deep.equal([1, 2, 4, 8]);
    const good = await socketOf(4);
    good.open();
    good.answer("connect", {});
    performance.now = () => realNow() + 11_000;
    good.cut();
    expect(delays().at(-1)).to.equal(0.5);
    const bad = await socketOf(5);
    bad.open();
    bad.answer("connect", {});
    bad.cut();
    expect(delays().at(-1)).to.equal(1);
  });

  // https://github.com/supabase/supabase-js/issues/1732
  it("supabase-js#1732: one that slept beyond the end of its token has a new one before it subscribes again", async () => {
    let issued = 0;
    const transport = createRouterTransport(({ service }) => {
      const login = () =>
        create(LoginResponseSchema, {
          accessToken: `access ${++issued}`,
          accessExpireTime: timestampFromMs(Date.now() + HOUR_MS),
          refreshToken: `refresh ${issued}`,
        });
      service(AuthService, { login, refresh: login });
    });
    const session = new Session(createClient(AuthService, transport));
    await session.login("ana", "right");
    const subscription = begin(() => 0, session).subscribe(["calendars/ana"], ["p1"]);
    const first = await socketOf(0);
    first.open();
    expect(first.said).to.deep.equal([{ id: 1, connect: { token: "access 1" } }]);
    const expires = new Date(Date.now() + HOUR_MS).toISOString();
    first.answer("connect", { expires });
    first.answer("subscribe", { channels: [{ channel: "calendars/ana", position: "p1" }] });
    // Asleep: the clock goes on, and no timer has fired.
    Date.now = () => realDate() + 2 * HOUR_MS;
    first.say({ disconnect: { code: 4001, reason: "the token has expired", retry_after_ms: 0 } });
    first.end(4001);
    const second = await socketOf(1);
    second.open();
    expect(second.said).to.deep.equal([{ id: 1, connect: { token: "access 2" } }]);
    second.answer("connect", { expires });
    expect(second.said.at(-1)).to.deep.equal({
      id: 2,
      subscribe: { channels: ["calendars/ana"], since: ["p1"] },
    });
    expect(subscription.channels).to.deep.equal(["calendars/ana"]);
    expect(states.map(({ kind }) => kind)).to.deep.equal(["connected", "waiting", "connected"]);
  });

  // https://github.com/phoenixframework/phoenix/issues/2255
  it("phoenix#2255: who leaves and joins again in one breath has joined, though the first answer comes after that", async () => {
    const live = begin(() => 0);
    const left = live.subscribe(["calendars/ana"]);
    const socket = await socketOf(0);
    socket.open();
    socket.answer("connect", {});
    left.end();
    const heard: LiveEvent[] = [];
    live.listen(["calendars/ana"], {
      heard: (event) => heard.push(event),
      failed: (error) => expect.fail(String(error)),
    });
    const commands = socket.said.map((command) => Object.keys(command)[1]);
    expect(commands).to.deep.equal(["connect", "subscribe", "unsubscribe", "subscribe"]);
    const channels = [{ channel: "calendars/ana", position: "p1" }];
    const change = { shard: "events-am", sequence: "2", previousSequence: "1", position: "p2" };
    socket.say({ id: 2, subscribe: { channels } });
    socket.say({ id: 3, unsubscribe: { channels: ["calendars/ana"] } });
    socket.say({ id: 4, subscribe: { channels } });
    socket.say({ push: { channel: "calendars/ana", change } });
    await eventually(() => heard.length === 2);
    expect(heard.map(({ kind }) => kind)).to.deep.equal(["joined", "change"]);
    expect(live.counters).to.include({ changes: 1, repeated: 0, gaps: 0 });
  });
});
