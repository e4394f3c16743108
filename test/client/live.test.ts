import { createServer } from "node:https";
import type { Server } from "node:https";
import type { AddressInfo } from "node:net";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { expect } from "chai";
import { WebSocketServer } from "ws";
import type { WebSocket } from "ws";
import { EventService } from "../../gen/cabildo/v1/events_pb.js";
import { createOpenSocket, Live, reasonOf } from "../../src/client/index.js";
import type { LiveEvent, LiveState } from "../../src/client/index.js";
import { createLiveTransport } from "../../src/client/live-transport.js";
import { Positions } from "../../src/client/positions.js";
import { createTestAuthority } from "../support/certificates.js";
import { eventually } from "../support/eventually.js";

interface SubscribeCommand {
  readonly channels?: readonly string[];
  readonly since?: readonly string[];
}
type Command = {
  readonly id: number;
  readonly subscribe?: SubscribeCommand;
  readonly restore?: SubscribeCommand;
  readonly unsubscribe?: unknown;
};

/** What a fan-out does with a subscription, in the order in which they come. */
type Script = (socket: WebSocket, id: number) => void;

describe("a subscription to live channels", () => {
  let server: Server;
  let url: `wss://${string}`;
  let ca: string;
  let scripts: Script[];
  let commands: SubscribeCommand[];
  /** What it does when channels are left. */
  let leaving: Script;
  let states: LiveState[];
  let live: Live;

  before(async () => {
    const authority = await createTestAuthority();
    const { cert, key } = await authority.issue([]);
    ca = String(authority.ca);
    server = createServer({ cert, key }).listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    url = `wss://127.0.0.1:${(server.address() as AddressInfo).port}`;
    new WebSocketServer({ server }).on("connection", (socket) => {
      socket.on("message", (data: Buffer) => {
        const { id, subscribe, restore, unsubscribe } = JSON.parse(data.toString()) as Command;
        const command = subscribe ?? restore;
        if (unsubscribe !== undefined) {
          leaving(socket, id);
          return;
        }
        if (command === undefined) {
          say(socket, { id, connect: { user: "users/ana", server: "fanout-1", ping_ms: 25_000 } });
          return;
        }
        commands.push(command);
        scripts.shift()?.(socket, id);
      });
    });
  });
  beforeEach(() => {
    scripts = [];
    commands = [];
    leaving = (socket, id) => say(socket, { id, unsubscribe: { channels: [] } });
    states = [];
    live = new Live(
      {
        urls: [url],
        tokens: { accessToken: () => Promise.resolve("token") },
        openSocket: createOpenSocket(ca),
        positions: new Positions(),
        random: () => 0,
      },
      (state) => states.push(state),
    );
  });
  afterEach(() => {
    live.close();
  });
  after(() => {
    server.close();
    server.closeAllConnections();
  });

  const say = (socket: WebSocket, ...frames: object[]): void =>
    socket.send(frames.map((frame) => JSON.stringify(frame)).join("\n"));
  const joined = (id: number, position: string): object => ({
    id,
    subscribe: { channels: [{ channel: "calendars/ana", position }] },
  });
  const push = (
    sequence: number,
    previousSequence: number,
    shard = "events-am",
    channel = "calendars/ana",
  ): object => ({
    push: {
      channel,
      change: {
        kind: "CHANGE_KIND_CREATED",
        shard,
        sequence: String(sequence),
        previousSequence: String(previousSequence),
        position: `${shard}-${sequence}`,
      },
    },
  });
  const refuse: Script = (socket, id) =>
    say(socket, {
      id,
      error: { code: "NOT_FOUND", status: "NOT_FOUND", message: "no such calendar" },
    });
  /** The frames, then the end of the connection, as when a network is cut. */
  const cut =
    (...frames: object[]): Script =>
    (socket, id) => {
      say(socket, joined(id, "p0"), ...frames);
      setTimeout(() => socket.terminate(), 20);
    };

  /** Everything until the server refuses the subscription. */
  async function heard(
    since: readonly string[] = [],
  ): Promise<{ events: LiveEvent[]; end: string; reason?: string | undefined }> {
    const events: LiveEvent[] = [];
    try {
      for await (const event of live.subscribe(["calendars/ana"], since)) events.push(event);
      return { events, end: "" };
    } catch (error) {
      return { events, end: ConnectError.from(error).rawMessage, reason: reasonOf(error) };
    }
  }
  const sequences = (events: readonly LiveEvent[]): number[] =>
    events.flatMap((event) => (event.kind === "change" ? [Number(event.change.sequence)] : []));

  it("goes on after the last push when the connection is cut", async () => {
    scripts = [cut(push(1, 0), push(2, 1)), refuse];
    const { events } = await heard();
    expect(sequences(events)).to.deep.equal([1, 2]);
    expect(commands.map(({ since }) => since)).to.deep.equal([undefined, ["p0", "events-am-2"]]);
    expect(live.counters).to.include({ changes: 2, repeated: 0, gaps: 0 });
  });

  it("remembers the newest push of each shard", async () => {
    scripts = [cut(push(1, 0), push(7, 0, "events-nz"), push(2, 1)), refuse];
    await heard();
    expect(commands[1]?.since).to.deep.equal(["p0", "events-am-2", "events-nz-7"]);
  });

  it("hands on a change that comes again once", async () => {
    scripts = [cut(push(1, 0), push(2, 1)), cut(push(2, 1), push(3, 2)), refuse];
    const { events } = await heard();
    expect(sequences(events)).to.deep.equal([1, 2, 3]);
    expect(live.counters).to.include({ changes: 3, repeated: 1 });
  });

  it("asks again from the last change where one is missing", async () => {
    scripts = [
      (socket, id) => say(socket, joined(id, "p0"), push(1, 0), push(3, 2)),
      cut(push(2, 1), push(3, 2)),
      refuse,
    ];
    const { events } = await heard();
    expect(sequences(events)).to.deep.equal([1, 2, 3]);
    expect(commands[1]?.since).to.deep.equal(["p0", "events-am-1"]);
    expect(live.counters.gaps).to.equal(1);
  });

  it("goes on after a checkpoint, and after a goodbye", async () => {
    scripts = [
      cut(push(1, 0), { checkpoint: { position: "p5" } }),
      (socket, id) => {
        say(socket, joined(id, "p5"));
        say(socket, { disconnect: { code: 4000, reason: "restart", position: "p7" } });
        socket.close(4000);
      },
      refuse,
    ];
    await heard();
    expect(commands.map(({ since }) => since)).to.deep.equal([undefined, ["p5"], ["p7"]]);
    expect(states).to.deep.include({
      kind: "waiting",
      reason: "the server says: restart",
      delayMs: 0,
    });
  });

  it("does not take a checkpoint for its own before it has joined", async () => {
    scripts = [
      (socket) => {
        say(socket, { checkpoint: { position: "p9" } });
        setTimeout(() => socket.terminate(), 20);
      },
      refuse,
    ];
    await heard(["p1"]);
    expect(commands.map(({ since }) => since)).to.deep.equal([["p1"], ["p1"]]);
  });

  // https://github.com/firebase/firebase-ios-sdk/issues/12052
  it("ends with that reason where what it missed is no longer kept", async () => {
    const error = { code: "POSITION_GONE", message: "read again" };
    scripts = [
      (socket, id) => say(socket, { id, subscribe: { channels: [{ channel: "c", error }] } }),
    ];
    const { events, end, reason } = await heard(["p1"]);
    expect(events).to.deep.equal([]);
    expect({ end, reason }).to.deep.equal({ end: "read again", reason: "POSITION_GONE" });
  });

  it("ends with that reason where more or less is to be seen than before", async () => {
    const error = { code: "POSITION_GONE", message: "read again" };
    const ended = { unsubscribed: { channels: ["calendars/ana"], error } };
    scripts = [(socket, id) => say(socket, joined(id, "p0"), push(1, 0), ended)];
    const { events, reason } = await heard();
    expect(sequences(events)).to.deep.equal([1]);
    expect(reason).to.equal("POSITION_GONE");
  });

  it("ends where the server says that it will not be heard", async () => {
    scripts = [refuse];
    expect(await heard()).to.include({ end: "no such calendar", reason: "NOT_FOUND" });
    scripts = [(socket) => socket.close(4501, "invalid token")];
    expect((await heard()).end).to.equal("invalid token");
    expect((await heard()).end).to.equal("the client is closed");
  });

  it("ends where the right to hear it ends", async () => {
    const error = { code: "NOT_FOUND", message: "calendars/ana was not found" };
    const ended = { unsubscribed: { channels: ["calendars/ana"], error } };
    scripts = [(socket, id) => say(socket, joined(id, "p0"), push(1, 0), ended)];
    const { events, end, reason } = await heard();
    expect(sequences(events)).to.deep.equal([1]);
    expect({ end, reason }).to.deep.equal({
      end: "calendars/ana was not found",
      reason: "NOT_FOUND",
    });
  });

  it("asks again on the same connection where a shard could not be reached", async () => {
    const error = {
      ...{ code: "UNREACHABLE", status: "UNAVAILABLE", message: "no leader" },
      retry_after_ms: 0,
    };
    scripts = [
      (socket, id) => say(socket, { id, subscribe: { channels: [{ channel: "c", error }] } }),
      // The command that leaves the channel stands between.
      refuse,
    ];
    expect((await heard(["p1"])).end).to.equal("no such calendar");
    expect(commands.map(({ since }) => since)).to.deep.equal([["p1"], ["p1"]]);
    expect(live.counters.connections).to.equal(1);
  });

  it("waits as long as it is told, and asks again, where too many commands came", async () => {
    const error = {
      ...{ code: "RATE_LIMITED", status: "RESOURCE_EXHAUSTED", message: "wait a little" },
      retry_after_ms: 30,
    };
    let refusedMs = 0;
    let askedAgainMs = 0;
    scripts = [
      (socket, id) => {
        refusedMs = performance.now();
        say(socket, { id, error });
      },
      (socket, id) => {
        askedAgainMs = performance.now();
        say(socket, joined(id, "p1"), push(1, 0));
        setTimeout(() => socket.terminate(), 20);
      },
      refuse,
    ];
    const { events, end } = await heard(["p1"]);
    expect(sequences(events)).to.deep.equal([1]);
    expect(end).to.equal("no such calendar");
    expect(commands.map(({ since }) => since)).to.deep.equal([
      ["p1"],
      ["p1"],
      ["p1", "events-am-1"],
    ]);
    expect(live.counters.connections).to.equal(2);
    // Timers of Node may be a millisecond early.
    expect(askedAgainMs - refusedMs).to.be.at.least(29);
  });

  it("ends where it is refused and nobody says that it will be otherwise later", async () => {
    const error = { code: "QUOTA", status: "RESOURCE_EXHAUSTED", message: "no more" };
    scripts = [(socket, id) => say(socket, { id, error })];
    expect(await heard(["p1"])).to.include({ end: "no more", reason: "QUOTA" });
  });

  it("begins on a new connection where channels that it has to leave first cannot be left", async () => {
    const error = { code: "RATE_LIMITED", status: "RESOURCE_EXHAUSTED", retry_after_ms: 1 };
    const begun = { channel: "calendars/ana", position: "p1" };
    leaving = (socket, id) => say(socket, { id, error });
    scripts = [
      (socket, id) =>
        say(socket, { id, subscribe: { channels: [begun, { channel: "c", error }] } }),
      (socket, id) => {
        const there = { code: "ALREADY_EXISTS", status: "ALREADY_EXISTS", message: "it is there" };
        say(socket, { id, error: there });
      },
      refuse,
    ];
    expect((await heard(["p1"])).end).to.equal("no such calendar");
    expect(live.counters.connections).to.equal(2);
  });

  it("goes on from where it was when only some of its channels could be heard", async () => {
    const error = {
      ...{ code: "UNREACHABLE", status: "UNAVAILABLE", message: "no leader" },
      retry_after_ms: 0,
    };
    const begun = { channel: "calendars/ana", position: "p1" };
    scripts = [
      (socket, id) => {
        const channels = [begun, { channel: "calendars/bob", error }];
        say(socket, { id, subscribe: { channels } }, push(7, 0));
      },
      (socket, id) => {
        const channels = [begun, { channel: "calendars/bob", position: "p1" }];
        const missed = push(6, 0, "events-am", "calendars/bob");
        say(socket, { id, subscribe: { channels } }, missed, push(7, 0));
        setTimeout(() => socket.terminate(), 20);
      },
      refuse,
    ];
    const taken: LiveEvent[] = [];
    const subscription = live.subscribe(["calendars/ana", "calendars/bob"], ["p1"]);
    const failed = await (async () => {
      for await (const event of subscription) taken.push(event);
    })().catch((error: unknown) => error);
    expect(reasonOf(failed)).to.equal("NOT_FOUND");
    expect(sequences(taken)).to.deep.equal([7, 6]);
    expect(commands.map(({ since }) => since)).to.deep.equal([["p1"], ["p1"], ["p1"]]);
    expect(live.counters).to.include({ changes: 2, repeated: 1, gaps: 0 });
  });

  describe("beside others", () => {
    const answer =
      (...channels: readonly string[]): Script =>
      (socket, id) => {
        const begun = channels.map((channel) => ({ channel, position: "p0" }));
        say(socket, { id, subscribe: { channels: begun } });
      };
    const servers = (): number => states.filter(({ kind }) => kind === "connected").length;

    it("shares a socket with those that cannot hear the same change", async () => {
      scripts = [answer("calendars/ana"), answer("groups/choir"), answer("cluster")];
      live.subscribe(["calendars/ana"]);
      live.subscribe(["groups/choir"]);
      live.subscribe(["cluster"]);
      await eventually(() => commands.length === 3);
      expect(servers()).to.equal(1);
    });

    for (const [one, other] of [
      [["calendars/ana"], ["calendars/ana"]],
      [["calendars/ana"], ["users/ana"]],
      [["calendars/ana"], ["events/ana/e01"]],
      [
        ["groups/choir", "calendars/ana"],
        ["calendars/bob", "users/bob"],
      ],
    ] as const) {
      it(`hears all of ${other.join(", ")} beside ${one.join(", ")}, on a socket of its own`, async () => {
        scripts = [answer(...one), answer(...other)];
        const first = live.subscribe(one);
        await eventually(() => commands.length === 1);
        const second = live.subscribe(other);
        await eventually(() => commands.length === 2);
        expect(servers()).to.equal(2);
        // The socket goes with the last that needed it.
        second.end();
        first.end();
        scripts = [answer(...one)];
        live.subscribe(one);
        await eventually(() => commands.length === 3);
        expect(servers()).to.equal(2);
      });
    }

    describe("of which one cannot be connected any more", () => {
      const waitingFor = (ms: number): Script => {
        const goodbye = { code: 4000, reason: "restart", retry_after_ms: ms };
        return (socket, id) => {
          answer("users/ana")(socket, id);
          say(socket, { disconnect: goodbye });
          socket.close(4000);
        };
      };
      const refuseForGood: Script = (socket) => socket.close(4503, "too many connections");
      let socketOfFirst: WebSocket;

      /** One that hears a calendar, beside which the script answers for another. */
      async function beginFirst(...others: Script[]): Promise<AsyncIterator<LiveEvent>> {
        scripts = [
          (socket, id) => {
            socketOfFirst = socket;
            answer("calendars/ana")(socket, id);
          },
          ...others,
        ];
        const first = live.subscribe(["calendars/ana"])[Symbol.asyncIterator]();
        await first.next();
        return first;
      }

      it("goes on, and the other ends with the reason", async () => {
        const first = await beginFirst(refuseForGood);
        const failed = await new Promise((resolve) => {
          live.listen(["users/ana"], { heard: () => undefined, failed: resolve });
        });
        expect(String(failed)).to.contain("too many connections");
        say(socketOfFirst, push(1, 0));
        const { value } = (await first.next()) as { value: LiveEvent };
        expect(value.kind).to.equal("change");
        expect(states.at(-1)).to.include({ kind: "connected" });
      });

      it("is said to be connected once the other, that was waited for, has failed", async () => {
        await beginFirst(waitingFor(0), refuseForGood);
        await new Promise((resolve) => {
          live.listen(["users/ana"], { heard: () => undefined, failed: resolve });
        });
        expect(states.map(({ kind }) => kind)).to.include("waiting");
        expect(states.at(-1)).to.deep.equal({ kind: "connected", server: "fanout-1" });
      });

      it("is said to be connected once the other, that was waited for, is not wanted any more", async () => {
        await beginFirst(waitingFor(3_600_000));
        const other = live.subscribe(["users/ana"]);
        await eventually(() => states.at(-1)?.kind === "waiting");
        other.end();
        expect(states.at(-1)).to.deep.equal({ kind: "connected", server: "fanout-1" });
      });
    });

    it("that follow what the user chose has a socket of its own, whatever that will be", async () => {
      const chosen: Script = (socket, id) => say(socket, { id, restore: { channels: [] } });
      scripts = [chosen, answer("calendars/ana")];
      live.subscribeChosen();
      await eventually(() => commands.length === 1);
      live.subscribe(["calendars/ana"]);
      await eventually(() => commands.length === 2);
      expect(servers()).to.equal(2);
    });
  });

  it("asks again for what was chosen and could not begin just then", async () => {
    const again = { code: "UNREACHABLE", status: "UNAVAILABLE", retry_after_ms: 1 };
    const chosen = (...positions: string[]): object[] => [
      { channel: "calendars/ana", position: positions[0] },
      { channel: "calendars/nora", position: positions[1] },
    ];
    scripts = [
      (socket, id) => {
        const channels = [{ channel: "calendars/nora", error: again }];
        say(
          socket,
          { id, restore: { channels: chosen("p0").slice(0, 1) } },
          push(1, 0),
          { subscribed: { channels, position: "p1" } },
          push(2, 1),
        );
      },
      (socket, id) =>
        say(
          socket,
          { id, restore: { channels: chosen("p1", "p1") } },
          push(2, 1),
          push(3, 0, "events-nz", "calendars/nora"),
        ),
    ];
    const events: LiveEvent[] = [];
    for await (const event of live.subscribeChosen()) {
      events.push(event);
      if (sequences(events).includes(3)) break;
    }
    expect(sequences(events)).to.deep.equal([1, 2, 3]);
    expect(commands.map(({ since }) => since)).to.deep.equal([undefined, ["p1"]]);
    expect(events.filter(({ kind }) => kind === "chosen").at(-1)).to.deep.equal({
      kind: "chosen",
      channels: ["calendars/ana", "calendars/nora"],
    });
  });

  it("hears the state of the cluster", async () => {
    const shard = (ready: boolean): object => ({
      name: "groups",
      ready,
      replicas: [{ node: "node-1", role: "leader", term: 3 }],
    });
    const state = (ready: boolean): object => ({
      push: { channel: "cluster", shards: [shard(ready)] },
    });
    scripts = [
      (socket, id) => {
        const channels = [{ channel: "cluster", position: "" }];
        say(socket, { id, subscribe: { channels } }, state(true), state(false));
        setTimeout(() => socket.terminate(), 20);
      },
      refuse,
    ];
    const heardOf: LiveEvent[] = [];
    const failed = new Promise((resolve) => {
      live.listen(["cluster"], { heard: (event) => heardOf.push(event), failed: resolve });
    });
    expect(reasonOf(await failed)).to.equal("NOT_FOUND");
    expect(heardOf).to.deep.equal([
      { kind: "joined", positions: [] },
      { kind: "cluster", shards: [shard(true)] },
      { kind: "cluster", shards: [shard(false)] },
    ]);
    expect(commands.map(({ since }) => since)).to.deep.equal([undefined, undefined]);
  });

  it("tells a listener what it hears, and that what the listener threw has ended it", async () => {
    scripts = [(socket, id) => say(socket, joined(id, "p0"), push(1, 0), push(2, 1))];
    const taken: LiveEvent[] = [];
    const failed = await new Promise((resolve) => {
      const heard = (event: LiveEvent): void => {
        if (taken.length === 2) throw new Error("enough");
        taken.push(event);
      };
      live.listen(["calendars/ana"], { heard, failed: resolve });
    });
    expect(sequences(taken)).to.deep.equal([1]);
    expect(String(failed)).to.contain("enough");
  });

  it("comes back when nobody was there", async () => {
    scripts = [(socket) => socket.terminate(), (socket) => socket.terminate(), refuse];
    await heard();
    expect(commands).to.have.length(3);
    expect(states.filter(({ kind }) => kind === "waiting")).to.have.length(2);
  });

  it("tries nothing while the network is gone, and at once when it is back", async () => {
    scripts = [cut(push(1, 0)), refuse];
    const hearing = heard();
    await eventually(() => live.counters.changes === 1);
    live.goOffline();
    expect(states.at(-1)).to.deep.equal({ kind: "offline" });
    expect(commands).to.have.length(1);
    live.wakeUp();
    await hearing;
    expect(commands[1]?.since).to.deep.equal(["p0", "events-am-1"]);
  });

  it("leaves the channels while nobody takes what comes, and joins again where it stopped", async () => {
    const many = Array.from({ length: 10_050 }, (_, i) => push(i + 1, i));
    scripts = [
      (socket, id) => say(socket, joined(id, "p0"), ...many),
      (socket, id) => say(socket, joined(id, "p1"), ...many.slice(9_998)),
    ];
    const subscription = live.subscribe(["calendars/ana"]);
    await eventually(() => live.counters.changes > 9_000);
    const taken: number[] = [];
    for await (const event of subscription) {
      if (event.kind === "change") taken.push(Number(event.change.sequence));
      if (taken.length === many.length) break;
    }
    expect(taken).to.deep.equal(many.map((_, i) => i + 1));
    expect(commands).to.have.length(2);
  });
});

describe("a call over the socket of the live channels", () => {
  let server: Server;
  let live: Live;
  let answers: ((socket: WebSocket, id: number) => void)[];
  let calls: { readonly method: string; readonly request: Record<string, unknown> }[];

  before(async () => {
    const authority = await createTestAuthority();
    const { cert, key } = await authority.issue([]);
    server = createServer({ cert, key }).listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    new WebSocketServer({ server }).on("connection", (socket) => {
      socket.on("message", (data: Buffer) => {
        const { id, rpc } = JSON.parse(data.toString()) as {
          readonly id: number;
          readonly rpc?: (typeof calls)[number];
        };
        if (rpc === undefined) socket.send(JSON.stringify({ id, connect: { server: "fanout-1" } }));
        else {
          calls.push(rpc);
          answers.shift()?.(socket, id);
        }
      });
    });
    live = new Live({
      urls: [`wss://127.0.0.1:${(server.address() as AddressInfo).port}`],
      tokens: { accessToken: () => Promise.resolve("token") },
      openSocket: createOpenSocket(String(authority.ca)),
      positions: new Positions(),
      random: () => 0,
    });
  });
  beforeEach(() => {
    answers = [];
    calls = [];
  });
  after(() => {
    live.close();
    server.close();
    server.closeAllConnections();
  });

  const events = () =>
    createClient(
      EventService,
      createLiveTransport({ live, interceptors: [], defaultTimeoutMs: 10_000 }),
    );
  const failure = async (call: Promise<unknown>): Promise<ConnectError> =>
    ConnectError.from(await call.catch((error: unknown) => error));

  it("opens a connection where there is none, and is answered", async () => {
    answers = [
      (socket, id) => socket.send(JSON.stringify({ id, rpc: { response: { title: "Lunch" } } })),
    ];
    expect(await events().getEvent({ name: "calendars/ana/events/e1" })).to.include({
      title: "Lunch",
    });
    expect(calls[0]).to.deep.include({
      method: "cabildo.v1.EventService/GetEvent",
      request: { name: "calendars/ana/events/e1" },
    });
  });

  it("fails with the code that it would have over gRPC", async () => {
    const error = { code: "STALE_ETAG", status: "ABORTED", message: "read it again" };
    answers = [(socket, id) => socket.send(JSON.stringify({ id, error }))];
    const failed = await failure(events().updateEvent({}));
    expect(failed.code).to.equal(Code.Aborted);
    expect(failed.rawMessage).to.equal("read it again");
    expect(reasonOf(failed)).to.equal("STALE_ETAG");
  });

  it("is UNAVAILABLE where the connection is lost before the answer", async () => {
    answers = [(socket) => socket.terminate()];
    expect((await failure(events().getEvent({}))).code).to.equal(Code.Unavailable);
  });

  it("ends at its deadline", async () => {
    const failed = await failure(events().getEvent({}, { timeoutMs: 30 }));
    expect(failed.code).to.equal(Code.DeadlineExceeded);
  });
});
