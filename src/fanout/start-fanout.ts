import type { Gateway } from "../gateway/index.js";
import { ClusterError } from "../base/index.js";
import type { CallObserver } from "../base/index.js";
import type { ShardClient } from "../shards/index.js";
import type { Backlog } from "./backlog.js";
import type { Clock } from "./clock.js";
import type { FanoutObserver } from "./events.js";
import { FanoutServer } from "./fanout-server.js";
import type { Limits } from "./limits.js";
import type { Logger } from "./logger.js";
import { probeNativeTransport } from "./probe-native-transport.js";
import type { TransportKind } from "./transport.js";
import { openUwsTransport } from "./uws-transport.js";
import { openWsTransport } from "./ws-transport.js";

export interface FanoutOptions {
  readonly gateway: Gateway;
  readonly shards: ShardClient;
  /** PEM texts or paths of PEM files; the certificate with its chain. */
  readonly tls: { readonly cert: string; readonly key: string };
  /** Origins whose pages may connect, beside those of the same host; `*` for all. None if left out. */
  readonly origins?: readonly string[];
  readonly host: string;
  /** 0 for any that is free. */
  readonly port: number;
  /** `auto`: uWebSockets.js where its native build loads, else `ws`. */
  readonly transport: TransportKind | "auto";
  /** Name of this server, as clients see it. */
  readonly name: string;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly limits?: Partial<Limits>;
  readonly observer?: FanoutObserver;
  readonly callObserver?: CallObserver;
  readonly logger?: Logger;
}

export interface Fanout {
  readonly port: number;
  readonly transport: TransportKind;
  /** Whether every shard's feed is followed and new clients are taken. */
  isReady(): boolean;
  /** Connections that are open. */
  connections(): number;
  backlog(): Backlog;
  /** Shows another certificate to every connection from now on; those that are open stay. */
  renewTls(tls: FanoutOptions["tls"]): Promise<void>;
  /** Asks every client to go elsewhere, each after a random delay, and ends. Idempotent. */
  close(): Promise<void>;
}

/** Serves WSS until `close`. Fails if the port is taken or the certificate does not load. */
export async function startFanout(options: FanoutOptions): Promise<Fanout> {
  const kind = await chooseTransport(options);
  const server = new FanoutServer(options);
  const open = kind === "uws" ? openUwsTransport : openWsTransport;
  const transport = await open(server.transportOptions());
  server.start(transport);
  return {
    port: transport.port,
    transport: kind,
    isReady: () => server.isReady(),
    connections: () => server.connections(),
    backlog: () => server.backlog(),
    renewTls: (tls) => transport.renewTls(tls),
    close: () => server.close(),
  };
}

async function chooseTransport(options: FanoutOptions): Promise<TransportKind> {
  if (options.transport === "ws") return "ws";
  const { native, reason } = await probeNativeTransport();
  if (native) return "uws";
  if (options.transport === "uws") {
    throw new ClusterError("failed-precondition", `${reason}: use the transport ws`);
  }
  options.logger?.warn({ reason }, "serving WSS with the package ws");
  return "ws";
}
