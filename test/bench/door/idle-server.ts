/**
 * A server that does nothing but answer GetEvent: `node idle-server.js connect-node|bare-http2|bare-http1 CERTIFICATE KEY`. Says
 * its port on stdout.
 */
import { readFileSync } from "node:fs";
import { createSecureServer, type ServerHttp2Stream } from "node:http2";
import { createServer } from "node:https";
import type { Server } from "node:tls";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import {
  EventSchema,
  EventService,
  GetEventRequestSchema,
} from "../../../gen/cabildo/v1/events_pb.js";
import { envelope, HEAD_BYTES } from "./envelope.js";

const GRPC = "application/grpc";
const JSON_TYPE = "application/json";
const REST_PREFIX = "/v1/";
const TRAILERS_FLAG = 0x80;
/** Longer than a client pauses: what is closed while a call is on its way to it fails. */
const KEEP_ALIVE_MS = 600_000;

const [kind = "", certFile = "", keyFile = ""] = process.argv.slice(2);
const tls = { cert: readFileSync(certFile), key: readFileSync(keyFile) };
const kinds: Readonly<Record<string, () => Server>> = {
  "connect-node": connectNode,
  "bare-http2": bareHttp2,
  "bare-http1": bareHttp1,
};
const server = kinds[kind]?.();
server?.listen(0, "127.0.0.1", () => {
  const bound = server.address();
  console.log(bound !== null && typeof bound === "object" ? bound.port : 0);
});

function connectNode(): Server {
  const adapter = connectNodeAdapter({
    routes: (router) => router.service(EventService, { getEvent: ({ name }) => eventOf(name) }),
  });
  return createSecureServer({ ...tls, allowHTTP1: true }, adapter);
}

function bareHttp2(): Server {
  const bare = createSecureServer(tls);
  bare.on("stream", (stream: ServerHttp2Stream, headers) => {
    const chunks: Buffer[] = [];
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    stream.once("end", () => {
      const type = headers["content-type"] ?? "";
      const waitForTrailers = type === GRPC;
      const answer = answerTo(type, headers[":path"] ?? "", Buffer.concat(chunks));
      stream.respond({ ":status": 200, "content-type": type }, { waitForTrailers });
      if (waitForTrailers) {
        stream.once("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
      }
      stream.end(answer);
    });
  });
  return bare;
}

function bareHttp1(): Server {
  return createServer({ ...tls, keepAliveTimeout: KEEP_ALIVE_MS }, (request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.once("end", () => {
      const type = request.headers["content-type"] ?? "";
      const answer = answerTo(type, request.url ?? "", Buffer.concat(chunks));
      const head = { "content-type": type, "content-length": answer.byteLength };
      response.writeHead(200, head).end(answer);
    });
  });
}

/** To gRPC, gRPC-Web, Connect in JSON, and REST, which asks by its path. */
function answerTo(contentType: string, path: string, body: Buffer): Buffer {
  if (contentType === JSON_TYPE) {
    const name = body.byteLength === 0 ? path.slice(REST_PREFIX.length) : nameIn(body);
    return Buffer.from(JSON.stringify({ name, title: "idle" }));
  }
  const { name } = fromBinary(GetEventRequestSchema, body.subarray(HEAD_BYTES));
  const message = envelope(toBinary(EventSchema, eventOf(name)));
  if (contentType === GRPC) return message;
  return Buffer.concat([message, envelope(Buffer.from("grpc-status: 0\r\n"), TRAILERS_FLAG)]);
}

function eventOf(name: string) {
  return create(EventSchema, { name, title: "idle" });
}

function nameIn(body: Buffer): string {
  return (JSON.parse(body.toString()) as { readonly name: string }).name;
}
