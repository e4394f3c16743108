import { join, resolve } from "node:path";
import type { Command } from "commander";
import { takeBackup } from "../backup/take-backup.js";
import { readManifest } from "../backup/manifest.js";
import type { Manifest } from "../backup/manifest.js";
import { restoreCluster, restoreNode } from "../backup/restore-backup.js";
import type { RestoreProgress } from "../backup/restore-backup.js";
import { requireSameRanges, requireWhole, verifyShard } from "../backup/verify-backup.js";
import { Operator } from "../client/operator.js";
import { readClusterFile } from "../cluster-file.js";
import {
  DATA_DIR,
  DATA_OPTION,
  OUTPUT_OPTION,
  examples,
  parseWhole,
  print,
  say,
  UsageError,
} from "../command-line-parts.js";
import type { Output } from "../command-line-parts.js";
import { CLUSTER_FILE } from "../data-dir.js";
import { BASE_PORT } from "../ports.js";
import { Progress } from "../progress.js";
import { requireLocalCluster } from "../ready-file.js";
import { stopSignal } from "../stop-signal.js";
import { parseLayout } from "./up.js";
import { formatTable } from "../table.js";

interface BackupOptions {
  readonly data: string;
  readonly output: Output;
}

interface RestoreOptions extends BackupOptions {
  readonly layout: string;
  readonly basePort: number;
  readonly node?: string;
  readonly cluster?: string;
}

export function addBackup(program: Command): void {
  program
    .command("backup")
    .description("copy every shard into a new directory, while the cluster serves")
    .argument("<dir>", "a directory that is empty, or not there yet")
    .option(...DATA_OPTION, DATA_DIR)
    .addOption(OUTPUT_OPTION)
    .addHelpText("after", examples("backup /backups/2026-12-01"))
    .action(backup);
  program
    .command("verify")
    .description("read a backup and check that all of it is what was taken")
    .argument("<dir>", "of the backup")
    .addOption(OUTPUT_OPTION)
    .addHelpText("after", examples("verify /backups/2026-12-01"))
    .action(verify);
  program
    .command("restore")
    .description("make the directory of a new cluster from a backup; `cabildo up` starts it then")
    .argument("<dir>", "of the backup")
    .requiredOption("--data <dir>", "directory of the new cluster, or of the one node; empty")
    .option("--layout <name>", "compact (3 nodes) or seed (12 nodes)", "compact")
    .option("--base-port <n>", "as of cabildo up", parseWhole, BASE_PORT)
    .option("--node <name>", "only the store of this node of --cluster, for a host of its own")
    .option("--cluster <file>", "cluster.json of the new cluster, with --node")
    .addOption(OUTPUT_OPTION)
    .addHelpText(
      "after",
      examples(
        "restore /backups/2026-12-01 --data .cabildo-2",
        "restore /backups/2026-12-01 --node users-1 --cluster cluster.json --data /data",
      ),
    )
    .action(restore);
}

async function backup(directory: string, { data, output }: BackupOptions): Promise<void> {
  const operator = await Operator.open(await requireLocalCluster(data));
  const cluster = await readClusterFile(join(data, CLUSTER_FILE));
  const progress = new Progress(process.stderr);
  const stop = stopSignal("the backup, which is none,");
  try {
    const manifest = await takeBackup(
      operator,
      cluster,
      directory,
      {
        began: (shard, node) => progress.step(shard, `copies from ${node}`),
        copied: (shard, bytes) => progress.amount(shard, sizeOf(bytes)),
      },
      stop,
    );
    progress.end();
    show(manifest, output);
  } catch (cause) {
    progress.end();
    throw stop.aborted ? stop.reason : cause;
  }
}

async function verify(directory: string, { output }: BackupOptions): Promise<void> {
  const manifest = await readManifest(directory);
  requireWhole(manifest);
  const progress = new Progress(process.stderr);
  try {
    for (const shard of manifest.shards) {
      progress.step(shard.name, "reads it again");
      await verifyShard(directory, shard, (bytes) =>
        progress.amount(shard.name, sizeOf(bytes), bytes / shard.bytes),
      );
      progress.step(shard.name, "whole");
    }
  } finally {
    progress.end();
  }
  show(manifest, output);
}

async function restore(directory: string, options: RestoreOptions): Promise<void> {
  const manifest = await readManifest(directory);
  const progress = new Progress(process.stderr);
  const told: RestoreProgress = {
    checked: (shard, share) => progress.amount(shard, "reads it", share),
    filled: (node, shard, share) => progress.amount(node, shard, share),
    restored: (node, shard, rows) => progress.step(node, `${shard}: ${rows} rows`),
  };
  let done: Restored;
  try {
    done = await (options.node === undefined
      ? restoreAll(directory, manifest, options, told)
      : restoreAlone(directory, manifest, options.node, options, told));
  } finally {
    progress.end();
  }
  if (options.output === "json") print(JSON.stringify(done.facts));
  else say(done.sentence);
}

interface Restored {
  readonly facts: object;
  readonly sentence: string;
}

async function restoreAll(
  directory: string,
  manifest: Manifest,
  { data, layout, basePort }: RestoreOptions,
  told: RestoreProgress,
): Promise<Restored> {
  const wish = {
    layout: parseLayout(layout),
    basePort,
    host: "127.0.0.1",
    coordinators: 1,
    fanouts: 1,
  };
  const cluster = await restoreCluster(directory, manifest, resolve(data), wish, told);
  const { clusterId } = cluster;
  return {
    facts: { clusterId, data },
    sentence: `cluster ${clusterId} is in ${data}: cabildo up --data ${data} starts it`,
  };
}

async function restoreAlone(
  directory: string,
  manifest: Manifest,
  name: string,
  { data, cluster: path }: RestoreOptions,
  told: RestoreProgress,
): Promise<Restored> {
  if (path === undefined) throw new UsageError("--node needs --cluster");
  const cluster = await readClusterFile(path);
  if (cluster.clusterId === manifest.clusterId) {
    throw new Error(
      `${path} is the cluster that was backed up: a restored one needs another id, and replaces all of it`,
    );
  }
  if (!cluster.formed) {
    throw new Error(
      `${path}: nodes that were not restored could form an empty cluster by it, and what that acknowledges would be lost: ` +
        'write "formed": true into every copy of it, then restore',
    );
  }
  requireWhole(manifest);
  requireSameRanges(manifest, cluster.rangeMap, path);
  const node = cluster.nodes.find((candidate) => candidate.name === name);
  if (node === undefined) throw new UsageError(`${path} has no node ${name}`);
  await restoreNode(directory, manifest, cluster, node, resolve(data), told);
  const ids = [...manifest.restoredFrom, manifest.clusterId];
  const named = ids.every((id) => cluster.restoredFrom?.includes(id));
  const advice = `\nfor cabildo audit verify, write "restoredFrom": ${JSON.stringify(ids)} into ${path}`;
  return {
    facts: { node: name, data, restoredFrom: ids },
    sentence: `${name} is in ${data}${named ? "" : advice}`,
  };
}

function show(manifest: Manifest, output: Output): void {
  if (output === "json") {
    print(JSON.stringify(manifest, null, 2));
    return;
  }
  print(`cluster ${manifest.clusterId}, taken at ${manifest.takenAt}`);
  print(
    formatTable(
      ["shard", "entry", "rows", "size", "from", "sha-256"],
      manifest.shards.map(({ name, index, rows, bytes, node, sha256 }) => [
        name,
        String(index),
        String(rows),
        sizeOf(bytes),
        node,
        `${sha256.slice(0, 16)}...`,
      ]),
    ),
  );
}

const sizeOf = (bytes: number): string =>
  bytes < 1e6 ? `${(bytes / 1e3).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
