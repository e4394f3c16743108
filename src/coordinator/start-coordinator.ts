import {
  constants,
  createSecureServer,
  type Http2SecureServer,
  type IncomingHttpHeaders,
  type ServerHttp2Stream,
} from "node:http2";
import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import type { DescService } from "@bufbuild/protobuf";
import type { ConnectRouter } from "@connectrpc/connect";
import { ClusterError } from "../base/index.js";
import { PUBLIC_SERVICES } from "../gateway/index.js";
import { toConnectError } from "../wire/index.js";
import type { Backend } from "./backend.js";
import type { Clock } from "./clock.js";
import { Connections } from "./connections.js";
import { Cors } from "./cors.js";
import { createDirect } from "./direct.js";
import { DescriptionPages } from "./description/description-pages.js";
import type { Exchange } from "./exchange.js";
import { Http2Exchange } from "./http2-exchange.js";
import { DEFAULT_LIMITS, type CoordinatorLimits } from "./limits.js";
import { createListener } from "./listener.js";
import type { Logger } from "./logger.js";
import type { CallObserver } from "../base/index.js";
import { createRouter } from "./router.js";
import { UnaryCalls } from "./unary-calls.js";

/** Milliseconds between the end of the grace and the end of what did not hear of it. */
const ABORT_GRACE_MS = 50;
/** Of one HTTP/2 connection: what is not HTTP/2, streams beyond the limit, and MiB that it may occupy. */
const INVALID_FRAMES_MAX = 100;
const REJECTED_STREAMS_MAX = 100;
const SESSION_MEMORY_MIB_MAX = 32;
/** Milliseconds for the headers of an HTTP/1.1 request to arrive. */
const HEADERS_TIMEOUT_MS = 20_000;
const TLS_VERSION_MIN = "TLSv1.2";

export interface CoordinatorOptions {
  readonly gateway: Backend;
  /** What the gateway answers. Default: the public API. */
  readonly services?: readonly DescService[];
  /** Adds methods that stream requests: they go through Connect. Default: none. */
  readonly addRoutes?: (router: ConnectRouter) => void;
  /** PEM texts. There is no port in clear. */
  readonly tls: { readonly cert: string; readonly key: string };
  readonly host: string;
  /** 0 for any free one. */
  readonly port: number;
  /** Origins of other sites whose pages may call, such as `https://agenda.example`; `*` for all. None if left out. */
  readonly origins?: readonly string[];
  readonly limits?: Partial<CoordinatorLimits>;
  /** False sends every call of an RPC through Connect, to compare. Default true. */
  readonly shortWay?: boolean;
  /** Whether the whole API is told to anyone who asks: grpc.reflection, /openapi.json and /docs. */
  readonly reflection: boolean;
  readonly clock: Clock;
  /** Whether calls can be answered; told by health and /readyz. */
  readonly ready: () => boolean;
  /** What of the cluster serves, by names such as `shard/users`; told by health. Default: none. */
  readonly parts?: () => ReadonlyMap<string, boolean>;
  /** The public keys of access tokens, as a JSON Web Key Set; undefined while they are not known. */
  readonly jwks: () => object | undefined;
  readonly observer?: CallObserver;
  readonly logger?: Logger;
}

export interface Coordinator {
  readonly port: number;
  /** Shows another certificate to every connection from now on; those that are open go on. */
  renewTls(tls: CoordinatorOptions["tls"]): void;
  /**
   * Takes no more connections and no more calls, ends streams, lets other calls end for `graceMs`, then cuts them off.
   * Idempotent.
   */
  close(options: { readonly graceMs: number }): Promise<void>;
}

/** The public door: gRPC, gRPC-Web, Connect and REST, over HTTP/1.1 and HTTP/2, on one port with TLS. */
export async function startCoordinator(options: CoordinatorOptions): Promise<Coordinator> {
  const { gateway, clock, jwks, observer, logger, services = PUBLIC_SERVICES } = options;
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const stopping = new AbortController();
  const stopped = new AbortController();
  const ready = () => !stopping.signal.aborted && options.ready();
  const methods = createRouter({
    gateway,
    limits,
    clock,
    logger,
    ready,
    parts: options.parts ?? (() => new Map()),
    services,
    addRoutes: options.addRoutes,
    reflection: options.reflection,
    stopping: stopping.signal,
    stopped: stopped.signal,
  });
  const shared = { gateway, limits, clock, logger, observer };
  const unary = new UnaryCalls(shared);
  const cors = new Cors(options.origins ?? []);
  const direct = createDirect({
    ...shared,
    cors,
    unary,
    stopping: stopping.signal,
    services,
    shortWay: options.shortWay ?? true,
  });
  const server = createServer(options.tls, limits, logger);
  const connections = new Connections(server, limits, clock);
  server.on(
    "request",
    createListener({
      ...{ methods, limits, clock, observer, logger, ready, jwks, direct, cors },
      description: options.reflection ? new DescriptionPages(services) : undefined,
    }),
  );
  takeStreams(server, direct, cors, limits.headerBytesMax);
  const port = await listen(server, options.host, options.port);
  server.on("error", (error) => logger?.error("the server failed", { cause: String(error) }));

  const close = async (graceMs: number): Promise<void> => {
    const unbound = new Promise<void>((resolve) => {
      server.close(() => resolve());
    });
    const stop = new ClusterError(
      "stopping",
      "this coordinator stops: call again, another one answers",
    );
    const farewell = toConnectError(stop);
    stopping.abort(farewell);
    connections.close();
    const done = connections.empty();
    if (!(await within(clock, graceMs, done))) {
      stopped.abort(farewell);
      unary.cutOff(stop);
      await within(clock, ABORT_GRACE_MS, done);
      connections.destroy();
    }
    await unbound;
  };
  let closed: Promise<void> | undefined;
  return {
    port,
    renewTls: (tls) => server.setSecureContext({ ...tls, minVersion: TLS_VERSION_MIN }),
    close: ({ graceMs }) => (closed ??= close(graceMs)),
  };
}

function createServer(
  tls: CoordinatorOptions["tls"],
  limits: CoordinatorLimits,
  logger: Logger | undefined,
): Http2SecureServer {
  const server = createSecureServer({
    ...tls,
    minVersion: TLS_VERSION_MIN,
    allowHTTP1: true,
    handshakeTimeout: limits.handshakeMs,
    maxSessionInvalidFrames: INVALID_FRAMES_MAX,
    maxSessionRejectedStreams: REJECTED_STREAMS_MAX,
    maxSessionMemory: SESSION_MEMORY_MIB_MAX,
    settings: {
      maxConcurrentStreams: limits.streamsPerConnectionMax,
      maxHeaderListSize: limits.headerBytesMax,
    },
  });
  // What node:http sets by itself and node:http2 leaves out, for connections that speak HTTP/1.1.
  Object.assign(server, {
    maxHeaderSize: limits.headerBytesMax,
    keepAliveTimeout: limits.keepAliveMs,
    headersTimeout: HEADERS_TIMEOUT_MS,
    requestTimeout: limits.deadlineMsMax,
    // Closing the port would cut off connections whose next call is on its way: ours are told goodbye first.
    closeIdleConnections: () => undefined,
  });
  server.on("secureConnection", readByData);
  server.on("clientError", (error: Error, socket: Socket) => refuseGarbage(error, socket));
  // A handshake that failed, or took too long: nobody else ends it.
  server.on("tlsClientError", (_: Error, socket: TLSSocket) => socket.destroy());
  server.on("sessionError", (error) => {
    logger?.warn("a connection failed", { cause: error.message });
  });
  return server;
}

/** What is answered directly never becomes one of the objects by which node:http2 imitates HTTP/1.1. */
function takeStreams(
  server: Http2SecureServer,
  direct: (exchange: Exchange) => boolean,
  cors: Cors,
  headerBytesMax: number,
): void {
  const imitate = server.listeners("stream");
  server.removeAllListeners("stream");
  server.on("stream", (...event) => {
    const [stream, headers] = event;
    if (bytesOf(headers) > headerBytesMax) {
      refuseHeaders(stream);
      return;
    }
    if (direct(new Http2Exchange(stream, headers, cors.headersFor(headers.origin)))) return;
    for (const listener of imitate) Reflect.apply(listener, server, event);
  });
}

/** As RFC 9113, 6.5.2 counts them. */
function bytesOf(headers: IncomingHttpHeaders): number {
  const FIELD_BYTES = 32;
  let bytes = 0;
  for (const name in headers) {
    bytes += name.length + String(headers[name]).length + FIELD_BYTES;
  }
  return bytes;
}

/** node:http2 holds a client to the limit once it has heard of it, and it need never say so. */
function refuseHeaders(stream: ServerHttp2Stream): void {
  stream.on("error", () => undefined);
  stream.respond({ ":status": 431 }, { endStream: true });
  stream.close(constants.NGHTTP2_NO_ERROR);
}

/**
 * Has a connection of HTTP/1.1 read as a stream. Left to itself, the parser of node:http reads from the socket: while an answer
 * waits for its client it stops, but the records of TLS that were decrypted with the last one still come, and count as an error
 * (HPE_PAUSED) that cuts the answer off.
 */
function readByData(socket: TLSSocket): void {
  if (socket.alpnProtocol !== "h2") socket.on("data", () => undefined);
}

/** What is not HTTP/1.1 gets as much of an answer as it can read. */
function refuseGarbage(error: Error, socket: Socket): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const code = "code" in error ? error.code : undefined;
  const status =
    code === "HPE_HEADER_OVERFLOW"
      ? "431 Request Header Fields Too Large"
      : code === "ERR_HTTP_REQUEST_TIMEOUT"
        ? "408 Request Timeout"
        : "400 Bad Request";
  socket.end(`HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
}

async function listen(server: Http2SecureServer, host: string, port: number): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    const refuse = (error: Error): void => {
      const problem = `cannot listen on ${host}:${port}: choose another address or end what uses it`;
      reject(new ClusterError("unreachable", problem, {}, error));
    };
    server.once("error", refuse);
    server.listen(port, host, () => {
      server.off("error", refuse);
      resolve();
    });
  });
  const bound = server.address();
  return bound !== null && typeof bound === "object" ? bound.port : port;
}

/** Whether it is done before the time is over. */
function within(clock: Clock, timeoutMs: number, done: Promise<void>): Promise<boolean> {
  return new Promise((resolve) => {
    const cancel = clock.after(timeoutMs, () => resolve(false));
    void done.then(() => {
      cancel();
      resolve(true);
    });
  });
}
