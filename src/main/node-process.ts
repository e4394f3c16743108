import { hash } from "node:crypto";
import { readdir } from "node:fs/promises";
import { createMachine } from "../machine/index.js";
import { createNodeServices, openRpcServer } from "../node/index.js";
import {
  createPeerObserver,
  createRuntimeObserver,
  observeReplicas,
  observeStorage,
} from "../observability/index.js";
import { createPeerTransport } from "../peer/index.js";
import { startRuntime } from "../runtime/index.js";
import type { HostedReplica, ReplicaHandle } from "../runtime/index.js";
import { createNodeCalls } from "../shards/index.js";
import { DEFAULT_SCRUB, openRocksDbStore } from "../storage/index.js";
import { createStoreCodec, encodeCommand } from "../wire/index.js";
import { formatAddress } from "./address.js";
import { addressOf } from "./cluster-file.js";
import type { ClusterFile, ClusterNode } from "./cluster-file.js";
import { SYSTEM_CLOCK } from "./clock.js";
import { isNodeError } from "./files.js";
import type { RunningProcess } from "./process-life.js";
import { serveMetrics } from "./process-setup.js";
import type { ProcessSetup } from "./process-setup.js";

/** Calls that are under way may end when the node stops. */
const STOP_GRACE_MS = 500;

/** A node: the replicas that the cluster file gives it, on one store, behind one port. */
export async function startNode(setup: ProcessSetup, directory: string): Promise<RunningProcess> {
  const { name, cluster, tls, log, registry, health, shardName } = setup;
  const own = requireNode(cluster, name);
  await refuseToFormatAgain(cluster, directory);
  const fatal = (cause: unknown): void => {
    const error = cause instanceof Error ? (cause.stack ?? cause.message) : String(cause);
    log.error("stopped: what is in memory can no longer be trusted", { error });
    process.exit(1);
  };

  const store = await openRocksDbStore({ directory, onFatal: fatal, scrub: DEFAULT_SCRUB });
  const nodes = cluster.nodes.map((node) => ({ ...node, address: addressOf(node) }));
  const network = createPeerTransport({
    node: name,
    clusterName: cluster.name,
    peers: nodes.filter((node) => node.name !== name),
    tls,
    observer: createPeerObserver(registry, log),
  });
  const codec = createStoreCodec();
  const runtime = await startRuntime({
    clusterId: cluster.clusterId,
    nodeName: name,
    store,
    machine: createMachine(codec),
    codec,
    digest: sha256,
    encodeSweep,
    clock: SYSTEM_CLOCK,
    random: Math.random,
    replicas: hostedReplicas(cluster, own),
    nodeOf: hostOf(cluster),
    openTransport: (listener) => {
      network.start(listener);
      return network.transport;
    },
    observer: createRuntimeObserver({ registry, log, shardName }),
    onFatal: fatal,
  });
  const calls = createNodeCalls({ nodes, tls, clusterName: cluster.name });
  const services = createNodeServices({
    replicas: runtime.replicas,
    nodeName: name,
    clusterName: cluster.name,
    clusterId: cluster.clusterId,
    storeId: store.storeId,
    boot: store.boot,
    rangeMap: cluster.rangeMap,
    nodes,
    calls,
    unexpected: (error) => log.error("a call failed", { error: String(error) }),
  });
  const server = await openRpcServer({
    address: formatAddress(own.host, own.port),
    tls,
    services: [network.service, services],
  });

  observeReplicas(registry, { statuses: () => statusesOf(runtime.replicas), shardName });
  observeStorage(registry, () => store.usage());
  health.add("leaders", () => leaderless(runtime.replicas, shardName));
  const metrics = await serveMetrics(setup, own.host, own.metricsPort);
  log.info("listening", { address: addressOf(own), replicas: own.replicas.length });
  return {
    ready: Promise.resolve(),
    stop: async () => {
      await runtime.stop();
      services.close();
      await server.close(STOP_GRACE_MS);
      calls.close();
      await metrics.close();
      await store.close();
    },
  };
}

function requireNode({ nodes }: ClusterFile, name: string): ClusterNode {
  const node = nodes.find((candidate) => candidate.name === name);
  if (node === undefined) throw new Error(`the cluster has no node ${name}`);
  return node;
}

/**
 * An empty directory votes only in a cluster that has never served: what it had promised before it was emptied, nobody
 * knows.
 */
async function refuseToFormatAgain({ formed }: ClusterFile, directory: string): Promise<void> {
  if (!formed || !(await isEmpty(directory))) return;
  throw new Error(
    `${directory} is empty, but the cluster has served before: put its data back; ` +
      "a node that lost what it promised must not vote",
  );
}

async function isEmpty(directory: string): Promise<boolean> {
  try {
    return (await readdir(directory)).length === 0;
  } catch (cause) {
    if (isNodeError(cause) && cause.code === "ENOENT") return true;
    throw cause;
  }
}

function hostedReplicas(
  { nodes }: ClusterFile,
  { replicas }: ClusterNode,
): readonly HostedReplica[] {
  const votersOf = (shard: number): readonly number[] =>
    nodes
      .flatMap((node) => node.replicas)
      .filter((placed) => placed.shard === shard)
      .map(({ replica }) => replica);
  return replicas.map(({ shard, replica }) => ({
    shard,
    replica,
    initial: {
      voters: votersOf(shard),
      learners: [],
      votersOutgoing: [],
      learnersNext: [],
      autoLeave: false,
    },
  }));
}

function hostOf({ nodes }: ClusterFile): (replica: number) => string {
  const hosts = new Map(
    nodes.flatMap(({ name, replicas }) => replicas.map(({ replica }) => [replica, name] as const)),
  );
  return (replica) => hosts.get(replica) ?? "";
}

const sha256 = (bytes: Uint8Array): Uint8Array => hash("sha256", bytes, "buffer");

function encodeSweep(limit: number, trimFeedTo: number): Uint8Array {
  return encodeCommand({
    caller: { kind: "system" },
    requestId: "",
    fingerprint: "",
    operation: { kind: "sweep", limit, trimFeedTo },
  });
}

const statusesOf = (replicas: readonly ReplicaHandle[]) =>
  replicas.map((replica) => replica.status());

function leaderless(
  replicas: readonly ReplicaHandle[],
  shardName: (shard: number) => string,
): string | undefined {
  const alone = statusesOf(replicas).filter(({ leader }) => leader === 0);
  if (alone.length === 0) return undefined;
  return `no leader of ${alone.map(({ shard }) => shardName(shard)).join(", ")}`;
}
