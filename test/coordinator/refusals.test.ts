import { connect, constants } from "node:http2";
import { request } from "node:https";
import { connect as connectTcp } from "node:net";
import { connect as connectTls } from "node:tls";
import { gzipSync } from "node:zlib";
import { create, toBinary } from "@bufbuild/protobuf";
import { Code, createClient } from "@connectrpc/connect";
import { expect } from "chai";
import { EventService, GetEventRequestSchema } from "../../gen/cabildo/v1/events_pb.js";
import type { CancelSignal } from "../../src/base/index.js";
import { openDoor, type Door } from "./support/door.js";
import { failure } from "./support/failure.js";
import { eventually } from "../support/eventually.js";

const CREATE = "/cabildo.v1.EventService/CreateEvent";
const GET = "/cabildo.v1.EventService/GetEvent";
const WATCH = "/cabildo.v1.SyncService/WatchChanges";
const JSON_TYPE = { "content-type": "application/json" };
const EMPTY = Buffer.alloc(0);
/** Field 1 with a length of five, and one byte. */
const GARBAGE = Buffer.from([0x0a, 0x05, 0x01]);

interface ErrorBody {
  readonly code: string;
  readonly message: string;
  readonly details?: readonly { readonly type: string; readonly debug?: unknown }[];
}

const parse = (text: string): ErrorBody => JSON.parse(text) as ErrorBody;

function envelope(message: Uint8Array, flags = 0): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt8(flags, 0);
  head.writeUInt32BE(message.byteLength, 1);
  return Buffer.concat([head, message]);
}

interface GrpcAnswer {
  readonly status: number;
  readonly grpcStatus: string;
  readonly message: string;
}

/** One call of gRPC with these bytes as its body. */
const END_STREAM = constants.NGHTTP2_FLAG_END_STREAM;

async function grpc(door: Door, path: string, body: Uint8Array, more = {}): Promise<GrpcAnswer> {
  const session = connect(door.url, { ca: door.ca });
  try {
    return await new Promise((resolve, reject) => {
      const headers = { "content-type": "application/grpc", te: "trailers", ...more };
      const stream = session.request({ ":method": "POST", ":path": path, ...headers });
      let seen: Record<string, unknown> = {};
      const note = (headers: object) => {
        seen = { ...seen, ...headers };
      };
      // Of an answer that goes on after its headers, only what comes last tells the outcome.
      stream.on("response", ({ ":status": status, ...rest }, flags) =>
        note({ ":status": status, ...((flags & END_STREAM) === 0 ? {} : rest) }),
      );
      stream.on("trailers", note);
      stream.on("error", reject);
      stream.resume();
      stream.on("close", () =>
        resolve({
          status: Number(seen[":status"]),
          grpcStatus: String(seen["grpc-status"]),
          message: decodeURIComponent(String(seen["grpc-message"])),
        }),
      );
      session.on("error", reject);
      stream.end(body);
    });
  } finally {
    session.destroy();
  }
}

for (const shortWay of [true, false]) {
  describe(`a coordinator ${shortWay ? "on the short way" : "through Connect"}`, () => {
    let door: Door;
    before(async () => {
      door = await openDoor({
        shortWay,
        limits: { requestBytesMax: 64 * 1024, deadlineMsMax: 5000 },
      });
    });
    after(async () => {
      await door.close();
    });
    afterEach(() => {
      expect(door.logged).to.deep.equal([]);
      door.gateway.calls.length = 0;
    });

    describe("that is sent JSON", () => {
      const cases: readonly [string, string, string, string][] = [
        ["a field that does not exist", '{"event":{"titel":"x"}}', "event.titel", "is unknown"],
        ["an unknown field of the request itself", '{"parnet":"x"}', "parnet", "is unknown"],
        [
          "an unknown field inside a list",
          '{"event":{"attendees":[{"user":"users/ana"},{"usr":"x"}]}}',
          "event.attendees[1].usr",
          "is unknown",
        ],
        ["a number for a text", '{"event":{"title":5}}', "event.title", "is not of type string"],
        ["a text for a flag", '{"validateOnly":"yes"}', "validateOnly", "is not of type bool"],
        [
          "a word that an enumeration has not",
          '{"event":{"visibility":"SECRET"}}',
          "event.visibility",
          "is not one of VISIBILITY_UNSPECIFIED",
        ],
        [
          "a time that is none",
          '{"event":{"timed":{"startTime":"tomorrow"}}}',
          "event.timed.startTime",
          "is not a google.protobuf.Timestamp such as",
        ],
        ["a list for an object", '{"event":[]}', "event", "is not an object"],
        [
          "a text for a day",
          '{"event":{"allDay":{"startDate":"2030-01-31"}}}',
          "event.allDay.startDate",
          'is not an object such as {"year":2030,"month":1,"day":31}',
        ],
        [
          "an object for a list",
          '{"event":{"recurrence":{}}}',
          "event.recurrence",
          "is not a list",
        ],
        [
          "a number in a list of texts",
          '{"event":{"recurrence":["a",7]}}',
          "event.recurrence[1]",
          "is not of type string",
        ],
        [
          "a number in a map of texts",
          '{"event":{"labels":{"a":"b","c":7}}}',
          'event.labels["c"]',
          "is not string by its key",
        ],
      ];
      for (const [what, body, field, description] of cases) {
        it(`refuses ${what} and names it`, async () => {
          const answer = await door.send("POST", CREATE, JSON_TYPE, body);
          const error = parse(answer.text);
          expect(answer.status).to.equal(400);
          expect(error.code).to.equal("invalid_argument");
          expect(error.message).to.contain(`${field} ${description}`);
          const request = error.details?.find(({ type }) => type === "google.rpc.BadRequest");
          expect(JSON.stringify(request?.debug)).to.contain(JSON.stringify(field).slice(1, -1));
          expect(door.gateway.calls).to.be.empty;
        });
      }

      const malformed = ["", "{", "nonsense", '{"a":1}}', "\u0000", "[".repeat(30_000)];
      for (const body of malformed) {
        it(`refuses ${JSON.stringify(body.slice(0, 10))} in words of its own`, async () => {
          const answer = await door.send("POST", CREATE, JSON_TYPE, body);
          expect(answer.status).to.equal(400);
          expect(parse(answer.text)).to.include({
            code: "invalid_argument",
            message: "the body is not JSON: correct it",
          });
        });
      }

      it("refuses text that is not UTF-8", async () => {
        const answer = await door.send("POST", CREATE, JSON_TYPE, Buffer.from([0x22, 0xff, 0x22]));
        expect(answer.status).to.equal(400);
        expect(parse(answer.text).code).to.equal("invalid_argument");
      });

      it("refuses what is not an object", async () => {
        const answer = await door.send("POST", CREATE, JSON_TYPE, '"text"');
        expect(parse(answer.text).message).to.equal("the body is not an object");
      });

      it("refuses a field that is written twice", async () => {
        const body = '{"requestId":"a","request_id":"b"}';
        const answer = await door.send("POST", CREATE, JSON_TYPE, body);
        expect(answer.status).to.equal(400);
        expect(parse(answer.text).message).to.contain("a name is repeated");
      });

      it("never repeats a value", async () => {
        const path = "/cabildo.v1.AuthService/Login";
        const answer = await door.send(
          "POST",
          path,
          JSON_TYPE,
          '{"userId":"a","password":12345678}',
        );
        expect(answer.text).to.contain("password is not of type string");
        expect(answer.text).not.to.contain("12345678");
      });

      it("takes the names of the protos as well", async () => {
        const answer = await door.send("POST", CREATE, JSON_TYPE, '{"validate_only":true}');
        expect(answer.status).to.equal(200);
        expect(door.gateway.last.request).to.deep.include({ validateOnly: true });
      });

      it("takes it compressed, and refuses what does not decompress", async () => {
        const headers = { ...JSON_TYPE, "content-encoding": "gzip" };
        const body = gzipSync('{"requestId":"r"}');
        expect((await door.send("POST", CREATE, headers, body)).status).to.equal(200);
        expect(door.gateway.last.request).to.deep.include({ requestId: "r" });
        const broken = await door.send("POST", CREATE, headers, body.subarray(0, 12));
        expect(broken.status).to.equal(400);
        expect(parse(broken.text).code).to.equal("invalid_argument");
      });

      it("refuses a compression that it does not know", async () => {
        const headers = { ...JSON_TYPE, "content-encoding": "zstd" };
        const answer = await door.send("POST", CREATE, headers, "{}");
        expect(parse(answer.text).code).to.equal("unimplemented");
      });
    });

    describe("that is sent protobuf", () => {
      it("refuses what is none, with a text of its own", async () => {
        const headers = { "content-type": "application/proto" };
        const answer = await door.send("POST", GET, headers, GARBAGE);
        const error = parse(answer.text);
        expect(answer.status).to.equal(400);
        expect(error.code).to.equal("invalid_argument");
        expect(error.message).to.equal(
          "the body is not a cabildo.v1.GetEventRequest in protobuf: generate the client anew",
        );
        expect(error.details?.[0]?.type).to.equal("google.rpc.ErrorInfo");
      });

      it("refuses the same over gRPC", async () => {
        const answer = await grpc(door, GET, envelope(GARBAGE));
        expect(answer).to.deep.equal({
          status: 200,
          grpcStatus: String(Code.InvalidArgument),
          message:
            "the body is not a cabildo.v1.GetEventRequest in protobuf: generate the client anew",
        });
      });

      it("refuses the same at the beginning of a stream", async () => {
        const answer = await grpc(door, WATCH, envelope(GARBAGE));
        expect(answer.grpcStatus).to.equal(String(Code.InvalidArgument));
      });

      it("refuses the same where requests are streamed", async () => {
        const path = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
        const answer = await grpc(door, path, envelope(GARBAGE));
        expect(answer.grpcStatus).to.equal(String(Code.InvalidArgument));
        expect(answer.message).to.contain("is not a grpc.reflection.v1.ServerReflectionRequest");
      });

      it("ignores a field that it does not know", async () => {
        const request = create(GetEventRequestSchema, { name: "calendars/ana/events/e1" });
        // Field 1000, of one byte.
        const unknown = Buffer.from([0xc0, 0x3e, 0x01]);
        const body = Buffer.concat([toBinary(GetEventRequestSchema, request), unknown]);
        const answer = await grpc(door, GET, envelope(body));
        expect(answer.grpcStatus).to.equal("0");
        expect(door.gateway.last.request).to.deep.equal(request);
      });

      it("refuses half an envelope", async () => {
        const answer = await grpc(door, GET, Buffer.from([0, 0, 0, 0, 9, 1]));
        expect(answer.grpcStatus).to.equal(String(Code.InvalidArgument));
      });

      it("refuses an envelope that claims more than a request may have", async () => {
        const answer = await grpc(door, GET, Buffer.from([0, 0xff, 0xff, 0xff, 0xff]));
        expect(answer.grpcStatus).to.equal(String(Code.ResourceExhausted));
      });

      it("refuses a small envelope that unpacks to more than a request may have", async () => {
        const bomb = envelope(gzipSync(Buffer.alloc(10_000_000)), 1);
        const answer = await grpc(door, GET, bomb, { "grpc-encoding": "gzip" });
        expect(answer.grpcStatus).to.equal(String(Code.ResourceExhausted));
      });
    });

    describe("that is sent more than a request may have", () => {
      const title = "x".repeat(100_000);
      it("says so in Connect", async () => {
        const answer = await door.send("POST", CREATE, JSON_TYPE, JSON.stringify({ title }));
        expect(answer.status).to.equal(429);
        expect(parse(answer.text).code).to.equal("resource_exhausted");
      });

      for (const protocol of ["gRPC", "gRPC-Web over HTTP/2", "Connect in JSON over HTTP/2"]) {
        it(`says so by ${protocol}, and goes on serving`, async () => {
          const transport = door.transports[protocol];
          if (transport === undefined) throw new Error(protocol);
          const client = createClient(EventService, transport);
          const error = await failure(client.createEvent({ event: { title } }));
          expect(error.code).to.equal(Code.ResourceExhausted);
          await client.createEvent({ event: { title: "short" } });
        });
      }
    });

    describe("that is asked for something else", () => {
      it("says in JSON that there is no such method", async () => {
        const answer = await door.send("POST", "/cabildo.v1.EventService/Cook", JSON_TYPE, "{}");
        expect(answer.status).to.equal(404);
        expect(parse(answer.text).code).to.equal("unimplemented");
        expect(parse(answer.text).message).to.contain("/cabildo.v1.EventService/GetEvent");
      });

      it("says in gRPC that there is no such method", async () => {
        const answer = await grpc(door, "/cabildo.v2.EventService/GetEvent", envelope(GARBAGE));
        expect(answer.status).to.equal(200);
        expect(answer.grpcStatus).to.equal(String(Code.Unimplemented));
        expect(answer.message).to.contain("there is no method /cabildo.v2.EventService/GetEvent");
      });

      it("says that a form is not taken, and what is", async () => {
        const type = "application/x-www-form-urlencoded";
        const answer = await door.send("POST", GET, { "content-type": type }, "name=x");
        expect(answer.status).to.equal(415);
        expect(answer.headers["accept-post"]).to.contain("application/json");
        expect(parse(answer.text).message).to.contain("application/json");
      });

      it("says that a stream needs envelopes", async () => {
        const answer = await door.send("POST", WATCH, JSON_TYPE, "{}");
        expect(answer.status).to.equal(415);
        expect(answer.headers["accept-post"]).to.contain("application/connect+json");
      });

      it("says that a write cannot be got", async () => {
        const answer = await door.send("GET", `${CREATE}?encoding=json&message=%7B%7D`);
        expect(answer.status).to.equal(405);
        expect(answer.headers.allow).to.equal("POST");
      });

      it("answers a read by GET", async () => {
        const query = `encoding=json&message=${encodeURIComponent('{"name":"n"}')}`;
        const answer = await door.send("GET", `${GET}?${query}`);
        expect(answer.status).to.equal(200);
        expect(door.gateway.last.request).to.deep.include({ name: "n" });
      });

      const badQueries = [
        "encoding=json&message=nonsense",
        "encoding=json",
        "encoding=json&base64=1&message=%25%25",
        "encoding=proto&base64=1&message=CgUB",
      ];
      for (const query of badQueries) {
        it(`refuses a GET with ${query}`, async () => {
          const answer = await door.send("GET", `${GET}?${query}`);
          expect(answer.status).to.equal(400);
          expect(parse(answer.text).code).to.equal("invalid_argument");
        });
      }

      it("refuses a GET that names no encoding", async () => {
        expect((await door.send("GET", GET)).status).to.equal(415);
      });

      it("refuses a deadline beyond the longest", async () => {
        const headers = { ...JSON_TYPE, "connect-timeout-ms": "3600000" };
        const answer = await door.send("POST", GET, headers, "{}");
        expect(answer.status).to.equal(400);
        expect(parse(answer.text).code).to.equal("invalid_argument");
      });

      it("answers headers beyond the limit by a refusal", async () => {
        const headers = { "x-big": "x".repeat(20_000) };
        const answer = await door.send("GET", "/livez", headers);
        expect(answer.status).to.equal(431);
        // Over HTTP/2 a client may send before it has heard of the limit.
        expect((await grpc(door, GET, envelope(GARBAGE), headers)).status).to.equal(431);
      });
    });

    it("lives on after garbage, half connections and resets", async () => {
      const { port } = door.coordinator;
      const plain = connectTcp(port, "127.0.0.1");
      plain.on("error", () => undefined);
      plain.end("GET / HTTP/1.1\r\n\r\n");
      const reset = connectTls({ port, host: "127.0.0.1", servername: "localhost", ca: door.ca });
      reset.on("error", () => undefined);
      reset.on("secureConnect", () => {
        reset.write("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nabc");
        reset.destroy();
      });
      const noHost = await sendRaw(
        door,
        "POST",
        `${GET} HTTP/1.0\r\ncontent-type: application/json`,
      );
      expect(noHost).to.contain("400");
      const noise = await sendRaw(door, "\u0001\u0002", "garbage");
      expect(noise).to.contain("400 Bad Request");
      const session = connect(door.url, { ca: door.ca });
      session.on("error", () => undefined);
      const stream = session.request({
        ":method": "POST",
        ":path": GET,
        "content-type": "application/grpc",
      });
      stream.on("error", () => undefined);
      stream.write(envelope(GARBAGE).subarray(0, 3));
      stream.close(8);
      session.destroy();
      expect((await door.send("GET", "/livez")).status).to.equal(200);
    });

    it("answers a gateway that takes too long with the deadline", async () => {
      door.gateway.answer = ({ signal }) =>
        new Promise((_, reject) => {
          signal.addEventListener("abort", () => reject(reasonOf(signal)));
        });
      const answer = await door.send(
        "POST",
        GET,
        { ...JSON_TYPE, "connect-timeout-ms": "30" },
        "{}",
      );
      expect(answer.status).to.equal(504);
      expect(parse(answer.text).code).to.equal("deadline_exceeded");
      const { grpcStatus } = await grpc(door, GET, envelope(EMPTY), { "grpc-timeout": "30m" });
      expect(grpcStatus).to.equal(String(Code.DeadlineExceeded));
      await eventually(() => door.ended.some(({ code }) => code === "DeadlineExceeded"));
      door.gateway.answer = ({ method }) => create(method.output);
    });

    it("does not take a client that leaves for a fault", async () => {
      let left = false;
      door.gateway.answer = ({ signal }) =>
        new Promise((_, reject) => {
          signal.addEventListener("abort", () => {
            left = true;
            reject(reasonOf(signal));
          });
        });
      const sent = request(`${door.url}${GET}`, {
        method: "POST",
        headers: JSON_TYPE,
        ca: door.ca,
      });
      sent.on("error", () => undefined);
      sent.end("{}");
      await eventually(() => door.gateway.calls.length === 1);
      sent.destroy();
      await eventually(() => left);
      await eventually(() => door.ended.some(({ code }) => code === "Canceled"));
      door.gateway.answer = ({ method }) => create(method.output);
    });

    it("does not wait for ever for a request that does not come", async () => {
      const impatient = await openDoor({ shortWay, limits: { deadlineMsMax: 50 } });
      const session = connect(impatient.url, { ca: impatient.ca });
      const stream = session.request({
        ":method": "POST",
        ":path": GET,
        "content-type": "application/grpc",
      });
      const trailers = await new Promise<Record<string, unknown>>((resolve) => {
        // A refusal without a message may be headers alone.
        stream.on("response", (headers) => {
          if ("grpc-status" in headers) resolve(headers);
        });
        stream.on("trailers", resolve);
        stream.resume();
        stream.write(envelope(GARBAGE).subarray(0, 3));
      });
      expect(trailers["grpc-status"]).to.equal(String(Code.DeadlineExceeded));
      session.destroy();
      await impatient.close();
    });
  });
}

/** The beginning of what is answered to a text. */
function sendRaw(door: Door, method: string, rest: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const { port } = door.coordinator;
    const socket = connectTls({ port, host: "127.0.0.1", servername: "localhost", ca: door.ca });
    socket.on("error", reject);
    socket.once("data", (data: Buffer) => {
      resolve(data.toString());
      socket.destroy();
    });
    socket.on("close", () => resolve(""));
    socket.write(`${method} ${rest}\r\n\r\n`);
  });
}

function reasonOf({ reason }: CancelSignal): Error {
  return reason instanceof Error ? reason : new Error("given up", { cause: reason });
}
