import type { PlacedReplica } from "../placement/index.js";
import type { ReplicaHandle } from "../runtime/index.js";
import type { ShardNode } from "../shards/index.js";

/**
 * The nodes that the cluster was formed with and those that joined a shard which this node hosts. Of such a shard its own
 * members count, of others what the cluster was formed with.
 */
export function knownNodes(options: {
  readonly nodeName: string;
  readonly address: string;
  readonly nodes: readonly ShardNode[];
  readonly replicas: readonly ReplicaHandle[];
}): readonly ShardNode[] {
  const { nodeName, address, nodes, replicas } = options;
  const addresses = new Map(nodes.map((node) => [node.name, node.address]));
  if (!addresses.has(nodeName)) addresses.set(nodeName, address);
  const told = replicas
    .map((replica) => replica.status())
    .filter(({ members }) => members.length > 0);
  const hosted = new Map<string, PlacedReplica[]>();
  const place = (node: string, replica: PlacedReplica): void => {
    hosted.set(node, [...(hosted.get(node) ?? []), replica]);
  };
  for (const { name, replicas: formed } of nodes) {
    for (const replica of formed) {
      if (!told.some(({ shard }) => shard === replica.shard)) place(name, replica);
    }
  }
  for (const { shard, members } of told) {
    for (const member of members) {
      if (member.node === "") continue;
      if (!addresses.has(member.node)) addresses.set(member.node, member.address);
      place(member.node, { shard, replica: member.replica });
    }
  }
  return [...addresses].map(([name, at]) => ({
    name,
    address: at,
    replicas: hosted.get(name) ?? [],
  }));
}
