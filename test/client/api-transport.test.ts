import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { create } from "@bufbuild/protobuf";
import { Code, ConnectError, createClient, createRouterTransport } from "@connectrpc/connect";
import type { Transport } from "@connectrpc/connect";
import { createConnectTransport as createNodeTransport } from "@connectrpc/connect-node";
import { createConnectTransport as createWebTransport } from "@connectrpc/connect-web";
import { expect } from "chai";
import { AuthService } from "../../gen/cabildo/v1/auth_pb.js";
import {
  CreateEventRequestSchema,
  EventSchema,
  EventService,
  GetEventRequestSchema,
} from "../../gen/cabildo/v1/events_pb.js";
import type { CreateEventRequest, GetEventRequest } from "../../gen/cabildo/v1/events_pb.js";
import { ChangeSchema } from "../../gen/cabildo/v1/sync_pb.js";
import { authorize, complete, createFailoverTransport } from "../../src/client/api-transport.js";
import { Positions } from "../../src/client/positions.js";
import { newRequestId } from "../../src/client/request-id.js";

const NAME = "calendars/ana/events/e1";
const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/u;

describe("a call of the client", () => {
  let created: CreateEventRequest[];
  let got: GetEventRequest[];
  let tokens: (string | null)[];
  /** How the server at each address fails, call by call. */
  let failures: (Code | undefined)[][];

  const serverAt = (address: number): Transport =>
    createRouterTransport(
      ({ service }) => {
        const failOrPass = (): void => {
          const code = failures[address]?.shift();
          if (code !== undefined) throw new ConnectError("no", code);
        };
        service(EventService, {
          createEvent: (request, context) => {
            created.push(request);
            tokens.push(context.requestHeader.get("authorization"));
            failOrPass();
            return create(EventSchema, { name: NAME, position: `p${address}` });
          },
          getEvent: (request) => {
            got.push(request);
            failOrPass();
            return create(EventSchema, { name: NAME });
          },
        });
      },
      {
        transport: {
          interceptors: [
            complete(positions),
            authorize({ accessToken: () => Promise.resolve("secret") }),
          ],
        },
      },
    );
  const change = (sequence: bigint, position: string) =>
    create(ChangeSchema, { resourceName: "calendars/ana/events/e2", sequence, position });
  let positions: Positions;
  let events: ReturnType<typeof createClient<typeof EventService>>;

  beforeEach(() => {
    created = [];
    got = [];
    tokens = [];
    failures = [[], []];
    positions = new Positions();
    events = createClient(
      EventService,
      createFailoverTransport({
        transports: [serverAt(0), serverAt(1)],
        random: () => 0,
        sleep: (ms) => (ms === 0 ? Promise.resolve() : new Promise(() => undefined)),
      }),
    );
  });

  it("needs no token where anyone may call", async () => {
    const seen: (string | null)[] = [];
    const transport = createRouterTransport(
      ({ service }) => {
        service(AuthService, {
          register: (_, { requestHeader }) => {
            seen.push(requestHeader.get("authorization"));
            return {};
          },
        });
      },
      {
        transport: {
          interceptors: [authorize({ accessToken: () => Promise.reject(new Error("nobody")) })],
        },
      },
    );
    await createClient(AuthService, transport).register({ userId: "ana" });
    expect(seen).to.deep.equal([null]);
  });

  it("bears the token and a request id of its own", async () => {
    await events.createEvent({ parent: "calendars/ana" });
    await events.createEvent({ parent: "calendars/ana", requestId: "mine" });
    expect(tokens).to.deep.equal(["Bearer secret", "Bearer secret"]);
    expect(created[0]?.requestId).to.match(UUID_V7);
    expect(created[1]?.requestId).to.equal("mine");
  });

  it("asks to see at least what was written or heard before", async () => {
    await events.getEvent({ name: NAME });
    await events.createEvent({ parent: "calendars/ana" });
    await events.getEvent({ name: NAME });
    await events.getEvent({ name: "calendars/zoe/events/e1" });
    positions.hear(change(7n, "heard"));
    await events.getEvent({ name: NAME });
    const asked = got.map(({ position }) => position);
    expect(asked).to.deep.equal(["", "p0", "", "p0,heard"]);
  });

  it("leaves the caller's message as it is: the same one again is another request", async () => {
    const request = create(CreateEventRequestSchema, { parent: "calendars/ana" });
    await events.createEvent(request);
    await events.createEvent(request);
    expect(new Set(created.map(({ requestId }) => requestId)).size).to.equal(2);
    const read = create(GetEventRequestSchema, { name: NAME });
    await events.getEvent(read);
    positions.hear(change(7n, "heard"));
    await events.getEvent(read);
    expect(got.map(({ position }) => position)).to.deep.equal(["p0", "p0,heard"]);
    expect(request.requestId + read.position).to.equal("");
  });

  it("is made at the next address as well where the first says nothing, and stays there", async () => {
    let ended = 0;
    const silent = silentServer(() => ended++);
    events = createClient(
      EventService,
      createFailoverTransport({
        transports: [silent, serverAt(1)],
        random: () => 0,
        sleep: () => Promise.resolve(),
      }),
    );
    const { position } = await events.createEvent({ parent: "calendars/ana", requestId: "mine" });
    expect(position).to.equal("p1");
    expect(created.map(({ requestId }) => requestId)).to.deep.equal(["mine"]);
    expect(ended).to.equal(1);
  });

  it("is made nowhere else when its caller gave up", async () => {
    const caller = new AbortController();
    events = createClient(
      EventService,
      createFailoverTransport({
        transports: [silentServer(() => undefined), serverAt(1)],
        random: () => 0,
        sleep: (_, signal) =>
          new Promise((resolve) => signal?.addEventListener("abort", () => resolve())),
      }),
    );
    const call = events.createEvent({ parent: "calendars/ana" }, { signal: caller.signal });
    caller.abort();
    const refusal = await call.then(
      () => undefined,
      (cause: unknown) => ConnectError.from(cause).code,
    );
    expect(refusal).to.equal(Code.Canceled);
    expect(created).to.deep.equal([]);
  });

  it("is not made twice where it might have an effect twice", async () => {
    let calls = 0;
    const slow: Transport = {
      unary: async (...call) => {
        calls++;
        await new Promise(setImmediate);
        return await serverAt(0).unary(...call);
      },
      stream: () => Promise.reject(new Error("no stream is opened")),
    };
    const transport = createFailoverTransport({
      transports: [slow, slow],
      random: () => 0,
      sleep: () => Promise.resolve(),
    });
    await createClient(AuthService, transport)
      .login({ userId: "ana" })
      .catch(() => undefined);
    expect(calls).to.equal(1);
  });

  it("goes on to the next address with the same request id, and stays there", async () => {
    failures = [[Code.Unavailable], []];
    const event = await events.createEvent({ parent: "calendars/ana", requestId: "mine" });
    expect(event.position).to.equal("p1");
    expect(created.map(({ requestId }) => requestId)).to.deep.equal(["mine", "mine"]);
    expect((await events.createEvent({ parent: "calendars/ana" })).position).to.equal("p1");
  });

  it("is repeated with one request id, though the caller gave none", async () => {
    failures = [[Code.Unavailable], []];
    expect((await events.createEvent({ parent: "calendars/ana" })).position).to.equal("p1");
    expect(created.map(({ requestId }) => requestId)).to.have.length(2);
    expect(new Set(created.map(({ requestId }) => requestId)).size).to.equal(1);
  });

  it("goes on to the next address when its connection is cut off", async () => {
    const cut = createServer((socket) => socket.once("data", () => socket.resetAndDestroy()));
    await new Promise<void>((resolve) => cut.listen(0, "127.0.0.1", resolve));
    const { port } = cut.address() as AddressInfo;
    const baseUrl = `http://127.0.0.1:${port}`;
    try {
      for (const first of [
        createNodeTransport({ baseUrl, httpVersion: "1.1" }),
        createWebTransport({ baseUrl }),
      ]) {
        const transports: [Transport, Transport] = [first, serverAt(1)];
        const sleep = () => Promise.resolve();
        const failover = createFailoverTransport({ transports, random: () => 0, sleep });
        const client = createClient(EventService, failover);
        expect((await client.createEvent({ parent: "calendars/ana" })).position).to.equal("p1");
      }
    } finally {
      cut.close();
    }
  });

  it("is not repeated where a server says that it was aborted", async () => {
    failures = [[Code.Aborted], []];
    const failure = await events.createEvent({ parent: "x" }).catch((error: unknown) => error);
    expect(ConnectError.from(failure).code).to.equal(Code.Aborted);
    expect(created).to.have.length(1);
  });

  it("gives up after some attempts", async () => {
    failures = [Array(10).fill(Code.Unavailable), Array(10).fill(Code.Unavailable)] as Code[][];
    const failure = await events.getEvent({ name: NAME }).catch((error: unknown) => error);
    expect(ConnectError.from(failure).code).to.equal(Code.Unavailable);
    expect(got).to.have.length(6);
  });

  it("is not repeated where the answer would be the same", async () => {
    failures = [[Code.NotFound], []];
    const failure = await events.getEvent({ name: NAME }).catch((error: unknown) => error);
    expect(ConnectError.from(failure).code).to.equal(Code.NotFound);
    expect(got).to.have.length(1);
  });
});

/** Never answers; tells when nobody waits for that any more. */
function silentServer(left: () => void): Transport {
  return {
    unary: (...[, signal]) =>
      new Promise((_, reject) => {
        signal?.addEventListener("abort", () => {
          left();
          reject(new ConnectError("ended", Code.Canceled));
        });
      }),
    stream: () => Promise.reject(new Error("no stream is opened")),
  };
}

describe("a request id", () => {
  it("is a UUIDv7 that tells its time", () => {
    const id = newRequestId(0x0190_1234_5678);
    expect(id).to.match(UUID_V7);
    expect(id.startsWith("01901234-5678-7")).to.equal(true);
    expect(newRequestId()).not.to.equal(newRequestId());
  });
});
