import type { CommandReply, QueryReply } from "../../src/domain/index.js";
import { createNodeServices, openRpcServer } from "../../src/node/index.js";
import type { RangeMap } from "../../src/placement/index.js";
import type { ReplicaHandle } from "../../src/runtime/index.js";
import {
  createNodeCalls,
  createShardClient,
  type Refusal,
  type ShardClientOptions,
  type ShardCodec,
  type ShardNode,
} from "../../src/shards/index.js";
import type { TestAuthority, TestTls } from "./certificates.js";
import { FakeShard, type FakeReplica } from "./fake-shard.js";
import { CLOCK } from "./runtime-cluster.js";

export const CLUSTER = "agora";

export const RANGE_MAP: RangeMap = {
  version: 7,
  shards: [
    { number: 1, name: "groups", collection: "groups", start: "", end: "" },
    { number: 2, name: "users", collection: "users", start: "", end: "" },
  ],
};

/** The same with a shard that keeps the map. */
export const RANGE_MAP_KEPT: RangeMap = {
  version: 7,
  shards: [
    ...RANGE_MAP.shards,
    { number: 3, name: "system", collection: "system", start: "", end: "" },
  ],
};

/** Commands, queries and replies are their JSON: the shards below give back what they got. */
export const JSON_CODEC: ShardCodec = {
  encodeCommand: (command) => Buffer.from(JSON.stringify(command)),
  encodeQuery: (query) => Buffer.from(JSON.stringify(query)),
  decodeReply: (bytes) => JSON.parse(Buffer.from(bytes).toString()) as CommandReply,
  decodeQueryReply: (bytes) => JSON.parse(Buffer.from(bytes).toString()) as QueryReply,
};

export interface ClusterNode<Replica extends ReplicaHandle = FakeReplica> {
  readonly name: string;
  readonly address: string;
  readonly replicas: readonly Replica[];
  /** Errors that were nobody's refusal, and what a log would say of the call. */
  readonly unexpected: { readonly error: unknown; readonly facts: object }[];
  /** What the audit trail was told. */
  readonly audited: Refusal[];
  /** As if the process died. */
  kill(): Promise<void>;
  restart(): Promise<void>;
}

type Client = ReturnType<typeof createShardClient>;

export interface NodeCluster {
  readonly shards: readonly FakeShard[];
  readonly nodes: readonly ClusterNode[];
  readonly directory: readonly ShardNode[];
  node(name: string): ClusterNode;
  client(options?: Partial<ShardClientOptions> & { readonly role?: string }): Promise<Client>;
  close(): Promise<void>;
}

/** Three nodes that serve the fake shards of a map over real connections. */
export async function openNodeCluster(
  authority: TestAuthority,
  rangeMap = RANGE_MAP,
): Promise<NodeCluster> {
  const names = ["node-1", "node-2", "node-3"];
  const shards = rangeMap.shards.map(({ number }) => new FakeShard(number, names));
  const directory: { name: string; address: string; replicas: FakeReplica[] }[] = names.map(
    (name) => ({
      name,
      address: "",
      replicas: shards.map((shard) => shard.replicaOf(name)),
    }),
  );
  const nodes: ClusterNode[] = [];
  for (const entry of directory) {
    const tls = await authority.process(CLUSTER, "node", entry.name);
    nodes.push(await openNode(entry, directory, tls, rangeMap));
  }
  const clients: Client[] = [];
  return {
    shards,
    nodes,
    directory,
    node: (name) => {
      const node = nodes.find((candidate) => candidate.name === name);
      if (node === undefined) throw new Error(`no node ${name}`);
      return node;
    },
    client: async ({ role = "coordinator", ...options } = {}) => {
      const client = createShardClient({
        nodes: directory,
        tls: await authority.process(CLUSTER, role, `${role}-1`),
        rangeMap,
        clusterName: CLUSTER,
        codec: JSON_CODEC,
        ...options,
      });
      clients.push(client);
      return client;
    },
    close: async () => {
      await Promise.all(clients.map((client) => client.close()));
      await Promise.all(nodes.map((node) => node.kill()));
    },
  };
}

/** Serves the replicas of an entry of the directory, and writes there at which address. */
export async function openNode<Replica extends ReplicaHandle>(
  entry: { readonly name: string; address: string; readonly replicas: readonly Replica[] },
  directory: readonly ShardNode[],
  tls: TestTls,
  rangeMap = RANGE_MAP,
  removed: ReadonlySet<string> = new Set(),
): Promise<ClusterNode<Replica>> {
  const unexpected: { readonly error: unknown; readonly facts: object }[] = [];
  // When it is first called, every node has its address.
  let client: Client | undefined;
  const shards = (): Client =>
    (client ??= createShardClient({
      nodes: directory,
      tls,
      rangeMap,
      clusterName: CLUSTER,
      codec: JSON_CODEC,
    }));
  const audited: Refusal[] = [];
  const audit = {
    record: async (record: Refusal) => {
      audited.push(record);
    },
    refused: (record: Refusal) => {
      audited.push(record);
    },
  };
  const serve = async (address: string) => {
    const calls = createNodeCalls({ nodes: directory, tls, clusterName: CLUSTER });
    const services = createNodeServices({
      replicas: entry.replicas,
      nodeName: entry.name,
      clusterName: CLUSTER,
      clusterId: "cluster-id",
      storeId: `${entry.name}-store`,
      featureLevel: 1,
      boot: 2,
      get rangeMap() {
        return shards().rangeMap;
      },
      address: entry.address,
      nodes: directory,
      removed,
      join: () => Promise.resolve(),
      after: (delayMs, run) => CLOCK.after(delayMs, run),
      isDraining: false,
      holdDeliveries: () => Promise.resolve("1"),
      get shards() {
        return shards();
      },
      audit,
      calls,
      unexpected: (error, facts) => unexpected.push({ error, facts }),
    });
    const server = await openRpcServer({ address, tls, services: [services] });
    const close = async () => {
      services.close();
      calls.close();
      await server.close();
    };
    return { port: server.port, close };
  };
  let running = await serve("127.0.0.1:0");
  entry.address = `127.0.0.1:${running.port}`;
  return {
    name: entry.name,
    address: entry.address,
    replicas: entry.replicas,
    unexpected,
    audited,
    kill: async () => {
      await running.close();
      await client?.close();
    },
    restart: async () => {
      running = await serve(entry.address);
    },
  };
}
