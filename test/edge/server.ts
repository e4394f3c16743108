/**
 * The server that Connect's conformance suite judges: `connectconformance --mode server -- node server.js DESCRIPTORS [off]`. It
 * reads what kind of server is wanted from stdin, serves until SIGTERM, and says on stdout where.
 */
import { readFileSync } from "node:fs";
import { fromBinary, fromJson, toBinary, toJson } from "@bufbuild/protobuf";
import { startCoordinator } from "../../src/coordinator/index.js";
import { createTestAuthority } from "../support/certificates.js";
import { ConformanceBackend, DEADLINE_MS_MAX, STREAM_MS_MAX } from "./service.js";

const PREFIX_BYTES = 4;

const [descriptors = "", shortWay] = process.argv.slice(2);
const backend = new ConformanceBackend(readFileSync(descriptors));
const wanted = await readWanted();
const tls = await (await createTestAuthority()).issue([]);
const coordinator = await startCoordinator({
  gateway: backend,
  services: [backend.service],
  addRoutes: (router) => backend.addRoutes(router),
  tls: { cert: tls.cert.toString(), key: tls.key.toString() },
  host: "127.0.0.1",
  port: 0,
  limits: {
    ...{ deadlineMsMax: DEADLINE_MS_MAX, streamMsMax: STREAM_MS_MAX, resetsPerSecondMax: 10_000 },
    ...(wanted > 0 ? { requestBytesMax: wanted } : {}),
  },
  shortWay: shortWay !== "off",
  reflection: false,
  clock: {
    monotonicMs: () => performance.now(),
    after: (delayMs, run) => {
      const timer = setTimeout(run, delayMs);
      return () => clearTimeout(timer);
    },
  },
  ready: () => true,
  jwks: () => undefined,
});
process.once("SIGTERM", () => {
  void coordinator.close({ graceMs: 0 }).then(() => process.exit(0));
});
const place = { host: "localhost", port: coordinator.port, pemCert: tls.ca.toString("base64") };
const desc = requireMessage("ServerCompatResponse");
write(toBinary(desc, fromJson(desc, place)));

/** Bytes that a request may have; 0 if any. */
async function readWanted(): Promise<number> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) {
    chunks.push(chunk as Buffer);
    const all = Buffer.concat(chunks);
    const length = all.byteLength < PREFIX_BYTES ? Infinity : all.readUInt32BE(0);
    if (all.byteLength < PREFIX_BYTES + length) continue;
    const request = requireMessage("ServerCompatRequest");
    const json = toJson(request, fromBinary(request, all.subarray(PREFIX_BYTES)));
    const limit = (json as { messageReceiveLimit?: number }).messageReceiveLimit;
    return limit ?? 0;
  }
  throw new Error("the suite said nothing");
}

function requireMessage(name: string) {
  const found = backend.registry.getMessage(`connectrpc.conformance.v1.${name}`);
  if (found === undefined) throw new Error(`there is no ${name}`);
  return found;
}

function write(message: Uint8Array): void {
  const prefix = Buffer.alloc(PREFIX_BYTES);
  prefix.writeUInt32BE(message.byteLength);
  process.stdout.write(Buffer.concat([prefix, message]));
}
