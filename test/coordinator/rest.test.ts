import { connect } from "node:http2";
import { gzipSync } from "node:zlib";
import { create } from "@bufbuild/protobuf";
import { expect } from "chai";
import {
  CreateEventRequestSchema,
  EventSchema,
  UpdateEventRequestSchema,
} from "../../gen/cabildo/v1/events_pb.js";
import { WatchChangesResponseSchema } from "../../gen/cabildo/v1/sync_pb.js";
import { ClusterError } from "../../src/base/index.js";
import { PUBLIC_SERVICES } from "../../src/gateway/index.js";
import { readBindings } from "../../src/transcoding/index.js";
import { eventually } from "../support/eventually.js";
import { openDoor, type Door } from "./support/door.js";

const EVENTS = "/v1/calendars/ana/events";
const EVENT = `${EVENTS}/e1`;
const TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const JSON_TYPE = { "content-type": "application/json" };

interface ErrorBody {
  readonly error: {
    readonly code: number;
    readonly status: string;
    readonly message: string;
    readonly details: readonly Readonly<Record<string, unknown>>[];
  };
}
const parse = (text: string): ErrorBody => JSON.parse(text) as ErrorBody;

describe("the public protos", () => {
  it("give every method an address in plain HTTP", () => {
    const methods = PUBLIC_SERVICES.flatMap((service) => service.methods);
    const without = methods.filter((method) => readBindings(method).length === 0);
    expect(without.map(({ parent, name }) => `${parent.name}.${name}`)).to.deep.equal([]);
  });
});

describe("a coordinator that is called by plain HTTP", () => {
  let door: Door;
  before(async () => {
    door = await openDoor({ limits: { requestBytesMax: 64 * 1024 } });
  });
  after(async () => {
    await door.close();
  });
  beforeEach(() => {
    door.gateway.calls.length = 0;
    door.gateway.answer = ({ method }) => create(method.output);
  });

  it("takes the request from path, query, body and headers to the gateway", async () => {
    const headers = {
      ...JSON_TYPE,
      authorization: "Bearer abc",
      traceparent: TRACEPARENT,
      "idempotency-key": "k1",
    };
    const answer = await door.send(
      "POST",
      `${EVENTS}?validateOnly=true`,
      headers,
      '{"title":"Ensayo"}',
    );
    expect(answer.status).to.equal(200);
    const call = door.gateway.last;
    expect(call.method.name).to.equal("CreateEvent");
    expect(call.request).to.deep.equal(
      create(CreateEventRequestSchema, {
        parent: "calendars/ana",
        event: { title: "Ensayo" },
        requestId: "k1",
        validateOnly: true,
      }),
    );
    expect(call).to.include({ token: "abc", traceparent: TRACEPARENT });
    expect(call.remoteAddress).to.contain("127.0.0.1");
  });

  it("answers in JSON, with the etag", async () => {
    door.gateway.answer = () => create(EventSchema, { title: "Ñandú", etag: '"r7"' });
    const answer = await door.send("GET", EVENT);
    expect(answer.headers).to.include({ "content-type": "application/json", etag: '"r7"' });
    expect(JSON.parse(answer.text)).to.deep.equal({ title: "Ñandú", etag: '"r7"' });
  });

  it("sends nothing that the client has already", async () => {
    door.gateway.answer = () => create(EventSchema, { etag: '"r7"' });
    const same = await door.send("GET", EVENT, { "if-none-match": '"r6", "r7"' });
    expect(same).to.include({ status: 304, text: "" });
    expect(same.headers.etag).to.equal('"r7"');
    expect((await door.send("GET", EVENT, { "if-none-match": '"r6"' })).status).to.equal(200);
  });

  it("writes only what the client has seen, and says 412 where that has changed", async () => {
    door.gateway.answer = () => {
      throw new ClusterError("stale-etag", "it has changed since");
    };
    const headers = { ...JSON_TYPE, "if-match": '"r1"' };
    const answer = await door.send("PATCH", `${EVENT}?updateMask=title`, headers, '{"title":"x"}');
    expect(door.gateway.last.request).to.deep.equal(
      create(UpdateEventRequestSchema, {
        event: { name: "calendars/ana/events/e1", title: "x", etag: '"r1"' },
        updateMask: { paths: ["title"] },
      }),
    );
    expect(answer.status).to.equal(412);
    expect(parse(answer.text).error).to.include({ code: 409, status: "ABORTED" });
    const unconditional = await door.send("PATCH", EVENT, JSON_TYPE, '{"title":"x"}');
    expect(unconditional.status).to.equal(409);
  });

  it("calls a verb without a body", async () => {
    expect((await door.send("POST", `${EVENT}:cancel`)).status).to.equal(200);
    expect(door.gateway.last.method.name).to.equal("CancelEvent");
    expect(door.gateway.last.request).to.deep.include({ name: "calendars/ana/events/e1" });
  });

  it("answers the head alone to HEAD", async () => {
    door.gateway.answer = () => create(EventSchema, { etag: '"r7"' });
    const answer = await door.send("HEAD", EVENT);
    expect(answer).to.include({ status: 200, text: "" });
    expect(answer.headers.etag).to.equal('"r7"');
  });

  it("takes a body that is compressed", async () => {
    const headers = { ...JSON_TYPE, "content-encoding": "gzip" };
    const answer = await door.send("POST", EVENTS, headers, gzipSync('{"title":"Ensayo"}'));
    expect(answer.status).to.equal(200);
    expect(door.gateway.last.request).to.have.nested.property("event.title", "Ensayo");
    expect((await door.send("POST", EVENTS, headers, "{}")).status).to.equal(400);
    const bomb = await door.send("POST", EVENTS, headers, gzipSync(Buffer.alloc(1_000_000, " ")));
    expect(bomb.status).to.equal(400);
  });

  it("serves the same over HTTP/2", async () => {
    door.gateway.answer = () => create(EventSchema, { title: "Ensayo" });
    const session = connect(door.url, { ca: door.ca });
    const stream = session.request({ ":path": EVENT });
    let status: unknown;
    stream.on("response", (headers) => (status = headers[":status"]));
    stream.setEncoding("utf8");
    let text = "";
    for await (const piece of stream) text += String(piece);
    session.close();
    expect(status).to.equal(200);
    expect(JSON.parse(text)).to.deep.equal({ title: "Ensayo" });
  });

  describe("in a wrong way", () => {
    const refusals: readonly (readonly [
      what: string,
      sent: Parameters<Door["send"]>,
      status: number,
      words: string,
    ])[] = [
      ["an unknown parameter", ["GET", `${EVENTS}?titel=x`], 400, "titel is unknown"],
      [
        "a parameter twice",
        ["GET", `${EVENTS}?pageSize=1&page_size=2`],
        400,
        "page_size is given twice",
      ],
      [
        "a word for a number",
        ["GET", `${EVENTS}?pageSize=ten`],
        400,
        "pageSize is not of type int32",
      ],
      [
        "an unknown field",
        ["POST", EVENTS, JSON_TYPE, '{"titel":"x"}'],
        400,
        "event.titel is unknown",
      ],
      [
        "a body that is no JSON",
        ["POST", EVENTS, JSON_TYPE, "nonsense"],
        400,
        "the body is not JSON",
      ],
      [
        "a body where none belongs",
        ["DELETE", EVENT, { ...JSON_TYPE, "content-length": 2 }, "{}"],
        400,
        "the body is not taken",
      ],
      [
        "another type",
        ["POST", EVENTS, { "content-type": "text/xml" }, "<a/>"],
        415,
        "application/json",
      ],
      [
        "another compression",
        ["POST", EVENTS, { ...JSON_TYPE, "content-encoding": "zstd" }, "x"],
        415,
        "gzip",
      ],
      [
        "a key that is not taken",
        ["POST", "/v1/auth:login", { ...JSON_TYPE, "idempotency-key": "k" }, "{}"],
        400,
        "Idempotency-Key",
      ],
      [
        "too much",
        ["POST", EVENTS, JSON_TYPE, `{"title":"${"x".repeat(70_000)}"}`],
        413,
        "65536 bytes",
      ],
      [
        "a method that is not there",
        ["PUT", EVENT, JSON_TYPE, "{}"],
        405,
        "DELETE, GET, HEAD, PATCH",
      ],
      ["an address that is not there", ["GET", "/v1/calendars/ana/cakes"], 404, "nothing here"],
      ["one that looks like a call", ["POST", "/v1/cakes", JSON_TYPE, "{}"], 404, "nothing here"],
    ];
    for (const [what, sent, status, words] of refusals) {
      it(`is refused for ${what}`, async () => {
        const answer = await door.send(...sent);
        const { error } = parse(answer.text);
        expect(answer.status).to.equal(status);
        expect(error.message).to.contain(words);
        expect(error.details.map((detail) => detail["@type"])).to.include(
          "type.googleapis.com/google.rpc.ErrorInfo",
        );
        expect(door.gateway.calls).to.be.empty;
      });
    }

    it("hears which methods there are", async () => {
      const answer = await door.send("PUT", EVENT);
      expect(answer.headers.allow).to.equal("DELETE, GET, HEAD, PATCH");
    });
  });

  it("is refused as everywhere, with the details in JSON", async () => {
    door.gateway.answer = () => {
      throw new ClusterError("overloaded", "wait a little", {
        violations: [{ field: "event.title", description: "is too long" }],
        retryAfterMs: 1500,
        outcome: "not_applied",
      });
    };
    const answer = await door.send("GET", EVENT);
    expect(answer.status).to.equal(429);
    expect(answer.headers["retry-after"]).to.equal("2");
    expect(parse(answer.text)).to.deep.equal({
      error: {
        code: 429,
        status: "RESOURCE_EXHAUSTED",
        message: "wait a little",
        details: [
          {
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            reason: "OVERLOADED",
            domain: "cabildo",
            metadata: { outcome: "not_applied" },
          },
          {
            "@type": "type.googleapis.com/google.rpc.BadRequest",
            fieldViolations: [{ field: "event.title", description: "is too long" }],
          },
          { "@type": "type.googleapis.com/google.rpc.RetryInfo", retryDelay: "1.500s" },
        ],
      },
    });
  });

  it("says nothing of a fault of its own", async () => {
    door.gateway.answer = () => {
      throw new TypeError("secret of the machine room");
    };
    const answer = await door.send("GET", EVENT);
    expect(answer.status).to.equal(500);
    expect(answer.text).not.to.contain("secret");
    expect(door.logged.filter((line) => line.includes("secret"))).to.have.lengthOf(1);
  });

  describe("for a stream", () => {
    const WATCH = "/v1/calendars/ana:watch";

    it("sends events whose ids are positions", async () => {
      door.gateway.messages = async function* () {
        yield create(WatchChangesResponseSchema, { position: "p1" });
        yield create(WatchChangesResponseSchema, { position: "p2" });
      };
      const answer = await door.send("GET", WATCH);
      expect(answer.headers["content-type"]).to.equal("text/event-stream");
      expect(answer.text).to.equal(
        'id: p1\ndata: {"position":"p1"}\n\nid: p2\ndata: {"position":"p2"}\n\n',
      );
    });

    it("goes on after the last event that the client has", async () => {
      await door.send("GET", `${WATCH}?position=p0`, { "last-event-id": "p7" });
      expect(door.gateway.last.request).to.deep.include({
        channel: "calendars/ana",
        position: "p7",
      });
    });

    it("hands over how old what it begins with may be, and refuses what is no such time", async () => {
      await door.send("GET", WATCH, { "cabildo-max-staleness": "2.5s" });
      expect(door.gateway.last.maxStalenessMs).to.equal(2500);
      const refused = await door.send("GET", WATCH, { "cabildo-max-staleness": "long ago" });
      expect(refused.status).to.equal(400);
      expect(refused.text).to.contain("cabildo-max-staleness");
    });

    it("refuses as usual before the first event, and by an event afterwards", async () => {
      door.gateway.messages = async function* ({ request }) {
        if ("position" in request && request.position === "p1") {
          yield create(WatchChangesResponseSchema, { position: "p1" });
        }
        throw new ClusterError("position-gone", "list again");
      };
      const before = await door.send("GET", WATCH);
      expect(before.status).to.equal(410);
      expect(parse(before.text).error.status).to.equal("OUT_OF_RANGE");
      const after = await door.send("GET", `${WATCH}?position=p1`);
      expect(after.status).to.equal(200);
      expect(after.text).to.contain('event: error\ndata: {"error":{"code":410,');
    });

    it("ends when the client leaves", async () => {
      let left = false;
      door.gateway.messages = async function* ({ signal }) {
        signal.addEventListener("abort", () => (left = true));
        yield create(WatchChangesResponseSchema, { position: "p1" });
        await new Promise(() => undefined);
      };
      const session = connect(door.url, { ca: door.ca });
      const stream = session.request({ ":path": WATCH });
      stream.once("data", () => stream.close());
      await eventually(() => left);
      session.close();
      await eventually(() => door.ended.some(({ code }) => code === "Canceled"));
    });

    it("ends when the coordinator stops, and says so", async () => {
      const other = await openDoor();
      other.gateway.messages = async function* () {
        yield create(WatchChangesResponseSchema, { position: "p1" });
        await new Promise(() => undefined);
      };
      const answered = other.send("GET", WATCH);
      await eventually(() => other.gateway.calls.length === 1);
      await other.coordinator.close({ graceMs: 5000 });
      const { status, text } = await answered;
      // It may stop before the first event has left.
      expect([200, 503]).to.include(status);
      expect(text).to.contain('"reason":"STOPPING"');
      await other.close();
    });
  });
});
