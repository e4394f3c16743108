import { hash, randomBytes } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { uuidV7 } from "../base/index.js";
import { chainHash, createMachine, NO_AUDIT } from "../machine/index.js";
import {
  AuditSigner,
  createNodeServices,
  DueWork,
  openRpcServer,
  OutboxRelay,
  RangeMapKeeper,
  systemCommand,
} from "../node/index.js";
import type { NodeServices, RpcServer, RpcServerOptions } from "../node/index.js";
import {
  createAuditObserver,
  createBalanceObserver,
  createPeerObserver,
  createRelayObserver,
  createRpcMetrics,
  createRuntimeObserver,
  createShardObserver,
  observeReplicas,
  observeStorage,
} from "../observability/index.js";
import { createPeerTransport } from "../peer/index.js";
import { DEFAULT_LIMITS, neededBytes, startRuntime } from "../runtime/index.js";
import type { HostedReplica, ReplicaHandle } from "../runtime/index.js";
import { AuditRecorder, createNodeCalls, createShardClient } from "../shards/index.js";
import { DEFAULT_SCRUB, holdsStore, openRocksDbStore } from "../storage/index.js";
import {
  createStoreCodec,
  decodeQueryReply,
  decodeReply,
  encodeCommand,
  encodeQuery,
} from "../wire/index.js";
import { formatAddress } from "./address.js";
import { CheckpointFile } from "./audit/checkpoint-file.js";
import { refuseHalfRestored } from "./backup/half-restored.js";
import { addressOf, raftAddressOf, votersOf } from "./cluster-file.js";
import type { ClusterFile, ClusterNode } from "./cluster-file.js";
import { SYSTEM_CLOCK } from "./clock.js";
import { ownAddress } from "./own-address.js";
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
  readonly place: Pick<ClusterNode, "host" | "port" | "metricsPort"> | undefined;
  /** The address or network to listen on, if not that at which others reach it; the same for Raft where that is apart. */
  readonly listen: string | undefined;
  readonly raftListen: string | undefined;
  /** Names of the shards of a running cluster that it joins. */
  readonly join: readonly string[];
  /** Calm before a leader is moved to spread the load; 0 leaves them where they are. */
  readonly balanceLeadersMs: number;
  readonly snapshotBytesPerSecondMax: number;
}

/** A node: the replicas that the cluster file gives it and those with which it joined, on one store, behind one port. */
export async function startNode(setup: ProcessSetup, start: NodeStart): Promise<RunningProcess> {
  const { name, cluster, tls, log, registry, health, shardName } = setup;
  const directory = start.data;
  const own = requireNode(cluster, name, start.place);
  await refuseHalfRestored(directory);
  await refuseToFormatAgain(cluster, name, start);
  const fatal = (cause: unknown): void => {
    const error = cause instanceof Error ? (cause.stack ?? cause.message) : String(cause);
    log.error("stopped: what is in memory can no longer be trusted", { error });
    process.exit(1);
  };

  // Password hashes and signing keys are in it.
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const store = await openRocksDbStore({ directory, onFatal: fatal, scrub: DEFAULT_SCRUB });
  const nodes = cluster.nodes.map((node) => ({ ...node, address: addressOf(node) }));
  const network = createPeerTransport({
    node: name,
    clusterName: cluster.name,
    peers: cluster.nodes
      .filter((node) => node.name !== name)
      .map((node) => ({
        name: node.name,
        address: raftAddressOf(node),
        isStranger: !sharesShard(node, own),
      })),
    tls,
    observer: createPeerObserver({ registry, log, shardName }),
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
  const removed = new Set<string>();
  const machine = createMachine(codec, cluster.rangeMap);
  const runtime = await startRuntime({
    clusterId: cluster.clusterId,
    nodeName: name,
    store,
    machine,
    codec,
    digest: sha256,
    encodeSweep,
    clock: SYSTEM_CLOCK,
    random: Math.random,
    replicas: hostedReplicas(cluster, own),
    nodeOf: hostOf(cluster),
    onMember: ({ node, address, raftAddress }) => {
      // The cluster file knows better where the nodes are that it names.
      const known = cluster.nodes.find((one) => one.name === node);
      const told = raftAddress ?? address;
      network.meet({ name: node, address: known === undefined ? told : raftAddressOf(known) });
    },
    onRemoved: (node) => removed.add(node),
    openTransport: (listener) => {
      network.start(listener);
      return network.transport;
    },
    observer: {
      ...createRuntimeObserver({ registry, log, shardName }),
      posted: (shard, target) => relay.posted(shard, target),
    },
    limits: { snapshotBytesPerSecondMax: start.snapshotBytesPerSecondMax },
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
    chain: {
      start: NO_AUDIT.hash,
      next: (before, entry) => chainHash(codec, before, entry),
    },
    exported: new CheckpointFile(directory),
    observer: createAuditObserver({ registry, log, shardName }),
  });
  signer.start(() => runtime.replicas);
  const calls = createNodeCalls({ nodes, tls, clusterName: cluster.name });
  const balancing = {
    calmMs: start.balanceLeadersMs,
    clock: SYSTEM_CLOCK,
    observer: createBalanceObserver(registry, log),
  };
  const services = createNodeServices({
    get replicas() {
      return runtime.replicas;
    },
    address: addressOf(own),
    ...(own.raft === undefined ? {} : { raftAddress: raftAddressOf(own) }),
    removed,
    join: (shard, replica) => runtime.join(shard, replica),
    get isDraining() {
      return runtime.isDraining;
    },
    set isDraining(isDraining) {
      runtime.isDraining = isDraining;
    },
    ...(start.balanceLeadersMs === 0 ? {} : { balancing }),
    holdDeliveries: (forMs) => relay.hold(forMs),
    nodeName: name,
    clusterName: cluster.name,
    clusterId: cluster.clusterId,
    storeId: store.storeId,
    boot: store.boot,
    featureLevel: machine.featureLevel,
    get rangeMap() {
      return shards.rangeMap;
    },
    nodes,
    shards,
    audit,
    calls,
    after: SYSTEM_CLOCK.after,
    unexpected: (error, { shard, ...facts }) => {
      const named = shard === undefined ? {} : { shard: shardName(shard) };
      log.error("a call failed", { error: String(error), ...named, ...facts });
    },
  });
  const host = ownAddress(start.listen ?? own.host);
  const servers = await openServers(own, host, start.raftListen, {
    tls,
    raft: network.service,
    others: services,
    observer: createRpcMetrics(registry),
    removed: services.removed,
  });

  const dueWork = new DueWork({
    replicas: () => runtime.replicas,
    wallMs: SYSTEM_CLOCK.wallMs,
    after: SYSTEM_CLOCK.after,
    trouble: (cause) => log.debug("what was due waits", { cause: String(cause) }),
    refused: (shard, why) => log.error("what is due is refused", { shard: shardName(shard), why }),
  });
  const keeper = new RangeMapKeeper({
    started: cluster.rangeMap,
    shards,
    replicas: () => runtime.replicas,
    after: SYSTEM_CLOCK.after,
    trouble: (cause) => log.debug("the range map is as it was", { cause: String(cause) }),
    refused: (why) => log.error("the range map of the cluster file is refused", { error: why }),
    misled: (error) => {
      log.error("stopped: the cluster file is not that of the cluster", { error });
      process.exit(1);
    },
  });
  observeReplicas(registry, { statuses: () => statusesOf(runtime.replicas), shardName });
  observeStorage(registry, async () => {
    const usage = await store.usage();
    return { ...usage, reserveBytes: neededBytes(usage, DEFAULT_LIMITS.diskReserveBytes) };
  });
  health.add("leaders", () => leaderless(runtime.replicas, shardName));
  const metrics = await serveMetrics(setup, host, own.metricsPort);
  log.info("listening", { address: addressOf(own), replicas: own.replicas.length });
  return {
    ready: joinAll(services, start.join),
    stop: async () => {
      relay.close();
      dueWork.close();
      keeper.close();
      signer.close();
      audit.close();
      await runtime.stop();
      await shards.close();
      services.close();
      await Promise.all(servers.map((server) => server.close(STOP_GRACE_MS)));
      calls.close();
      await metrics.close();
      await store.close();
    },
  };
}

type Service = RpcServerOptions["services"][number];

/** One port for everything; a second one where Raft has a network of its own. */
async function openServers(
  own: ClusterNode,
  host: string,
  raftListen: string | undefined,
  {
    raft,
    others,
    ...shared
  }: Pick<RpcServerOptions, "tls" | "observer" | "removed"> & { raft: Service; others: Service },
): Promise<readonly RpcServer[]> {
  const open = (at: string, port: number, services: readonly Service[]) =>
    openRpcServer({ address: formatAddress(at, port), services, ...shared });
  if (own.raft === undefined) return [await open(host, own.port, [raft, others])];
  const raftHost = ownAddress(raftListen ?? own.raft.host);
  return [await open(host, own.port, [others]), await open(raftHost, own.raft.port, [raft])];
}

const sharesShard = (one: ClusterNode, other: ClusterNode): boolean =>
  one.replicas.some(({ shard }) => other.replicas.some((its) => its.shard === shard));

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
 * A directory without a store votes only in a cluster that has never served: what it had promised before it was emptied, nobody
 * knows.
 */
async function refuseToFormatAgain(
  { formed, formUntil, nodes }: ClusterFile,
  name: string,
  { data, join }: NodeStart,
): Promise<void> {
  const mayForm = !formed && (formUntil === undefined || Date.now() < Date.parse(formUntil));
  if (mayForm || (await holdsStore(data))) return;
  const hasServed = nodes.some((node) => node.name === name && node.replicas.length > 0);
  if (!hasServed && join.length > 0) return;
  throw new Error(
    hasServed
      ? `${data} holds no data, but ${name} has served before, and a node that lost what it promised must not vote: ` +
          "put its data back, or start a new node under another name (cabildo node --join) " +
          `and let it take the place of this one (cabildo replica replace ${name} <new>)`
      : `${data} holds no data: a new node joins a running cluster with --join`,
  );
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
  return encodeCommand(systemCommand({ kind: "sweep", limit, trimFeedTo }));
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
