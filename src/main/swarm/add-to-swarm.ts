import { join } from "node:path";
import { readClusterFile, writeClusterFile } from "../cluster-file.js";
import type { ClusterNode } from "../cluster-file.js";
import { UsageError } from "../command-line-parts.js";
import { CLUSTER_FILE } from "../data-dir.js";
import { processesAround, processNames, swarmNode } from "./swarm-processes.js";

const NAME = /^[a-z][a-z0-9-]{0,39}$/u;

/**
 * Names a node in the cluster file that is to take the place of another one, and has no replica yet. Says which shards it has
 * to join.
 */
export async function addToSwarm(
  dataDir: string,
  name: string,
  inPlaceOf: string,
): Promise<readonly string[]> {
  const path = join(dataDir, CLUSTER_FILE);
  const cluster = await readClusterFile(path);
  const { nodes, rangeMap } = cluster;
  const find = (wanted: string) => nodes.find((node) => node.name === wanted);
  // Where it has taken that place, the shards are its own.
  const old = find(inPlaceOf) ?? find(name);
  if (old === undefined) throw new UsageError(`${path} has no node ${inPlaceOf}`);
  if (old.name !== name && !isNamed(nodes, name)) {
    const added = swarmNode({ name, replicas: [] });
    // The cluster has served: another empty disk is a lost one.
    await writeClusterFile(path, { ...cluster, formed: true, nodes: [...nodes, added] });
  }
  return rangeMap.shards
    .filter(({ number }) => old.replicas.some(({ shard }) => shard === number))
    .map((shard) => shard.name);
}

/** Whether it was added before. Throws where it can never be: a name is good for one disk. */
function isNamed(nodes: readonly ClusterNode[], name: string): boolean {
  const known = nodes.find((node) => node.name === name);
  if (known !== undefined && known.replicas.length === 0) return true;
  if (processNames(processesAround(nodes)).includes(name)) {
    throw new UsageError(`there is a ${name} already: a node of another name takes the place`);
  }
  if (!NAME.test(name)) {
    throw new UsageError(`${name} is no name of a node: small letters, digits and hyphens`);
  }
  return false;
}
