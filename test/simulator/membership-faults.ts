import { replicaId } from "../../src/placement/index.js";
import type { ChangeKind, ConfChange, SingleChange, Transition } from "../../src/raft/index.js";
import { LEAVE_JOINT } from "../../src/raft/index.js";
import type { SeededRandom } from "../raft/seeded-random.js";
import type { SimulatedCluster } from "./cluster.js";
import type { Fault } from "./fault.js";
import type { SimulatedNode } from "./node.js";

const ANSWER_MS_MAX = 1500;
const TRIES_MAX = 6;
const RETRY_MS = 150;
/** Fewer could not lose one. */
const VOTERS_MIN = 3;
const NODES_MAX = 9;
const SHARD = 1;

/** Members come and go, one by one or through a joint configuration. */
export const membership: Fault = async (cluster, random) => {
  const before = cluster.truth(SHARD).memberships.length;
  const dice = random.next();
  if (dice < 0.4) await addMember(cluster, random);
  else if (dice < 0.6) await removeMember(cluster, random);
  else if (dice < 0.8) await demoteAndPromote(cluster, random);
  else await replaceMember(cluster, random);
  await leaveJoint(cluster);
  return cluster.truth(SHARD).memberships.length > before;
};

/** Whoever decided to enter an explicit joint configuration has to leave it. */
export async function leaveJoint(cluster: SimulatedCluster): Promise<void> {
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    if (cluster.truth(SHARD).membership.votersOutgoing.length === 0) return;
    await propose(cluster, LEAVE_JOINT);
    await cluster.time.sleep(RETRY_MS);
  }
}

async function addMember(cluster: SimulatedCluster, random: SeededRandom): Promise<void> {
  const node = newcomer(cluster);
  if (node === undefined) return;
  if (random.chance(0.3)) {
    await change(cluster, [single("add-voter", node)]);
  } else if (await change(cluster, [single("add-learner", node)])) {
    await cluster.time.sleep(random.next() * 600);
    await change(cluster, [single("add-voter", node)]);
  }
  retireOutsiders(cluster);
}

async function removeMember(cluster: SimulatedCluster, random: SeededRandom): Promise<void> {
  const node = random.pick(cluster.voters(SHARD));
  if (node === undefined || !mayShrink(cluster)) return;
  await change(cluster, [single("remove", node)]);
  await cluster.time.sleep(random.next() * 800);
  retireOutsiders(cluster);
}

async function demoteAndPromote(cluster: SimulatedCluster, random: SeededRandom): Promise<void> {
  const node = random.pick(cluster.voters(SHARD));
  if (node === undefined || !mayShrink(cluster)) return;
  if (!(await change(cluster, [single("add-learner", node)]))) return;
  await cluster.time.sleep(random.next() * 600);
  await change(cluster, [single("add-voter", node)]);
}

async function replaceMember(cluster: SimulatedCluster, random: SeededRandom): Promise<void> {
  const node = newcomer(cluster);
  const leaving = random.pick(cluster.voters(SHARD));
  if (node === undefined || leaving === undefined) return;
  const transition = random.pick(["auto", "implicit", "explicit"] as const) ?? "auto";
  await change(cluster, [single("add-voter", node), single("remove", leaving)], transition);
  await cluster.time.sleep(random.next() * 800);
  await leaveJoint(cluster);
  retireOutsiders(cluster);
}

function mayShrink(cluster: SimulatedCluster): boolean {
  const isOneBroken = cluster.nodes.some(({ isForgetful }) => isForgetful);
  return cluster.voters(SHARD).length > VOTERS_MIN && !isOneBroken;
}

function newcomer(cluster: SimulatedCluster): SimulatedNode | undefined {
  if (cluster.nodes.length >= NODES_MAX) return undefined;
  const node = cluster.addNode(false);
  node.start();
  return node;
}

function single(kind: ChangeKind, node: SimulatedNode): SingleChange {
  return { kind, replica: replicaId(SHARD, node.ordinal) };
}

/** True once it is applied by whoever leads. */
async function change(
  cluster: SimulatedCluster,
  changes: readonly SingleChange[],
  transition: Transition = "auto",
): Promise<boolean> {
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    if (await propose(cluster, { transition, changes, context: new Uint8Array() })) return true;
    await cluster.time.sleep(RETRY_MS);
  }
  return false;
}

async function propose(cluster: SimulatedCluster, proposed: ConfChange): Promise<boolean> {
  const leader = cluster.leader(SHARD);
  if (leader === undefined) return false;
  return Promise.race([
    leader.replica.changeMembership(proposed, { timeoutMs: ANSWER_MS_MAX }).then(
      () => true,
      () => false,
    ),
    cluster.time.sleep(ANSWER_MS_MAX).then(() => false),
  ]);
}

/** A replica that was removed never comes back: its machine goes. One whose change may still be under way stays. */
function retireOutsiders(cluster: SimulatedCluster): void {
  const members = new Set(cluster.members(SHARD));
  for (const node of cluster.nodes) {
    if (members.has(node) || node.isRetired) continue;
    const replica = replicaId(SHARD, node.ordinal);
    const wasMember = cluster
      .truth(SHARD)
      .memberships.some(({ voters, learners }) => [...voters, ...learners].includes(replica));
    if (!wasMember) continue;
    node.isRetired = true;
    node.kill();
  }
}
