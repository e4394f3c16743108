import { Agent, request } from "node:https";
import type { IncomingHttpHeaders, OutgoingHttpHeaders } from "node:http";
import type { Transport } from "@connectrpc/connect";
import {
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
} from "@connectrpc/connect-node";
import type { ObservedCall } from "../../../src/base/index.js";
import {
  startCoordinator,
  type Coordinator,
  type CoordinatorOptions,
} from "../../../src/coordinator/index.js";
import { createTestAuthority } from "../../support/certificates.js";
import { FakeGateway } from "./fake-gateway.js";

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

/** A coordinator on a free port before a gateway that does nothing, and ways of calling it. */
export interface Door {
  readonly coordinator: Coordinator;
  readonly gateway: FakeGateway;
  readonly ca: Buffer;
  readonly url: string;
  readonly ended: (ObservedCall & {
    readonly code: string;
    readonly received: number;
    readonly sent: number;
  })[];
  readonly logged: string[];
  readonly state: { ready: boolean; keys: object | undefined; parts: Map<string, boolean> };
  /** The clients that must all see the same. */
  readonly transports: Readonly<Record<string, Transport>>;
  /** One request of HTTP/1.1. */
  send(
    method: string,
    path: string,
    headers?: OutgoingHttpHeaders,
    body?: string | Uint8Array,
  ): Promise<Answer>;
  close(): Promise<void>;
}

let authority: ReturnType<typeof createTestAuthority> | undefined;

export async function openDoor(options: Partial<CoordinatorOptions> = {}): Promise<Door> {
  authority ??= createTestAuthority();
  const tls = await (await authority).issue([]);
  const gateway = new FakeGateway();
  const ended: Door["ended"] = [];
  const logged: string[] = [];
  const state: Door["state"] = { ready: true, keys: { keys: [] }, parts: new Map() };
  const log = (message: string, fields?: object) => {
    logged.push(`${message} ${JSON.stringify(fields)}`);
  };
  const coordinator = await startCoordinator({
    gateway,
    tls: { cert: tls.cert.toString(), key: tls.key.toString() },
    host: "127.0.0.1",
    port: 0,
    reflection: true,
    clock: {
      monotonicMs: () => performance.now(),
      after: (delayMs, run) => {
        const timer = setTimeout(run, delayMs);
        return () => clearTimeout(timer);
      },
    },
    ready: () => state.ready,
    parts: () => state.parts,
    jwks: () => state.keys,
    observer: {
      started: (call) => {
        const messages = { received: 0, sent: 0 };
        return {
          received: () => (messages.received += 1),
          sent: () => (messages.sent += 1),
          ended: (code) => ended.push({ ...call, code, ...messages }),
        };
      },
    },
    logger: { warn: log, error: log },
    ...options,
  });
  const url = `https://localhost:${coordinator.port}`;
  const nodeOptions = { ca: tls.ca };
  const agent = new Agent({ ca: tls.ca, keepAlive: true, maxSockets: 4 });
  const http1 = { baseUrl: url, httpVersion: "1.1" as const, nodeOptions: { agent } };
  const http2 = { baseUrl: url, httpVersion: "2" as const, nodeOptions };
  return {
    coordinator,
    gateway,
    ca: tls.ca,
    url,
    ended,
    logged,
    state,
    transports: {
      gRPC: createGrpcTransport({ baseUrl: url, nodeOptions }),
      "gRPC-Web over HTTP/1.1": createGrpcWebTransport(http1),
      "gRPC-Web over HTTP/2": createGrpcWebTransport(http2),
      "Connect in JSON over HTTP/1.1": createConnectTransport({ ...http1, useBinaryFormat: false }),
      "Connect in JSON over HTTP/2": createConnectTransport({ ...http2, useBinaryFormat: false }),
      "Connect in protobuf over HTTP/1.1": createConnectTransport({
        ...http1,
        useBinaryFormat: true,
      }),
      "Connect in protobuf over HTTP/2": createConnectTransport({
        ...http2,
        useBinaryFormat: true,
      }),
      "Connect by GET": createConnectTransport({
        ...http1,
        useHttpGet: true,
        useBinaryFormat: false,
      }),
    },
    send: (method, path, headers = {}, body = "") =>
      new Promise((resolve, reject) => {
        const sent = request(`${url}${path}`, { method, headers, agent }, (response) => {
          const chunks: Buffer[] = [];
          response.on("data", (chunk: Buffer) => chunks.push(chunk));
          response.on("end", () => {
            const text = Buffer.concat(chunks).toString();
            resolve({ status: response.statusCode ?? 0, headers: response.headers, text });
          });
          response.on("error", reject);
        });
        sent.on("error", reject);
        sent.end(body);
      }),
    close: async () => {
      agent.destroy();
      await coordinator.close({ graceMs: 0 });
    },
  };
}
