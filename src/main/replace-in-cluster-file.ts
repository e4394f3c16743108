import { join } from "node:path";
import type { ClusterStatus } from "../../gen/cabildo/admin/v1/admin_pb.js";
import { parseAddress } from "./address.js";
import { findClusterFile, writeClusterFile } from "./cluster-file.js";
import { CLUSTER_FILE } from "./data-dir.js";

/**
 * So that the next `cabildo up` starts the new node, and a process that starts finds it. One that the file does not name yet
 * speaks Raft on its one port, whatever the one before did.
 */
export async function replaceInClusterFile(
  dataDir: string,
  status: ClusterStatus,
  node: string,
  byNode: string,
): Promise<void> {
  const path = join(dataDir, CLUSTER_FILE);
  const cluster = await findClusterFile(path);
  const address = status.nodes.find(({ name }) => name === byNode)?.address;
  const old = cluster?.nodes.find(({ name }) => name === node);
  if (cluster === undefined || old === undefined || address === undefined) return;
  const replicas = status.shards.flatMap((shard) =>
    shard.replicas
      .filter((replica) => replica.node === byNode)
      .map(({ id }) => ({ shard: shard.number, replica: id })),
  );
  const named = cluster.nodes.find(({ name }) => name === byNode);
  const { metricsPort } = old;
  const place = named ?? { name: byNode, ...parseAddress(address), metricsPort };
  const nodes = cluster.nodes
    .filter((known) => known !== named)
    .map((known) => (known === old ? { ...place, replicas } : known));
  await writeClusterFile(path, { ...cluster, nodes });
}
