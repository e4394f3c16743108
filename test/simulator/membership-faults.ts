import type {
  ChangeKind,
  ConfChange,
  ReplicaId,
  SingleChange,
  Transition,
} from "../../src/raft/index.js";
import { LEAVE_JOINT } from "../../src/raft/index.js";
import { encodeMember } from "../../src/runtime/index.js";
import type { Member } from "../../src/runtime/index.js";
import type { SeededRandom } from "../raft/seeded-random.js";
import type { SimulatedCluster } from "./cluster.js";
import type { Fault } from "./fault.js";

const ANSWER_MS_MAX = 1500;
const TRIES_MAX = 6;
const RETRY_MS = 150;
const START_MS = 50;
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

/** Whoever decided to enter an explicit joint configuration has to leave it; then those go who are no members any more. */
export async function leaveJoint(cluster: SimulatedCluster): Promise<void> {
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    if (cluster.truth(SHARD).membership.votersOutgoing.length === 0) break;
    await propose(cluster, LEAVE_JOINT);
    await cluster.time.sleep(RETRY_MS);
  }
  retireOutsiders(cluster);
}

async function addMember(cluster: SimulatedCluster, random: SeededRandom): Promise<void> {
  const member = await newcomer(cluster);
  if (member === undefined) return;
  const { replica } = member;
  if (random.chance(0.3)) {
    await change(cluster, [single("add-voter", replica)], { member });
  } else if (await change(cluster, [single("add-learner", replica)], { member })) {
    await cluster.time.sleep(random.next() * 600);
    await change(cluster, [single("add-voter", replica)]);
  }
}

async function removeMember(cluster: SimulatedCluster, random: SeededRandom): Promise<void> {
  const replica = random.pick(cluster.truth(SHARD).membership.voters);
  if (replica === undefined || !mayShrink(cluster)) return;
  await change(cluster, [single("remove", replica)]);
  await cluster.time.sleep(random.next() * 800);
}

async function demoteAndPromote(cluster: SimulatedCluster, random: SeededRandom): Promise<void> {
  const replica = random.pick(cluster.truth(SHARD).membership.voters);
  if (replica === undefined || !mayShrink(cluster)) return;
  if (!(await change(cluster, [single("add-learner", replica)]))) return;
  await cluster.time.sleep(random.next() * 600);
  await change(cluster, [single("add-voter", replica)]);
}

async function replaceMember(cluster: SimulatedCluster, random: SeededRandom): Promise<void> {
  const member = await newcomer(cluster);
  const leaving = random.pick(cluster.truth(SHARD).membership.voters);
  if (member === undefined || leaving === undefined) return;
  const transition = random.pick(["auto", "implicit", "explicit"] as const) ?? "auto";
  const changes = [single("add-voter", member.replica), single("remove", leaving)];
  await change(cluster, changes, { member, transition });
  await cluster.time.sleep(random.next() * 800);
}

function mayShrink(cluster: SimulatedCluster): boolean {
  const isOneBroken = cluster.nodes.some(({ isForgetful }) => isForgetful);
  return cluster.voters(SHARD).length > VOTERS_MIN && !isOneBroken;
}

/** A machine with an empty disk, on which a replica waits for the group. */
async function newcomer(cluster: SimulatedCluster): Promise<Member | undefined> {
  if (cluster.nodes.length >= NODES_MAX) return undefined;
  const node = cluster.addNode(false);
  node.start();
  await cluster.time.sleep(START_MS);
  const leader = cluster.leader(SHARD);
  if (leader === undefined) return undefined;
  // An id whose change may still be under way is not given again.
  const used = cluster.nodes.map((other) => other.replicaOf(SHARD) ?? 0);
  const replica = Math.max(leader.replica.nextReplicaId, ...used.map((id) => id + 1));
  const joining = node.join(SHARD, replica).catch((error: unknown) => {
    if (!node.mayFail) throw error;
    return undefined;
  });
  // A process that is killed meanwhile never says what became of it.
  return Promise.race([joining, cluster.time.sleep(ANSWER_MS_MAX).then(() => undefined)]);
}

function single(kind: ChangeKind, replica: ReplicaId): SingleChange {
  return { kind, replica };
}

/** True once it is applied by whoever leads. */
async function change(
  cluster: SimulatedCluster,
  changes: readonly SingleChange[],
  how: { readonly member?: Member; readonly transition?: Transition } = {},
): Promise<boolean> {
  const context = how.member === undefined ? new Uint8Array() : encodeMember(how.member);
  const transition = how.transition ?? "auto";
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    if (await propose(cluster, { transition, changes, context })) return true;
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
    const replica = node.replicaOf(SHARD) ?? 0;
    const wasMember = cluster
      .truth(SHARD)
      .memberships.some(({ voters, learners }) => [...voters, ...learners].includes(replica));
    if (!wasMember) continue;
    node.isRetired = true;
    node.kill();
  }
}
