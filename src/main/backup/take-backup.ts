import { mkdir, rm } from "node:fs/promises";
import type {
  BackupHeader,
  ClusterStatus,
  ReadBackupResponse,
  Shard,
} from "../../../gen/cabildo/admin/v1/admin_pb.js";
import { toSafeInteger } from "../../wire/index.js";
import type { Operator } from "../client/operator.js";
import type { ClusterFile } from "../cluster-file.js";
import { VERSION } from "../version.js";
import { hasManifest, rowsPath, writeManifest } from "./manifest.js";
import type { BackedUpShard, Manifest } from "./manifest.js";
import { writeRowsFile } from "./rows-file.js";

/** Deliveries between shards wait while the copies begin, so that all of them show one moment. */
const HOLD_MS = 10_000;
const TRIES = 5;
const STREAM_TIMEOUT_MS = 3_600_000;

export interface BackupProgress {
  began(shard: string, node: string): void;
  copied(shard: string, bytes: number): void;
}

interface Copy {
  readonly header: BackupHeader;
  readonly node: string;
  readonly parts: AsyncIterator<ReadBackupResponse>;
}

interface Target {
  readonly clusterId: string;
  readonly directory: string;
  readonly progress: BackupProgress;
}

/**
 * Copies every shard into a directory, from followers, while the cluster serves. No delivery from shard to shard lies between two
 * copies: while they begin none is made, which costs the deliveries a moment, and writes nothing.
 */
export async function takeBackup(
  operator: Operator,
  cluster: ClusterFile,
  directory: string,
  progress: BackupProgress,
  signal: AbortSignal,
): Promise<Manifest> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  if (await hasManifest(directory)) throw new Error(`${directory} holds a backup: name another`);
  const ended = new AbortController();
  const shards = await copyAll(operator, AbortSignal.any([signal, ended.signal]), {
    clusterId: cluster.clusterId,
    directory,
    progress,
  }).finally(() => ended.abort());
  const manifest = {
    clusterId: cluster.clusterId,
    restoredFrom: cluster.restoredFrom ?? [],
    clusterName: cluster.name,
    takenAt: new Date().toISOString(),
    version: VERSION,
    rangeMap: cluster.rangeMap,
    shards,
  };
  await writeManifest(directory, manifest);
  return manifest;
}

/** Where one fails, whoever calls ends the others. */
async function copyAll(
  operator: Operator,
  signal: AbortSignal,
  { clusterId, directory, progress }: Target,
): Promise<readonly BackedUpShard[]> {
  const copies = await beginAll(operator, signal);
  const foreign = copies.find(({ header }) => header.clusterId !== clusterId);
  if (foreign !== undefined) {
    throw new Error(`${foreign.node} belongs to another cluster, ${foreign.header.clusterId}`);
  }
  return await Promise.all(copies.map((copy) => store(copy, directory, progress)));
}

async function store(copy: Copy, directory: string, progress: BackupProgress) {
  const { header, node } = copy;
  const { name, shard: number, stateHash } = header;
  progress.began(name, node);
  const path = rowsPath(directory, header);
  try {
    const summary = await writeRowsFile(path, rowsOf(copy), (bytes) =>
      progress.copied(name, bytes),
    );
    const index = toSafeInteger(header.index);
    const sequence = toSafeInteger(header.sequence);
    const shard: BackedUpShard = { number, name, node, index, sequence, stateHash, ...summary };
    return shard;
  } catch (cause) {
    await rm(path, { force: true });
    throw cause;
  }
}

async function* rowsOf({ parts }: Copy): AsyncGenerator<Uint8Array> {
  for (;;) {
    const next = await parts.next();
    if (next.done === true) return;
    const { part } = next.value;
    if (part.case === "rows") yield part.value;
  }
}

/** All copies of one moment; again where a hold broke in between. */
async function beginAll(operator: Operator, signal: AbortSignal): Promise<readonly Copy[]> {
  for (let tries = 1; ; tries++) {
    const stop = new AbortController();
    const both = AbortSignal.any([signal, stop.signal]);
    const status = await operator.status();
    try {
      const before = await hold(operator, status, HOLD_MS);
      const copies = await Promise.all(
        status.shards.map((shard) => begin(operator, status, shard, both)),
      );
      if ((await hold(operator, await operator.status(), HOLD_MS)) === before) return copies;
      throw new Error("nodes came or went while the copies began: try again when all is quiet");
    } catch (cause) {
      stop.abort();
      if (signal.aborted || tries === TRIES) throw cause;
    } finally {
      await hold(operator, status, 0).catch(() => undefined);
    }
  }
}

/** Which nodes hold, and since when. */
async function hold(
  operator: Operator,
  { nodes, unreachable }: ClusterStatus,
  forMs: number,
): Promise<string> {
  const there = nodes.filter(({ name }) => !unreachable.includes(name));
  const holds = await Promise.all(
    there.map(async ({ name, address }) => {
      const held = await operator.at(address).holdDeliveries({ forMs });
      return `${name} ${held.hold}`;
    }),
  );
  return holds.sort().join(", ");
}

async function begin(
  operator: Operator,
  status: ClusterStatus,
  shard: Shard,
  signal: AbortSignal,
): Promise<Copy> {
  const node = copiedFrom(shard);
  const address = status.nodes.find(({ name }) => name === node)?.address ?? "";
  const stream = operator
    .apart(address, STREAM_TIMEOUT_MS)
    .readBackup({ shard: shard.name }, { signal });
  const parts = stream[Symbol.asyncIterator]();
  const first = await parts.next();
  const part = first.done === true ? undefined : first.value.part;
  if (part?.case !== "header") throw new Error(`${node} sent no copy of ${shard.name}`);
  return { header: part.value, node, parts };
}

/** A follower that lacks least; the leader has enough to do. */
function copiedFrom({ name, leader, replicas }: Shard): string {
  const [best] = replicas
    .filter(({ reachable, learner, quarantine }) => reachable && !learner && quarantine === "")
    .sort(
      (a, b) =>
        Number(a.node === leader) - Number(b.node === leader) || Number(a.lag) - Number(b.lag),
    );
  if (best === undefined) throw new Error(`no replica of ${name} answers: see cabildo status`);
  return best.node;
}
