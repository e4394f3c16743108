import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { FEATURE_LEVEL } from "../../machine/index.js";
import { NO_MEMBERS, restoreReplica } from "../../runtime/index.js";
import type { AppliedState, Store } from "../../runtime/index.js";
import { openRocksDbStore } from "../../storage/index.js";
import { ensureAdminCredential } from "../admin-credential.js";
import { writeClusterFile } from "../cluster-file.js";
import type { ClusterFile, ClusterNode } from "../cluster-file.js";
import { votersOf } from "../cluster-file.js";
import { planCluster } from "../cluster-plan.js";
import type { ClusterWish } from "../cluster-plan.js";
import { CLUSTER_FILE } from "../data-dir.js";
import { fillDirectory, requireFillable } from "./half-restored.js";
import type { BackedUpShard, Manifest } from "./manifest.js";
import { digestOf } from "./rows-file.js";
import type { Row } from "./rows-file.js";
import { requireSame, requireWhole, verifiedRows, verifyShard } from "./verify-backup.js";

export interface RestoreProgress {
  /** So much of a shard's copy was found to be whole. */
  checked(shard: string, share: number): void;
  /** So much of all that a node gets was written; may come very often. */
  filled(node: string, shard: string, share: number): void;
  restored(node: string, shard: string, rows: number): void;
}

/**
 * Makes the directory of a new cluster with everything that a backup holds. It has an id of its own, so that what still runs of
 * the old one, and positions of it, are refused. Nothing starts in it before all of it is there.
 */
export async function restoreCluster(
  backup: string,
  manifest: Manifest,
  dataDir: string,
  wish: ClusterWish,
  progress: RestoreProgress,
): Promise<ClusterFile> {
  requireWhole(manifest);
  await requireFillable(dataDir);
  // Damage is found before the first row is written.
  for (const shard of manifest.shards) {
    await verifyShard(backup, shard, (bytes) => progress.checked(shard.name, bytes / shard.bytes));
  }
  return fillDirectory(dataDir, () => restoreAll(backup, manifest, dataDir, wish, progress));
}

async function restoreAll(
  ...[backup, manifest, dataDir, wish, progress]: Parameters<typeof restoreCluster>
): Promise<ClusterFile> {
  const credential = await ensureAdminCredential(dataDir, undefined);
  const { cluster: planned } = planCluster(undefined, credential.hash, wish);
  const cluster = {
    ...planned,
    clusterId: randomUUID(),
    restoredFrom: [...manifest.restoredFrom, manifest.clusterId],
    name: manifest.clusterName,
    rangeMap: manifest.rangeMap,
    formed: true,
  };
  for (const node of cluster.nodes) {
    await fillStore(backup, manifest, cluster, node, join(dataDir, node.name), progress);
  }
  await writeClusterFile(join(dataDir, CLUSTER_FILE), cluster);
  return cluster;
}

/** Fills the store of one node with the replicas that the cluster file gives it. */
export async function restoreNode(
  backup: string,
  manifest: Manifest,
  cluster: ClusterFile,
  node: ClusterNode,
  directory: string,
  progress: RestoreProgress,
): Promise<void> {
  await fillDirectory(directory, () =>
    fillStore(backup, manifest, cluster, node, directory, progress),
  );
}

async function fillStore(
  ...[backup, manifest, cluster, node, directory, progress]: Parameters<typeof restoreNode>
): Promise<void> {
  const copies = node.replicas.map(({ shard, replica }) => {
    const copy = manifest.shards.find(({ number }) => number === shard);
    if (copy === undefined) throw new Error(`the backup has no copy of shard ${shard}`);
    return { copy, replica };
  });
  const totalBytes = copies.reduce((sum, { copy }) => sum + copy.bytes, 0);
  let writtenBytes = 0;
  const store = await openRocksDbStore({ directory });
  try {
    for (const { copy, replica } of copies) {
      const members = { ...NO_MEMBERS, voters: votersOf(cluster, copy.number) };
      const rows = verifiedRows(backup, copy, (bytes) =>
        progress.filled(node.name, copy.name, (writtenBytes + bytes) / totalBytes),
      );
      const { featureLevel } = await restoreOne(store, copy, rows, replica, members);
      requireKnown(featureLevel, manifest);
      writtenBytes += copy.bytes;
      progress.restored(node.name, copy.name, copy.rows);
    }
  } finally {
    await store.close();
  }
}

async function restoreOne(
  store: Store,
  shard: BackedUpShard,
  rows: AsyncIterable<readonly Row[]>,
  replica: number,
  members: AppliedState["confState"],
): Promise<AppliedState> {
  const restored = await restoreReplica(store, { replica, members, rows });
  const stateHash = Buffer.from(restored.state.stateHash).toString("hex");
  const found = await digestOf(restored.rows);
  requireSame(shard, found, `the disk does not hold what was restored of ${shard.name}`);
  if (stateHash !== shard.stateHash) {
    throw new Error(`the state of ${shard.name} has another hash than its backup says`);
  }
  await restored.admit();
  return restored.state;
}

/** Its nodes would refuse to start. */
function requireKnown(level: number, { version }: Manifest): void {
  if (level <= FEATURE_LEVEL) return;
  throw new Error(
    `the backup is of a later version: it uses feature level ${level}, and this version knows ${FEATURE_LEVEL} at most: ` +
      `restore it into a new directory with version ${version}, which took it`,
  );
}
