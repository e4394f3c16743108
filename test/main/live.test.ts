import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:https";
import type { Server } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { WebSocketServer } from "ws";
import type { WebSocket } from "ws";
import type { Change } from "../../gen/cabildo/v1/sync_pb.js";
import { writeContext } from "../../src/main/client/context-file.js";
import { watchChannel } from "../../src/main/client/live.js";
import { Session } from "../../src/main/client/session.js";
import { createTestAuthority } from "../support/certificates.js";
import { eventually } from "../support/eventually.js";

type Command = Readonly<Record<string, { readonly since?: readonly string[] } | undefined>>;

/** What a fan-out does with a subscription, in the order of the sockets. */
type Script = (socket: WebSocket, since: readonly string[]) => void;

describe("watching a channel", () => {
  let dir: string;
  let server: Server;
  let scripts: Script[];
  let sinces: (readonly string[])[];
  let session: Session;

  before(async () => {
    dir = await mkdtemp(join(tmpdir(), "live-"));
    const authority = await createTestAuthority();
    const { cert, key } = await authority.issue([]);
    await writeFile(join(dir, "ca.pem"), authority.ca);
    server = createServer({ cert, key }).listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    const { port } = server.address() as AddressInfo;
    new WebSocketServer({ server }).on("connection", (socket) => {
      const script = scripts.shift();
      socket.on("message", (data: Buffer) => {
        const command = JSON.parse(data.toString()) as Command;
        const subscribe = command["subscribe"];
        if (subscribe === undefined) return;
        sinces.push(subscribe.since ?? []);
        script?.(socket, subscribe.since ?? []);
      });
    });
    await writeContext(join(dir, "context.json"), {
      api: "https://127.0.0.1:1",
      wss: `wss://127.0.0.1:${port}`,
      ca: join(dir, "ca.pem"),
      user: "ana",
      timeZone: "UTC",
      accessToken: "token",
      accessExpireMs: Date.now() + 3_600_000,
      refreshToken: "",
      refreshExpireMs: 0,
    });
    session = new Session(join(dir, "context.json"), () => Promise.reject(new Error("not now")));
  });
  beforeEach(() => {
    scripts = [];
    sinces = [];
  });
  after(async () => {
    server.close();
    server.closeAllConnections();
    await rm(dir, { recursive: true });
  });

  const say = (socket: WebSocket, ...frames: object[]): void =>
    socket.send(frames.map((frame) => JSON.stringify(frame)).join("\n"));
  const subscribed = (position: string, recovered = true): object => ({
    id: 2,
    subscribe: { channels: [{ channel: "calendars/ana", position, recovered }] },
  });
  const push = (position: string, shard = "events-am"): object => ({
    push: { channel: "calendars/ana", change: { kind: "CHANGE_KIND_CREATED", shard, position } },
  });

  /** Runs until the server refuses it. */
  async function watch(): Promise<{ changes: Change[]; lost: string[]; end: string }> {
    const changes: Change[] = [];
    const lost: string[] = [];
    const end = await watchChannel(session, "calendars/ana", undefined, {
      subscribed: () => undefined,
      change: (change) => changes.push(change),
      lost: (reason) => lost.push(reason),
    }).catch((cause: unknown) => (cause instanceof Error ? cause.message : String(cause)));
    return { changes, lost, end };
  }
  const refuse: Script = (socket) =>
    say(socket, { id: 2, error: { code: "NOT_FOUND", message: "no such calendar" } });

  it("goes on after the last push when the connection is cut", async () => {
    scripts = [
      (socket) => {
        say(socket, subscribed("p0"), push("p1"), push("p2"));
        setTimeout(() => socket.terminate(), 20);
      },
      refuse,
    ];
    const { changes, lost } = await watch();
    expect(changes.map(({ position }) => position)).to.deep.equal(["p1", "p2"]);
    expect(sinces).to.deep.equal([[], ["p0", "p2"]]);
    expect(lost).to.have.length(1);
  });

  it("remembers the newest push of each shard", async () => {
    scripts = [
      (socket) => {
        say(socket, subscribed("p0"), push("a1"), push("n1", "events-nz"), push("a2"));
        setTimeout(() => socket.terminate(), 20);
      },
      refuse,
    ];
    await watch();
    expect(sinces[1]).to.deep.equal(["p0", "a2", "n1"]);
  });

  it("goes on from now where its position is no longer kept, and says so", async () => {
    const gone = { code: "POSITION_GONE", message: "read again" };
    scripts = [
      (socket) => {
        say(socket, subscribed("p0"));
        setTimeout(() => socket.terminate(), 20);
      },
      (socket) => say(socket, { id: 2, subscribe: { channels: [{ channel: "c", error: gone }] } }),
      refuse,
    ];
    const { lost } = await watch();
    expect(lost[1]).to.contain("no longer kept");
    expect(sinces[2]).to.deep.equal([]);
  });

  it("goes on after a checkpoint, and after a goodbye", async () => {
    scripts = [
      (socket) => {
        say(socket, subscribed("p0"), { checkpoint: { position: "p5" } });
        setTimeout(() => socket.terminate(), 20);
      },
      (socket) => {
        say(socket, { disconnect: { code: 4000, reason: "restart", position: "p7" } });
        socket.close(4000);
      },
      refuse,
    ];
    const { lost } = await watch();
    expect(sinces).to.deep.equal([[], ["p5"], ["p7"]]);
    expect(lost[1]).to.equal("the server says: restart");
  });

  it("stops where the server says that it will not be heard", async () => {
    scripts = [refuse];
    expect((await watch()).end).to.equal("no such calendar");
    scripts = [(socket) => socket.close(4501, "invalid token")];
    expect((await watch()).end).to.equal("invalid token");
  });

  it("comes back when nobody was there", async () => {
    scripts = [(socket) => socket.terminate(), (socket) => socket.terminate(), refuse];
    const { lost } = await watch();
    await eventually(() => lost.length === 2);
    expect(sinces).to.have.length(3);
  });
});
