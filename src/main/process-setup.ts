import { readFile } from "node:fs/promises";
import { join } from "node:path";
import {
  createLog,
  createRegistry,
  Health,
  observeCertificates,
  openMetricsServer,
} from "../observability/index.js";
import type { Log, MetricsServer, Registry } from "../observability/index.js";
import { isLoopback } from "./address.js";
import { certificateExpiryMs } from "./certificates.js";
import { readClusterFile } from "./cluster-file.js";
import type { ClusterFile } from "./cluster-file.js";
import { parseLogLevel } from "./commands/process-options.js";
import type { ProcessOptions } from "./commands/process-options.js";
import { VERSION } from "./version.js";

/** What every process of a cluster has before it does anything of its own. */
export interface ProcessSetup {
  readonly name: string;
  readonly cluster: ClusterFile;
  /** The cluster's authority, and this process's certificate under it: PEM. */
  readonly tls: TlsFiles & { readonly ca: Uint8Array };
  readonly log: Log;
  readonly registry: Registry;
  readonly health: Health;
  readonly shardName: (shard: number) => string;
}

export interface TlsFiles {
  readonly cert: Uint8Array;
  readonly key: Uint8Array;
}

export async function setUpProcess(options: ProcessOptions, log: Log): Promise<ProcessSetup> {
  const { name, certs } = options;
  const cluster = await readClusterFile(options.cluster);
  const ca = await readFile(join(certs, "ca.pem"));
  const leaf = await readTls(certs, name);
  const registry = createRegistry({ name, version: VERSION });
  observeCertificates(registry, () => ({ [name]: certificateExpiryMs(leaf.cert) }));
  const shardName = (shard: number): string =>
    cluster.rangeMap.shards.find(({ number }) => number === shard)?.name ?? String(shard);
  const health = new Health();
  return { name, cluster, tls: { ca, ...leaf }, log, registry, health, shardName };
}

/** The certificate with its key that the files `<name>.pem` and `<name>-key.pem` hold. */
export async function readTls(certs: string, name: string): Promise<TlsFiles> {
  const [cert, key] = await Promise.all([
    readFile(join(certs, `${name}.pem`)),
    readFile(join(certs, `${name}-key.pem`)),
  ]);
  return { cert, key };
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
