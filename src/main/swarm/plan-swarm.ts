import { randomBytes, randomUUID } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { DEFAULT_RANGE_MAP, shardName } from "../../placement/index.js";
import type { PlannedNode } from "../../placement/index.js";
import { formatAddress } from "../address.js";
import { ensureAdminCredential } from "../admin-credential.js";
import { hostsOf, OPERATOR, renewCertificates, SERVER } from "../certificates.js";
import type { CertificateWish } from "../certificates.js";
import { addressOf, findClusterFile, writeClusterFile } from "../cluster-file.js";
import type { ClusterFile } from "../cluster-file.js";
import { CERTIFICATES_DIR, CLUSTER_FILE } from "../data-dir.js";
import { findFile, writeFileAtomic } from "../files.js";
import { writeReady } from "../ready-file.js";
import type { Ready } from "../ready-file.js";
import { prometheusFile } from "./prometheus-file.js";
import {
  apiName,
  processesAround,
  raftName,
  swarmNode,
  SWARM_PORTS,
  swarmProcesses,
} from "./swarm-processes.js";
import type { SwarmProcesses } from "./swarm-processes.js";

export interface SwarmWish {
  readonly dataDir: string;
  /** Of every shard of a new cluster; a cluster that exists keeps its nodes. */
  readonly replicas: number | undefined;
  /** Names and addresses by which clients reach the doors, for their certificate; if none, those that it has. */
  readonly publicHosts: readonly string[];
  /** How long from now a node with an empty disk may take part in forming the cluster. */
  readonly formMs: number;
}

export interface SwarmPlan {
  readonly cluster: ClusterFile;
  readonly publicHosts: readonly string[];
}

const CLUSTER_NAME = "cabildo";
const REPLICAS = 3;
const PASSWORD_BYTES = 18;
const LOCAL_HOSTS = ["localhost", "127.0.0.1"];

/**
 * Writes what the processes of a Swarm are given, and what operators need, into a directory: keys are made here and nowhere else.
 * What exists is kept, but for certificates that end soon.
 */
export async function planSwarm(wish: SwarmWish): Promise<SwarmPlan> {
  const { dataDir, replicas } = wish;
  const certs = join(dataDir, CERTIFICATES_DIR);
  await mkdir(certs, { recursive: true, mode: 0o700 });
  const path = join(dataDir, CLUSTER_FILE);
  const existing = await findClusterFile(path);
  const credential = await ensureAdminCredential(dataDir, existing?.bootstrapHash);
  const wanted = swarmProcesses(replicas ?? REPLICAS).nodes;
  const cluster = existing ?? newCluster(wanted, wish, credential.hash);
  if (replicas !== undefined && cluster.nodes.length !== wanted.length) {
    throw new Error(
      `the cluster in ${dataDir} has ${cluster.nodes.length} nodes, and not ${wanted.length}: leave REPLICAS out`,
    );
  }
  if (existing === undefined) await writeClusterFile(path, cluster);
  const processes = processesAround(cluster.nodes);
  const own = [...LOCAL_HOSTS, ...processes.doors.map(({ name }) => name)];
  const before = (await hostsOf(certs, SERVER)).filter((host) => !own.includes(host));
  const publicHosts = wish.publicHosts.length > 0 ? wish.publicHosts : before;
  await renewCertificates(certs, cluster.name, certificatesOf(processes, publicHosts));
  await ensurePassword(join(dataDir, "grafana-password"));
  const names = [...processes.nodes, ...processes.doors].map(({ name }) => name);
  await writeFileAtomic(join(dataDir, "prometheus.yml"), prometheusFile(names));
  await writeReady(dataDir, readyOf(cluster, processes));
  return { cluster, publicHosts };
}

function newCluster(
  nodes: readonly PlannedNode[],
  { formMs }: SwarmWish,
  bootstrapHash: string,
): ClusterFile {
  return {
    clusterId: randomUUID(),
    name: CLUSTER_NAME,
    formed: false,
    // Nobody can change this file in a Swarm without starting every process again.
    formUntil: new Date(Date.now() + formMs).toISOString(),
    bootstrapHash,
    rangeMap: DEFAULT_RANGE_MAP,
    nodes: nodes.map(swarmNode),
  };
}

function certificatesOf(
  { nodes, doors }: SwarmProcesses,
  publicHosts: readonly string[],
): readonly CertificateWish[] {
  const inside = (name: string) => [name, apiName(name), ...LOCAL_HOSTS];
  return [
    ...nodes.map(({ name }) => ({
      name,
      role: "node" as const,
      hosts: [...inside(name), raftName(name)],
    })),
    ...doors.map(({ name, kind }) => ({ name, role: kind, hosts: inside(name) })),
    {
      name: SERVER,
      role: "server",
      hosts: [...LOCAL_HOSTS, ...doors.map(({ name }) => name), ...publicHosts],
    },
    { name: "grafana", role: "server", hosts: [...LOCAL_HOSTS, "grafana", ...publicHosts] },
    { name: OPERATOR, role: "operator", hosts: [] },
  ];
}

async function ensurePassword(path: string): Promise<void> {
  if ((await findFile(path)) !== undefined) return;
  await writeFileAtomic(path, randomBytes(PASSWORD_BYTES).toString("base64url"), 0o600);
}

/** As the commands of operators and users find the cluster, in a container on its networks. */
function readyOf(cluster: ClusterFile, { doors }: SwarmProcesses): Ready {
  const door = (kind: "coordinator" | "fanout", scheme: string, path: string) =>
    doors
      .filter((one) => one.kind === kind)
      .map(({ name, port }) => ({
        name,
        pid: 0,
        url: `${scheme}://${name}:${port}${path}`,
        command: [],
      }));
  const coordinators = door("coordinator", "https", "");
  const fanouts = door("fanout", "wss", "").map((one) => ({ ...one, transport: "uws" }));
  const apis = coordinators.map(({ url }) => url);
  const wsss = fanouts.map(({ url }) => url);
  return {
    ready: true,
    clusterId: cluster.clusterId,
    pid: 0,
    api: apis[0] ?? "",
    apis,
    wss: wsss[0] ?? "",
    wsss,
    metrics: [...cluster.nodes, ...doors].map(({ name }) => ({
      name,
      url: `https://${formatAddress(apiName(name), SWARM_PORTS.metrics)}/metrics`,
    })),
    nodes: cluster.nodes.map((node) => ({
      name: node.name,
      pid: 0,
      address: addressOf(node),
      replicas: node.replicas.map(({ shard }) => shardName(cluster.rangeMap, shard)),
      command: [],
    })),
    coordinators,
    fanouts,
    ca: join(CERTIFICATES_DIR, "ca.pem"),
    operatorCert: join(CERTIFICATES_DIR, `${OPERATOR}.pem`),
    operatorKey: join(CERTIFICATES_DIR, `${OPERATOR}-key.pem`),
    adminCredential: "admin-credential",
    dataDir: ".",
  };
}
