import { createServer, type Server as NetServer, type Socket } from "node:net";
import { Server, ServerCredentials } from "@grpc/grpc-js";
import { ClusterError } from "../base/index.js";
import { MESSAGE_BYTES_MAX } from "../wire/index.js";

const STREAMS_PER_CONNECTION_MAX = 1024;

export interface RpcServerOptions {
  /** host:port; port 0 takes a free one. */
  readonly address: string;
  /** PEM texts. A caller without a certificate of `ca` is not let in. */
  readonly tls: { readonly ca: Uint8Array; readonly cert: Uint8Array; readonly key: Uint8Array };
  /** The parts of what this port serves. */
  readonly services: readonly { addTo(server: Server): void }[];
}

export interface RpcServer {
  readonly port: number;
  /** Lets calls end for a moment, then cuts them off. Idempotent. */
  close(graceMs?: number): Promise<void>;
}

/** The one port of a node, for its peers, coordinators, fan-outs and operators: mutual TLS, nothing in plain. */
export async function openRpcServer(options: RpcServerOptions): Promise<RpcServer> {
  const { ca, cert, key } = options.tls;
  const server = new Server({
    "grpc.max_receive_message_length": MESSAGE_BYTES_MAX,
    "grpc.max_send_message_length": MESSAGE_BYTES_MAX,
    "grpc.max_concurrent_streams": STREAMS_PER_CONNECTION_MAX,
    "grpc.keepalive_time_ms": 10_000,
    "grpc.keepalive_timeout_ms": 5000,
    "grpc.enable_channelz": 0,
  });
  for (const service of options.services) service.addTo(server);
  const keyPair = { private_key: Buffer.from(key), cert_chain: Buffer.from(cert) };
  const credentials = ServerCredentials.createSsl(Buffer.from(ca), [keyPair], true);
  const injector = server.createConnectionInjector(credentials);
  // The sockets are ours, so that closing cuts them off at once: peers of a node that stops must not wait to notice.
  const sockets = new Set<Socket>();
  const door = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    injector.injectConnection(socket);
  });
  const port = await listen(door, options.address);
  let closed: Promise<void> | undefined;
  return {
    port,
    close: (graceMs = 0) => (closed ??= shutDown(server, door, sockets, graceMs)),
  };
}

function listen(door: NetServer, address: string): Promise<number> {
  const at = address.lastIndexOf(":");
  const host = address.slice(0, at).replace(/^\[(.*)\]$/u, "$1");
  return new Promise((resolve, reject) => {
    door.once("error", (error) => reject(cannotListen(address, error)));
    door.listen(Number(address.slice(at + 1)), host, () => {
      const bound = door.address();
      resolve(bound !== null && typeof bound === "object" ? bound.port : 0);
    });
  });
}

async function shutDown(
  server: Server,
  door: NetServer,
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
