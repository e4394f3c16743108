import { hash, randomBytes } from "node:crypto";
import { readdir } from "node:fs/promises";
import { uuidV7 } from "../base/index.js";
import { createMachine } from "../machine/index.js";
import {
  AuditSigner,
  createNodeServices,
  DueWork,
  openRpcServer,
  OutboxRelay,
} from "../node/index.js";
import type { NodeServices } from "../node/index.js";
import {
  createPeerObserver,
  createRelayObserver,
  createRuntimeObserver,
  createShardObserver,
  observeReplicas,
  observeStorage,
} from "../observability/index.js";
import { createPeerTransport } from "../peer/index.js";
import { startRuntime } from "../runtime/index.js";
import type { HostedReplica, ReplicaHandle } from "../runtime/index.js";
import { AuditRecorder, createNodeCalls, createShardClient } from "../shards/index.js";
import { DEFAULT_SCRUB, openRocksDbStore } from "../storage/index.js";
import {
  createStoreCodec,
  decodeQueryReply,
  decodeReply,
  encodeCommand,
  encodeQuery,
} from "../wire/index.js";
import { formatAddress } from "./address.js";
import { exportCheckpoint } from "./audit/export-checkpoint.js";
import { addressOf, votersOf } from "./cluster-file.js";
import type { ClusterFile, ClusterNode } from "./cluster-file.js";
import { SYSTEM_CLOCK } from "./clock.js";
import { isNodeError } from "./files.js";
import type { RunningProcess } from "./process-life.js";
import { serveMetrics } from "./process-setup.js";
import type { ProcessSetup } from "./process-setup.js";

/** Calls that are under way may end when the node stops. */
const STOP_GRACE_MS = 500;
const UUID_BYTES = 16;

/** What a node is told beside the cluster file. */
export interface NodeStart {
  /** Directory of its store. */
  readonly data: string;
  /** Where it listens, if the cluster file does not say so. */
  readonly place: Omit<ClusterNode, "name" | "replicas"> | undefined;
  /** Names of the shards of a running cluster that it joins. */
  readonly join: readonly string[];
}

/** A node: the replicas that the cluster file gives it and those with which it joined, on one store, behind one port. */
export async function startNode(setup: ProcessSetup, start: NodeStart): Promise<RunningProcess> {
  const { name, cluster, tls, log, registry, health, shardName } = setup;
  const directory = start.data;
  const own = requireNode(cluster, name, start.place);
  await refuseToFormatAgain(cluster, name, start);
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
  const shards = createShardClient({
    nodes,
    tls,
    rangeMap: cluster.rangeMap,
    clusterName: cluster.name,
    codec: { encodeCommand, encodeQuery, decodeReply, decodeQueryReply },
    observer: createShardObserver(registry, shardName),
  });
  const relay = new OutboxRelay({
    rangeMap: cluster.rangeMap,
    shards,
    clock: SYSTEM_CLOCK,
    observer: createRelayObserver({ registry, log, shardName }),
  });
  const runtime = await startRuntime({
    clusterId: cluster.clusterId,
    nodeName: name,
    store,
    machine: createMachine(codec, cluster.rangeMap),
    codec,
    digest: sha256,
    encodeSweep,
    clock: SYSTEM_CLOCK,
    random: Math.random,
    replicas: hostedReplicas(cluster, own),
    nodeOf: hostOf(cluster),
    onMember: ({ node, address }) => {
      // The cluster file knows better where the nodes are that it names.
      if (!nodes.some((known) => known.name === node)) network.meet({ name: node, address });
    },
    openTransport: (listener) => {
      network.start(listener);
      return network.transport;
    },
    observer: {
      ...createRuntimeObserver({ registry, log, shardName }),
      posted: (shard, target) => relay.posted(shard, target),
    },
    onFatal: fatal,
  });
  relay.start(() => runtime.replicas);
  const audit = new AuditRecorder({
    shards,
    clock: SYSTEM_CLOCK,
    newId: () => uuidV7(Date.now(), randomBytes(UUID_BYTES)),
    lost: (count) => log.error("records are not in the audit trail", { count }),
  });
  const signer = new AuditSigner({
    clusterId: cluster.clusterId,
    rangeMap: cluster.rangeMap,
    shards,
    clock: SYSTEM_CLOCK,
    export: (shard, checkpoint) => exportCheckpoint(directory, shard, checkpoint),
    failed: (shard, cause) =>
      log.warn("an audit trail was not signed", { shard, cause: String(cause) }),
  });
  signer.start(() => runtime.replicas);
  const calls = createNodeCalls({ nodes, tls, clusterName: cluster.name });
  const services = createNodeServices({
    get replicas() {
      return runtime.replicas;
    },
    address: addressOf(own),
    join: (shard, replica) => runtime.join(shard, replica),
    holdDeliveries: (forMs) => relay.hold(forMs),
    nodeName: name,
    clusterName: cluster.name,
    clusterId: cluster.clusterId,
    storeId: store.storeId,
    boot: store.boot,
    rangeMap: cluster.rangeMap,
    nodes,
    shards,
    audit,
    calls,
    unexpected: (error) => log.error("a call failed", { error: String(error) }),
  });
  const server = await openRpcServer({
    address: formatAddress(own.host, own.port),
    tls,
    services: [network.service, services],
  });

  const dueWork = new DueWork({
    replicas: runtime.replicas,
    wallMs: SYSTEM_CLOCK.wallMs,
    after: SYSTEM_CLOCK.after,
    trouble: (cause) => log.debug("what was due waits", { cause: String(cause) }),
  });
  observeReplicas(registry, { statuses: () => statusesOf(runtime.replicas), shardName });
  observeStorage(registry, () => store.usage());
  health.add("leaders", () => leaderless(runtime.replicas, shardName));
  const metrics = await serveMetrics(setup, own.host, own.metricsPort);
  log.info("listening", { address: addressOf(own), replicas: own.replicas.length });
  return {
    ready: joinAll(services, start.join),
    stop: async () => {
      relay.close();
      dueWork.close();
      signer.close();
      audit.close();
      await runtime.stop();
      await shards.close();
      services.close();
      await server.close(STOP_GRACE_MS);
      calls.close();
      await metrics.close();
      await store.close();
    },
  };
}

async function joinAll(services: NodeServices, shards: readonly string[]): Promise<void> {
  for (const shard of shards) await services.joinShard(shard);
}

function requireNode({ nodes }: ClusterFile, name: string, place: NodeStart["place"]): ClusterNode {
  const node = nodes.find((candidate) => candidate.name === name);
  if (node !== undefined) return node;
  if (place !== undefined) return { name, ...place, replicas: [] };
  throw new Error(
    `the cluster file has no node ${name}: a new one needs --host, --port, --metrics-port, and --join`,
  );
}

/**
 * An empty directory votes only in a cluster that has never served: what it had promised before it was emptied, nobody
 * knows.
 */
async function refuseToFormatAgain(
  { formed, nodes }: ClusterFile,
  name: string,
  { data, join }: NodeStart,
): Promise<void> {
  if (!formed || !(await isEmpty(data))) return;
  const isKnown = nodes.some((node) => node.name === name);
  if (!isKnown && join.length > 0) return;
  throw new Error(
    isKnown
      ? `${data} is empty, but ${name} has served before, and a node that lost what it promised must not vote: ` +
          "put its data back, or start a new node under another name (cabildo node --join) " +
          `and let it take the place of this one (cabildo replica replace ${name} <new>)`
      : `${data} is empty: a new node joins a running cluster with --join`,
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

function hostedReplicas(cluster: ClusterFile, { replicas }: ClusterNode): readonly HostedReplica[] {
  return replicas.map(({ shard, replica }) => ({
    shard,
    replica,
    initial: {
      voters: votersOf(cluster, shard),
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
