import type { SeededRandom } from "../raft/seeded-random.js";
import type { SimulatedCluster } from "./cluster.js";
import { drawDurationMs } from "./fault.js";
import type { Fault } from "./fault.js";
import { pickVictim } from "./network-faults.js";

export const kill: Fault = async (cluster, random) => {
  const node = pickVictim(cluster, random);
  if (node?.isUp !== true) return false;
  const before = cluster.network.counts.toTheDead;
  node.kill();
  await cluster.time.sleep(drawDurationMs(random));
  node.start();
  return cluster.network.counts.toTheDead > before;
};

export const powerCut: Fault = async (cluster, random) => {
  const node = pickVictim(cluster, random);
  if (node?.isUp !== true) return false;
  const lost = node.cutPower();
  await cluster.time.sleep(drawDurationMs(random));
  node.start();
  return lost > 0;
};

/** All machines at once, back one after the other. */
export const blackout: Fault = async (cluster, random) => {
  let lost = 0;
  const nodes = cluster.nodes.filter(({ isUp }) => isUp);
  for (const node of nodes) lost += node.cutPower();
  await Promise.all(
    nodes.map(async (node) => {
      await cluster.time.sleep(random.next() * 1000);
      node.start();
    }),
  );
  return lost > 0;
};

export const pause: Fault = async (cluster, random) => {
  const life = pickVictim(cluster, random)?.life;
  if (life?.isPaused !== false) return false;
  const before = life.heldUp;
  life.pause();
  await cluster.time.sleep(drawDurationMs(random) * 1.5);
  life.resume();
  return life.heldUp > before;
};

/** The wall clock jumps, and all clocks of the machine run at another rate. */
export const clockJump: Fault = async (cluster, random) => {
  const node = pickVictim(cluster, random);
  if (node === undefined) return false;
  node.clock.skewedReads = 0;
  node.clock.wallSkewMs = (random.next() * 2 - 1) ** 3 * 3_600_000;
  node.clock.rate = 0.85 + random.next() * 0.3;
  await cluster.time.sleep(drawDurationMs(random) * 2);
  const { skewedReads } = node.clock;
  // Half of the clocks stay wrong.
  if (random.chance(0.5)) node.clock.wallSkewMs = 0;
  node.clock.rate = 1;
  return skewedReads > 0;
};

/** As by SIGTERM, and back. */
export const restart: Fault = async (cluster, random) => {
  const node = pickVictim(cluster, random);
  const life = node?.life;
  if (node?.isUp !== true || life === undefined) return false;
  await Promise.race([node.shutDown(), cluster.time.sleep(2000)]);
  const isEnded = !life.isAlive;
  if (!isEnded && node.life === life) node.kill();
  await cluster.time.sleep(drawDurationMs(random) / 2);
  node.start();
  return isEnded;
};

export const transfer: Fault = async (cluster: SimulatedCluster, random: SeededRandom) => {
  const shard = random.pick(cluster.plan.shards) ?? 1;
  const leader = cluster.leader(shard);
  if (leader === undefined) return false;
  const to = await Promise.race([
    leader.replica.transferLeader(undefined).catch(() => ""),
    cluster.time.sleep(3500).then(() => ""),
  ]);
  return to !== "" && to !== leader.node.name;
};
