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
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync(options.address, credentials, (error, bound) => {
      if (error === null) resolve(bound);
      else reject(cannotListen(options.address, error));
    });
  });
  let closed: Promise<void> | undefined;
  return {
    port,
    close: (graceMs = 0) => (closed ??= shutDown(server, graceMs)),
  };
}

function shutDown(server: Server, graceMs: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => server.forceShutdown(), graceMs);
    server.tryShutdown(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}

function cannotListen(address: string, error: Error): ClusterError {
  return new ClusterError(
    "unreachable",
    `cannot listen on ${address}: choose another address or end what uses it`,
    {},
    error,
  );
}
