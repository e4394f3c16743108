import type { IncomingHttpHeaders } from "node:http";
import { connect, constants, type ClientHttp2Session } from "node:http2";
import { Agent, request, type RequestOptions } from "node:https";
import { create, type Message } from "@bufbuild/protobuf";
import { Code, createClient } from "@connectrpc/connect";
import { expect } from "chai";
import { EventSchema, EventService } from "../../gen/cabildo/v1/events_pb.js";
import { SyncService, WatchChangesResponseSchema } from "../../gen/cabildo/v1/sync_pb.js";
import { eventually } from "../support/eventually.js";
import { openDoor, type Door } from "./support/door.js";
import { failure } from "./support/failure.js";

const LONG = { graceMs: 30_000 };

describe("a coordinator that closes", () => {
  let door: Door;
  let release: () => void;
  beforeEach(async () => {
    door = await openDoor();
    const released = new Promise<void>((resolve) => (release = resolve));
    door.gateway.answer = async (): Promise<Message> => {
      await released;
      return create(EventSchema, { title: "late" });
    };
  });
  afterEach(async () => {
    release();
    await door.close();
  });

  const clientOf = (protocol: string) => {
    const transport = door.transports[protocol];
    if (transport === undefined) throw new Error(protocol);
    return {
      events: createClient(EventService, transport),
      sync: createClient(SyncService, transport),
    };
  };

  for (const protocol of ["gRPC", "gRPC-Web over HTTP/1.1", "Connect in JSON over HTTP/2"]) {
    it(`lets a call by ${protocol} end`, async () => {
      const call = clientOf(protocol).events.getEvent({});
      await eventually(() => door.gateway.calls.length === 1);
      const closed = door.coordinator.close(LONG);
      release();
      expect((await call).title).to.equal("late");
      await closed;
    });

    it(`ends a stream by ${protocol} at once, and says why`, async () => {
      door.gateway.messages = async function* () {
        yield create(WatchChangesResponseSchema, { position: "p1" });
        await new Promise(() => undefined);
      };
      const seen: string[] = [];
      const stream = failure(
        (async () => {
          const { sync } = clientOf(protocol);
          for await (const { position } of sync.watchChanges({ channel: "calendars/ana" })) {
            seen.push(position);
          }
        })(),
      );
      await eventually(() => seen.length === 1);
      await door.coordinator.close(LONG);
      const error = await stream;
      expect(error.code).to.equal(Code.Unavailable);
      expect(error.message).to.contain("this coordinator stops");
    });
  }

  it("cuts off what does not end in time", async () => {
    const call = failure(clientOf("gRPC").events.getEvent({}));
    await eventually(() => door.gateway.calls.length === 1);
    await door.coordinator.close({ graceMs: 20 });
    expect(door.gateway.last.signal.aborted).to.equal(true);
    await call;
  });

  it("says goodbye on HTTP/2", async () => {
    const session = connect(door.url, { ca: door.ca });
    const goodbye = new Promise<number>((resolve) => session.on("goaway", resolve));
    await ping(session);
    await door.coordinator.close(LONG);
    expect(await goodbye).to.equal(constants.NGHTTP2_NO_ERROR);
  });

  it("ends an idle connection of HTTP/1.1, and one in use after its answer", async () => {
    const agent = new Agent({ keepAlive: true, ca: door.ca });
    const idle = await get(`${door.url}/livez`, { agent });
    expect(idle.headers.connection).to.equal("keep-alive");
    const busy = get(`${door.url}/cabildo.v1.EventService/GetEvent?encoding=json&message=%7B%7D`, {
      agent: new Agent({ keepAlive: true, ca: door.ca }),
    });
    await eventually(() => door.gateway.calls.length === 1);
    const closed = door.coordinator.close(LONG);
    release();
    const answer = await busy;
    expect(answer.headers.connection).to.equal("close");
    await closed;
  });

  it("takes no more connections", async () => {
    await door.coordinator.close(LONG);
    const error = await get(`${door.url}/livez`, { ca: door.ca }).catch((e: unknown) => e);
    expect(error).to.have.property("code", "ECONNREFUSED");
  });

  it("may be closed twice", async () => {
    await Promise.all([door.coordinator.close(LONG), door.coordinator.close(LONG)]);
  });
});

describe("a coordinator that is drained while clients call", () => {
  const CALLERS = 8;

  /** Calls again and again, on connections that are left as they say. */
  async function callUntil(
    isOver: () => boolean,
    call: () => Promise<unknown>,
    failures: unknown[],
    answered: () => void,
  ): Promise<void> {
    while (!isOver()) {
      try {
        await call();
        answered();
      } catch (error) {
        failures.push(error);
        return;
      }
    }
  }

  /** Two doors at a time, as behind a balancer that sends new connections where one is open. */
  async function drainUnder(makeCaller: (url: () => string, ca: Buffer) => () => Promise<unknown>) {
    const leaving = await openDoor();
    const staying = await openDoor();
    for (const door of [leaving, staying]) {
      door.gateway.answer = async () => {
        await new Promise((resolve) => setTimeout(resolve, 2));
        return create(EventSchema, { title: "x" });
      };
    }
    let open = leaving;
    let over = false;
    const failures: unknown[] = [];
    const answers: number[] = Array.from({ length: CALLERS }, () => 0);
    const callers = answers.map((_, caller) =>
      callUntil(
        () => over,
        makeCaller(() => open.url, leaving.ca),
        failures,
        () => (answers[caller] = (answers[caller] ?? 0) + 1),
      ),
    );
    await eventually(() => answers.every((count) => count > 2));
    open = staying;
    await leaving.coordinator.close(LONG);
    await eventually(() => staying.gateway.calls.length > CALLERS * 4);
    over = true;
    await Promise.all(callers);
    await staying.close();
    return failures;
  }

  it("fails no call of a client that honours GOAWAY", async () => {
    const failures = await drainUnder((url, ca) => {
      let session: ClientHttp2Session | undefined;
      const current = (): ClientHttp2Session => {
        if (session === undefined || session.closed || session.destroyed) {
          session = connect(url(), { ca });
          session.on("goaway", () => session?.close());
          session.on("error", () => undefined);
        }
        return session;
      };
      return async () => {
        const first = await post2(current());
        // What came after the last call that the other side took was not done: it may be sent again.
        const status = first === "not taken" ? await post2(current()) : first;
        expect(status).to.equal(200);
      };
    });
    expect(failures.map(String)).to.be.empty;
  });

  it("fails no call of a client that honours Connection: close", async () => {
    const failures = await drainUnder((url, ca) => {
      const agent = new Agent({ keepAlive: true, maxSockets: 1, ca });
      return () => get(`${url()}/v1/calendars/ana/events/e1`, { agent });
    });
    expect(failures.map(String)).to.be.empty;
  });
});

describe("a port that is taken", () => {
  it("is refused with what to do about it", async () => {
    const door = await openDoor();
    const error = await openDoor({ port: door.coordinator.port }).catch((e: unknown) => e);
    expect(error).to.have.property("code", "unreachable");
    expect(error).to.have.property("message").that.contains("choose another address");
    await door.close();
  });
});

function ping(session: ClientHttp2Session): Promise<void> {
  return new Promise((resolve, reject) => {
    session.on("error", reject);
    session.on("connect", () => {
      session.ping((error) => (error === null ? resolve() : reject(error)));
    });
  });
}

function get(url: string, options: RequestOptions) {
  return new Promise<{ headers: IncomingHttpHeaders }>((resolve, reject) => {
    const sent = request(url, options, (response) => {
      response.resume();
      response.on("end", () => resolve({ headers: response.headers }));
    });
    sent.on("error", reject);
    sent.end();
  });
}

/** The status of a call in JSON, or that the connection ended before the other side took it. */
async function post2(session: ClientHttp2Session): Promise<number | "not taken"> {
  return await new Promise((resolve, reject) => {
    let lastTaken = Infinity;
    session.once("goaway", (_code: number, lastStreamId: number) => {
      lastTaken = lastStreamId;
    });
    const stream = session.request({
      ":method": "POST",
      ":path": "/cabildo.v1.EventService/GetEvent",
      "content-type": "application/json",
    });
    let status = 0;
    let failure: Error | undefined;
    stream.on("response", (headers) => (status = headers[":status"] ?? 0));
    stream.on("error", (error: Error) => {
      failure = error;
    });
    stream.on("close", () => {
      const notTaken = (stream.id ?? Infinity) > lastTaken;
      if (status === 200) resolve(status);
      else if (notTaken && session.closed) resolve("not taken");
      else reject(failure ?? new Error(`answered ${status}`));
    });
    stream.resume();
    stream.end("{}");
  });
}
