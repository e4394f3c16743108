import https from "node:https";
import net from "node:net";
import tls from "node:tls";
import { expect } from "chai";
import WebSocket from "ws";
import type { UpCluster } from "../../support/up-cluster.js";
import type { Person } from "../../support/up-cluster.js";

interface Answer {
  readonly status: number;
  readonly body: string;
}

interface Call {
  readonly path?: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
}

const CREATE = "/cabildo.v1.EventService/CreateEvent";
const MIB = 1024 * 1024;

export function badInput(running: () => UpCluster): void {
  describe("a running cluster that is told nonsense", function () {
    this.timeout(120_000);
    let cluster: UpCluster;
    let ana: Person;
    let json: Readonly<Record<string, string>>;
    let pids: readonly number[];

    before(async () => {
      cluster = running();
      pids = pidsOf(cluster);
      ana = await cluster.person("ana");
      json = {
        "content-type": "application/json",
        authorization: `Bearer ${ana.accessToken}`,
      };
    });

    after(async () => {
      const { events } = await ana.events.listEvents({ parent: "calendars/ana" });
      expect(events, "nothing was written").to.deep.equal([]);
      expect(pidsOf(cluster), "no process died").to.deep.equal(pids);
    });

    const refusals: readonly {
      readonly what: string;
      readonly call: () => Call;
      readonly status: number;
      readonly says: RegExp;
    }[] = [
      {
        what: "JSON that is none",
        call: () => ({ headers: json, body: '{"parent":' }),
        status: 400,
        says: /invalid_argument/,
      },
      {
        what: "a field that there is not, with its path",
        call: () => ({ headers: json, body: '{"parent":"calendars/ana","event":{"titel":"x"}}' }),
        status: 400,
        says: /event\.titel/,
      },
      {
        what: "a value of the wrong type",
        call: () => ({ headers: json, body: '{"parent":7}' }),
        status: 400,
        says: /invalid_argument/,
      },
      {
        what: "bytes that are no message",
        call: () => ({
          headers: { ...json, "content-type": "application/proto" },
          body: Buffer.from([0xff, 0xff, 0xff, 0xff]),
        }),
        status: 400,
        says: /invalid_argument/,
      },
      {
        what: "a request that breaks a rule, with the field",
        call: () => ({ headers: json, body: '{"parent":"calendars/ANA","event":{"title":"x"}}' }),
        status: 400,
        says: /parent/,
      },
      {
        what: "an event without a time",
        call: () => ({ headers: json, body: '{"parent":"calendars/ana","event":{"title":"x"}}' }),
        status: 400,
        says: /timed/,
      },
      {
        what: "a call without a token",
        call: () => ({
          headers: { "content-type": "application/json" },
          body: '{"parent":"calendars/ana"}',
        }),
        status: 401,
        says: /unauthenticated/,
      },
      {
        what: "a token of its own making",
        call: () => ({
          headers: { ...json, authorization: `Bearer ${forged(ana.user)}` },
          body: '{"parent":"calendars/ana"}',
        }),
        status: 401,
        says: /unauthenticated/,
      },
      {
        what: "a token with one letter changed",
        call: () => ({
          headers: { ...json, authorization: `Bearer ${changed(ana.accessToken)}` },
          body: '{"parent":"calendars/ana"}',
        }),
        status: 401,
        says: /unauthenticated/,
      },
      {
        what: "more than a message may hold",
        call: () => ({ headers: json, body: JSON.stringify({ parent: "x".repeat(2 * MIB) }) }),
        status: 429,
        says: /resource_exhausted/,
      },
      {
        what: "a method that there is not",
        call: () => ({ path: "/cabildo.v1.EventService/Explode", headers: json, body: "{}" }),
        status: 404,
        says: /./,
      },
      {
        what: "a content type that it does not speak",
        call: () => ({ headers: { ...json, "content-type": "text/plain" }, body: "hello" }),
        status: 415,
        says: /^/,
      },
    ];

    for (const { what, call, status, says } of refusals) {
      it(`refuses ${what}`, async () => {
        const answer = await post(call());
        expect(answer.body).to.match(says);
        expect(answer.status).to.equal(status);
      });
    }

    it("ignores a field that it does not know in binary", async () => {
      const answer = await post({
        path: "/cabildo.v1.EventService/ListEvents",
        headers: { ...json, "content-type": "application/proto" },
        body: Buffer.concat([
          Buffer.from([0x0a, 13]),
          Buffer.from("calendars/ana"),
          Buffer.from([0xfa, 0x3e, 2, 0x68, 0x69]),
        ]),
      });
      expect(answer.status).to.equal(200);
    });

    it("survives bytes that are no TLS and no HTTP on every public port", async () => {
      const ports = [cluster.ready.api, cluster.ready.wss].map((url) => Number(new URL(url).port));
      for (const port of ports) {
        for (const noise of [Buffer.from("GET / HTTP/1.1\r\n\r\n"), Buffer.alloc(4096, 0x16)]) {
          await say(port, noise);
        }
        await sayOverTls(port, cluster.ca, Buffer.from("NONSENSE\r\n\r\n"));
      }
    });

    it("lets nobody near the nodes without a certificate", async () => {
      for (const { address } of cluster.ready.nodes) {
        const port = Number(address.split(":").at(-1));
        const ended = await sayOverTls(
          port,
          cluster.ca,
          Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
        );
        expect(ended).to.equal("closed");
      }
    });

    it("closes a socket that begins with anything but a valid token, with a code that says so", async () => {
      const first: readonly [string | Buffer, number][] = [
        ["not json", 4500],
        ["[]", 4500],
        [JSON.stringify({ id: 1, subscribe: { channels: ["calendars/ana"] } }), 4500],
        [JSON.stringify({ id: 1, connect: { token: forged("ana") } }), 4501],
        ["x".repeat(200_000), 0],
      ];
      for (const [frame, code] of first) {
        const closed = await closeCode(cluster.ready.wss, cluster.ca, frame);
        if (code !== 0) expect(closed, String(frame).slice(0, 40)).to.equal(code);
        else expect(closed).to.be.greaterThan(1000);
      }
    });

    it("does not let anyone listen to another's calendar", async () => {
      await cluster.person("nora");
      const frames = await converse(cluster, [
        { id: 1, connect: { token: ana.accessToken } },
        { id: 2, subscribe: { channels: ["calendars/nora"] } },
        { id: 3, subscribe: { channels: ["users/nora", "what/ever", ""] } },
        { id: 4, explode: {} },
      ]);
      for (const id of [2, 3, 4]) {
        expect(frames.find((frame) => frame.id === id)).to.have.property("error");
      }
    });

    async function post(call: Call): Promise<Answer> {
      return new Promise((resolve, reject) => {
        const request = https.request(
          `${cluster.ready.api}${call.path ?? CREATE}`,
          { method: call.method ?? "POST", ca: cluster.ca, headers: { ...call.headers } },
          (response) => {
            const parts: Buffer[] = [];
            response.on("data", (part: Buffer) => parts.push(part));
            response.once("end", () => {
              resolve({
                status: response.statusCode ?? 0,
                body: Buffer.concat(parts).toString(),
              });
            });
          },
        );
        request.once("error", reject);
        request.end(call.body);
      });
    }
  });
}

function pidsOf(cluster: UpCluster): readonly number[] {
  const { nodes, coordinators, fanouts } = cluster.current();
  return [...nodes, ...coordinators, ...fanouts].map(({ pid }) => pid);
}

function forged(user: string): string {
  const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  return `${part({ alg: "none", typ: "at+jwt" })}.${part({ sub: user, sid: "x", exp: 9e9 })}.`;
}

function changed(token: string): string {
  const at = token.length - 10;
  return token.slice(0, at) + (token[at] === "A" ? "B" : "A") + token.slice(at + 1);
}

function say(port: number, bytes: Buffer): Promise<string> {
  return new Promise((resolve) => {
    const socket = net.connect(port, "127.0.0.1", () => socket.write(bytes));
    socket.setTimeout(2000, () => socket.destroy());
    socket.on("error", () => undefined);
    socket.once("close", () => {
      resolve("closed");
    });
    socket.resume();
  });
}

function sayOverTls(port: number, ca: string, bytes: Buffer): Promise<string> {
  return new Promise((resolve) => {
    const socket = tls.connect({ port, host: "localhost", ca, ALPNProtocols: ["h2"] }, () =>
      socket.write(bytes),
    );
    socket.setTimeout(3000, () => socket.destroy());
    socket.on("error", () => undefined);
    socket.once("close", () => {
      resolve("closed");
    });
    socket.resume();
  });
}

function closeCode(url: string, ca: string, frame: string | Buffer): Promise<number> {
  return new Promise((resolve) => {
    const socket = new WebSocket(url, "cabildo.v1.json", { ca });
    socket.on("open", () => {
      socket.send(frame);
    });
    socket.on("error", () => undefined);
    socket.on("close", (code) => {
      resolve(code);
    });
  });
}

interface ReplyFrame {
  readonly id?: number;
}

/** Sends everything at once and hears until each was answered, in whatever order. */
function converse(cluster: UpCluster, sent: readonly object[]): Promise<ReplyFrame[]> {
  return new Promise((resolve) => {
    const frames: ReplyFrame[] = [];
    const socket = new WebSocket(cluster.ready.wss, "cabildo.v1.json", { ca: cluster.ca });
    socket.on("open", () => {
      for (const frame of sent) socket.send(JSON.stringify(frame));
    });
    socket.on("error", () => undefined);
    socket.on("close", () => {
      resolve(frames);
    });
    socket.on("message", (data: Buffer) => {
      for (const line of data.toString().split("\n")) {
        if (line === "") continue;
        const frame = JSON.parse(line) as ReplyFrame;
        frames.push(frame);
        if (frames.filter(({ id }) => id !== undefined).length === sent.length) socket.close();
      }
    });
  });
}
