import { url as inspectorUrl } from "node:inspector";
import {
  createLog,
  createRegistry,
  Health,
  observeCertificates,
  openMetricsServer,
} from "../observability/index.js";
import type { Log, MetricsServer, Registry } from "../observability/index.js";
import type { IdentityRole } from "../base/index.js";
import { shardName } from "../placement/index.js";
import { isLoopback } from "./address.js";
import { SERVER } from "./certificates.js";
import { readClusterFile } from "./cluster-file.js";
import type { ClusterFile } from "./cluster-file.js";
import { parseLogLevel } from "./commands/process-options.js";
import type { ProcessOptions } from "./commands/process-options.js";
import { LiveCertificate } from "./live-certificate.js";
import { ownAddress } from "./own-address.js";
import { refuseUnsafeStart } from "./refuse-unsafe-start.js";
import { requireIdentity } from "./require-identity.js";
import { VERSION } from "./version.js";

/** What every process of a cluster has before it does anything of its own. */
export interface ProcessSetup {
  readonly name: string;
  readonly cluster: ClusterFile;
  /** The cluster's authority, and this process's certificate under it. */
  readonly tls: LiveCertificate;
  /** The certificate that the public doors show. */
  readonly serverTls: () => LiveCertificate;
  readonly log: Log;
  readonly registry: Registry;
  readonly health: Health;
  readonly shardName: (shard: number) => string;
}

export async function setUpProcess(
  role: IdentityRole,
  options: ProcessOptions,
  log: Log,
): Promise<ProcessSetup> {
  refuseUnsafeStart({ env: process.env, execArgv: process.execArgv, inspector: inspectorUrl() });
  const { name, certs } = options;
  const cluster = await readClusterFile(options.cluster);
  const used: LiveCertificate[] = [];
  const open = (which: string): LiveCertificate => {
    const certificate = new LiveCertificate(certs, which, log);
    certificate.watch();
    used.push(certificate);
    return certificate;
  };
  const tls = open(name);
  requireIdentity(tls.names, { cluster: cluster.name, role, name });
  const registry = createRegistry({ name, version: VERSION });
  observeCertificates(registry, () =>
    Object.fromEntries(used.map((certificate) => [certificate.name, certificate.expireMs])),
  );
  const health = new Health();
  return {
    ...{ name, cluster, tls, log, registry, health },
    shardName: (shard) => shardName(cluster.rangeMap, shard),
    serverTls: () => open(SERVER),
  };
}

export function createProcessLog({ name, logLevel }: ProcessOptions): Log {
  return createLog(name, parseLogLevel(logLevel));
}

/** In clear on loopback, with the process's certificate elsewhere. `host` may be a network of this machine. */
export async function serveMetrics(
  { registry, health, tls }: ProcessSetup,
  host: string,
  port: number,
): Promise<MetricsServer> {
  const address = ownAddress(host);
  const server = await openMetricsServer({
    host: address,
    port,
    registry,
    health,
    ...(isLoopback(address) ? {} : { tls: tls.pair }),
  });
  tls.onRenewed(() => server.renewTls(tls.pair));
  return server;
}
