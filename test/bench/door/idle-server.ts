/**
 * A server that does nothing but answer GetEvent: `node idle-server.js connect-node|bare CERTIFICATE KEY`. Says its port on
 * stdout.
 */
import { readFileSync } from "node:fs";
import { createSecureServer, type Http2SecureServer, type ServerHttp2Stream } from "node:http2";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import {
  EventSchema,
  EventService,
  GetEventRequestSchema,
} from "../../../gen/cabildo/v1/events_pb.js";

const HEAD_BYTES = 5;

const [kind, certFile = "", keyFile = ""] = process.argv.slice(2);
const tls = { cert: readFileSync(certFile), key: readFileSync(keyFile), allowHTTP1: true };
const answer = (name: string) => create(EventSchema, { name, title: "idle" });
const server = kind === "connect-node" ? connectServer() : bareServer();
server.listen(0, "127.0.0.1", () => {
  const bound = server.address();
  console.log(bound !== null && typeof bound === "object" ? bound.port : 0);
});

function connectServer(): Http2SecureServer {
  const adapter = connectNodeAdapter({
    routes: (router) => router.service(EventService, { getEvent: ({ name }) => answer(name) }),
  });
  return createSecureServer(tls, adapter);
}

function bareServer(): Http2SecureServer {
  const bare = createSecureServer(tls);
  bare.on("stream", (stream: ServerHttp2Stream) => {
    const chunks: Buffer[] = [];
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    stream.on("end", () => {
      const request = fromBinary(GetEventRequestSchema, Buffer.concat(chunks).subarray(HEAD_BYTES));
      const message = toBinary(EventSchema, answer(request.name));
      const head = Buffer.alloc(HEAD_BYTES);
      head.writeUInt32BE(message.byteLength, 1);
      stream.respond(
        { ":status": 200, "content-type": "application/grpc" },
        { waitForTrailers: true },
      );
      stream.once("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
      stream.end(Buffer.concat([head, message]));
    });
  });
  return bare;
}
