import type { Socket } from "node:net";
import { createServer, type SecureContextOptions, type Server as TlsServer } from "node:tls";
import { Server, ServerCredentials } from "@grpc/grpc-js";
import { ClusterError } from "../base/index.js";
import type { CallObserver } from "../base/index.js";
import { MESSAGE_BYTES_MAX } from "../wire/index.js";
import type { TlsMaterial } from "../wire/index.js";
import { Handshakes } from "./handshakes.js";
import { observedCalls } from "./observed-calls.js";
import { refuseRemoved, type RemovedNodes } from "./refuse-removed.js";

const STREAMS_PER_CONNECTION_MAX = 1024;
/** Who has not shown a certificate by then is no peer. */
const HANDSHAKE_MS = 5000;
/** Of one address, so that who floods shuts out nobody else. A connection costs some 30 KB before it is known whose it is. */
const HANDSHAKES_PER_ADDRESS_MAX = 128;

export interface RpcServerOptions {
  /** host:port; port 0 takes a free one. */
  readonly address: string;
  /** A caller without a certificate of `ca` is not let in. */
  readonly tls: TlsMaterial;
  /** The parts of what this port serves. */
  readonly services: readonly { addTo(server: Server): void }[];
  /** How long a caller may take to show a certificate. Default 5 s. */
  readonly handshakeMs?: number;
  readonly observer?: CallObserver;
  /** Whose Raft is not heard. */
  readonly removed?: RemovedNodes;
}

export interface RpcServer {
  readonly port: number;
  /** Lets calls end for a moment, then cuts them off. Idempotent. */
  close(graceMs?: number): Promise<void>;
}

/** The one port of a node, for its peers, coordinators, fan-outs and operators: mutual TLS, nothing in plain. */
export async function openRpcServer(options: RpcServerOptions): Promise<RpcServer> {
  const server = new Server({
    "grpc.max_receive_message_length": MESSAGE_BYTES_MAX,
    "grpc.max_send_message_length": MESSAGE_BYTES_MAX,
    "grpc.max_concurrent_streams": STREAMS_PER_CONNECTION_MAX,
    "grpc.keepalive_time_ms": 10_000,
    "grpc.keepalive_timeout_ms": 5000,
    "grpc.enable_channelz": 0,
    interceptors: [
      ...(options.observer === undefined ? [] : [observedCalls(options.observer)]),
      ...(options.removed === undefined ? [] : [refuseRemoved(options.removed)]),
    ],
  });
  for (const service of options.services) service.addTo(server);
  const injector = server.createConnectionInjector(ServerCredentials.createInsecure());
  // TLS is ended here, not in grpc-js: that takes neither a limit for handshakes nor TLS 1.3 alone, and whoever closes has to
  // cut off sockets at once: peers of a node that stops must not wait to notice.
  const sockets = new Set<Socket>();
  const door = createServer({
    ...secureContext(options.tls),
    noDelay: true,
    requestCert: true,
    rejectUnauthorized: true,
    ALPNProtocols: ["h2"],
    handshakeTimeout: options.handshakeMs ?? HANDSHAKE_MS,
  });
  options.tls.onRenewed?.(() => door.setSecureContext(secureContext(options.tls)));
  const handshakes = new Handshakes(HANDSHAKES_PER_ADDRESS_MAX);
  door.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    handshakes.begin(socket);
  });
  door.on("tlsClientError", (_, socket) => socket.destroy());
  door.on("secureConnection", (socket) => {
    handshakes.end(socket);
    // Whose connection breaks is told to those who read or write on it.
    socket.on("error", () => undefined);
    injector.injectConnection(socket);
  });
  const port = await listen(door, options.address);
  let closed: Promise<void> | undefined;
  return {
    port,
    close: (graceMs = 0) => (closed ??= shutDown(server, door, sockets, graceMs)),
  };
}

function secureContext({ ca, cert, key }: TlsMaterial): SecureContextOptions {
  const [authorities, certificate, secret] = [ca, cert, key].map((pem) => Buffer.from(pem));
  return { ca: authorities, cert: certificate, key: secret, minVersion: "TLSv1.3" };
}

function listen(door: TlsServer, address: string): Promise<number> {
  const at = address.lastIndexOf(":");
  const host = address.slice(0, at).replace(/^\[(.*)\]$/u, "$1");
  return new Promise((resolve, reject) => {
    door.once("error", (error: Error) => reject(cannotListen(address, error)));
    door.listen(Number(address.slice(at + 1)), host, () => {
      const bound = door.address();
      resolve(bound !== null && typeof bound === "object" ? bound.port : 0);
    });
  });
}

async function shutDown(
  server: Server,
  door: TlsServer,
  sockets: ReadonlySet<Socket>,
  graceMs: number,
): Promise<void> {
  const unbound = new Promise<void>((resolve) => door.close(() => resolve()));
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, graceMs);
    server.tryShutdown(() => {
      clearTimeout(timer);
      resolve();
    });
  });
  for (const socket of sockets) socket.destroy();
  server.forceShutdown();
  await unbound;
}

function cannotListen(address: string, error: Error): ClusterError {
  return new ClusterError(
    "unreachable",
    `cannot listen on ${address}: choose another address or end what uses it`,
    {},
    error,
  );
}
