import { numberedKey, TABLES } from "../../src/storage/keys.js";
import { flipBit } from "../storage/stored-rows.js";
import type { SimulatedCluster } from "./cluster.js";
import { drawDurationMs } from "./fault.js";
import type { Fault } from "./fault.js";
import { pickVictim } from "./network-faults.js";
import type { SimulatedNode } from "./node.js";

const NOTICE_MS = 50;
const NOTICE_MS_MAX = 4000;
const KEY_BYTES = numberedKey(Buffer.alloc(10), 0).length;

export const slowDisk: Fault = async (cluster, random) => {
  const node = pickVictim(cluster, random);
  if (node === undefined) return false;
  const before = node.disk.slowed;
  node.disk.meanMs = 2 + random.next() ** 3 * 100;
  await cluster.time.sleep(drawDurationMs(random) * 1.5);
  node.disk.becomeNormal();
  return node.disk.slowed > before;
};

/** Writes fail: the process must end, and not before it noticed. */
export const failingDisk: Fault = async (cluster, random) => {
  const node = pickVictim(cluster, random);
  if (node?.isUp !== true || node.mayFail) return false;
  const before = node.failures;
  node.mayFail = true;
  node.disk.disk.writeFault = new Error("EIO");
  await until(cluster, () => node.failures > before);
  const hasFailed = node.failures > before;
  await cluster.time.sleep(drawDurationMs(random) / 2);
  node.cutPower();
  node.disk.becomeNormal();
  node.mayFail = false;
  node.start();
  return hasFailed;
};

/**
 * The database comes back as it was a while ago, without a word, as RocksDB does after a flipped bit in its log. The marker is
 * another file.
 */
export const forgetfulDisk: Fault = async (cluster, random) => {
  const node = pickVictim(cluster, random);
  if (node?.isUp !== true || !mayForget(cluster, node)) return false;
  node.isForgetful = true;
  const former = node.disk.disk.copy();
  const roundsBefore = node.records.map(({ logRounds }) => logRounds);
  await cluster.time.sleep(drawDurationMs(random));
  node.cutPower();
  const forgotten = node.records.map(({ logRounds }, at) => logRounds - (roundsBefore[at] ?? 0));
  // One round alone may be too fresh to be promised yet: that is not detected, and documented.
  const isDetectable = forgotten.every((rounds) => rounds !== 1);
  if (isDetectable) node.disk.disk.copyRowsFrom(former);
  else node.isForgetful = false;
  return comeBack(cluster, node);
};

/** A bit flips in an entry at the end of a log. */
export const damagedEntry: Fault = async (cluster, random) => {
  const node = pickVictim(cluster, random);
  if (node?.isUp !== true || !mayForget(cluster, node)) return false;
  const record = random.pick(node.records);
  if (record === undefined || record.lastIndex < record.firstIndex) return false;
  node.isForgetful = true;
  node.cutPower();
  const index =
    record.lastIndex - random.between(0, Math.min(4, record.lastIndex - record.firstIndex));
  const engine = node.disk.disk.openEngine();
  node.disk.life = undefined;
  await flipBit(engine, (key) => isEntry(key, record.replica, index));
  await engine.close();
  return comeBack(cluster, node);
};

/** What is damaged here must be whole everywhere else, or nobody could repair it. */
function mayForget(cluster: SimulatedCluster, node: SimulatedNode): boolean {
  return (
    cluster.nodes.every(({ isForgetful }) => !isForgetful) &&
    node.isWhole &&
    !node.mayFail &&
    cluster.plan.shards.every((shard) => cluster.voters(shard).length >= 3)
  );
}

/** Starts again; true if the store noticed what it lost. It is whole once others brought it back. */
async function comeBack(cluster: SimulatedCluster, node: SimulatedNode): Promise<boolean> {
  const { isForgetful } = node;
  const before = node.losses;
  const firstBefore = node.records.map(({ firstIndex }) => firstIndex);
  node.start();
  await until(cluster, () => node.isUp);
  const firstAfter = node.records.map(({ firstIndex }) => firstIndex);
  const hasNoticed =
    node.losses > before || firstAfter.some((first, at) => first !== firstBefore[at]);
  // Where nothing was forgotten, another fault may have begun to on the same node.
  if (isForgetful) void becomeWhole(cluster, node);
  return hasNoticed;
}

async function becomeWhole(cluster: SimulatedCluster, node: SimulatedNode): Promise<void> {
  while (node.isForgetful && !node.isRetired) {
    await cluster.time.sleep(NOTICE_MS);
    if (node.isWhole) node.isForgetful = false;
  }
}

async function until(cluster: SimulatedCluster, isTrue: () => boolean): Promise<void> {
  for (let waited = 0; waited < NOTICE_MS_MAX && !isTrue(); waited += NOTICE_MS) {
    await cluster.time.sleep(NOTICE_MS);
  }
}

function isEntry(key: Buffer, replica: number, index: number): boolean {
  return (
    key.length === KEY_BYTES &&
    key.readUInt32BE(1) === replica &&
    key.readUInt8(9) === TABLES.log &&
    key.readUInt32BE(14) === index
  );
}
