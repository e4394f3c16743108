import { url as inspectorUrl } from "node:inspector";
import { describeCertificate, loadTlsFiles } from "../auth/index.js";
import {
  createLog,
  createRegistry,
  Health,
  observeCertificates,
  openMetricsServer,
} from "../observability/index.js";
import type { Log, MetricsServer, Registry } from "../observability/index.js";
import { isLoopback } from "./address.js";
import { AUTHORITY, certPath, keyPath, SERVER } from "./certificates.js";
import { readClusterFile } from "./cluster-file.js";
import type { ClusterFile } from "./cluster-file.js";
import { parseLogLevel } from "./commands/process-options.js";
import type { ProcessOptions } from "./commands/process-options.js";
import { refuseUnsafeStart } from "./refuse-unsafe-start.js";
import { VERSION } from "./version.js";

/** What every process of a cluster has before it does anything of its own. */
export interface ProcessSetup {
  readonly name: string;
  readonly cluster: ClusterFile;
  /** The cluster's authority, and this process's certificate under it. */
  readonly tls: TlsBytes;
  readonly log: Log;
  readonly registry: Registry;
  readonly health: Health;
  readonly shardName: (shard: number) => string;
}

/** PEM. */
export interface TlsBytes {
  readonly ca: Uint8Array;
  readonly cert: Uint8Array;
  readonly key: Uint8Array;
}

export async function setUpProcess(options: ProcessOptions, log: Log): Promise<ProcessSetup> {
  refuseUnsafeStart({ env: process.env, execArgv: process.execArgv, inspector: inspectorUrl() });
  const { name, certs } = options;
  const cluster = await readClusterFile(options.cluster);
  const tls = loadTls(certs, name);
  const registry = createRegistry({ name, version: VERSION });
  const expiryMs = { [name]: describeCertificate(tls.cert).expireMs };
  observeCertificates(registry, () => expiryMs);
  const shardName = (shard: number): string =>
    cluster.rangeMap.shards.find(({ number }) => number === shard)?.name ?? String(shard);
  return { name, cluster, tls: toBytes(tls), log, registry, health: new Health(), shardName };
}

/** The certificate that the public doors show. */
export function loadServerTls(certs: string): { readonly cert: string; readonly key: string } {
  return loadTls(certs, SERVER);
}

function loadTls(certs: string, name: string) {
  return loadTlsFiles({
    ca: certPath(certs, AUTHORITY),
    cert: certPath(certs, name),
    key: keyPath(certs, name),
  });
}

function toBytes(tls: ReturnType<typeof loadTls>): TlsBytes {
  return { ca: Buffer.from(tls.ca), cert: Buffer.from(tls.cert), key: Buffer.from(tls.key) };
}

export function createProcessLog({ name, logLevel }: ProcessOptions): Log {
  return createLog(name, parseLogLevel(logLevel));
}

/** In clear on loopback, with the process's certificate elsewhere. */
export async function serveMetrics(
  { registry, health, tls }: ProcessSetup,
  host: string,
  port: number,
): Promise<MetricsServer> {
  const shown = { cert: Buffer.from(tls.cert).toString(), key: Buffer.from(tls.key).toString() };
  return await openMetricsServer({
    host,
    port,
    registry,
    health,
    ...(isLoopback(host) ? {} : { tls: shown }),
  });
}
