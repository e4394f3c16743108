import { setTimeout as sleep } from "node:timers/promises";
import { create } from "@bufbuild/protobuf";
import {
  MembershipSchema,
  type AddLearnerRequest,
  type Membership,
  type PromoteLearnerRequest,
  type RemoveReplicaRequest,
  type ReplaceReplicaRequest,
} from "../../gen/cabildo/admin/v1/admin_pb.js";
import { ClusterError, type Identity } from "../base/index.js";
import { PROMOTE_LAG_MAX } from "../placement/index.js";
import {
  encodeMember,
  type MemberChange,
  type MemberStatus,
  type ReplicaHandle,
} from "../runtime/index.js";
import type { NodeContext } from "./context.js";
import { requireShard } from "./require-shard.js";

const CHANGE_TIMEOUT_MS = 5000;
/** Followers are counted as silent for a moment after each check of the quorum. */
const ACTIVE_WAIT_MS = 1000;
const ASK_AGAIN_MS = 20;

interface Led {
  readonly shard: string;
  readonly replica: ReplicaHandle;
}

/** The same disk gets the same replica, however often it asks. */
export async function addLearner(
  context: NodeContext,
  caller: Identity,
  request: AddLearnerRequest,
): Promise<number> {
  const { node, address, raftAddress, storeId, featureLevel } = request;
  await context.standing.refuseRemoved(caller.name);
  if (caller.name !== node) {
    throw new ClusterError("permission-denied", `${caller.name} asks for ${node}`);
  }
  const { shard, replica } = requireLed(context, request.shard);
  const { members, featureLevel: used } = replica.status();
  if (featureLevel < used) {
    throw new ClusterError(
      "unimplemented",
      `${shard} uses feature level ${used}, and ${node} knows ${featureLevel}: ` +
        "start it with the version that the other nodes run",
    );
  }
  const known = members.find((member) => member.node === node);
  if (known !== undefined) {
    if (known.storeId === storeId) return known.replica;
    throw new ClusterError(
      "already-exists",
      `${node} is in ${shard} with another disk: take it out (cabildo replica remove), and join under a new name`,
    );
  }
  const added = replica.nextReplicaId;
  const change: MemberChange = { kind: "add-learner", replica: added };
  const raft = raftAddress === "" ? {} : { raftAddress };
  const member = { replica: added, node, address, ...raft, storeId };
  await propose(replica, [change], encodeMember(member));
  return added;
}

export async function promoteLearner(
  context: NodeContext,
  { shard, node }: PromoteLearnerRequest,
): Promise<Membership> {
  const led = requireLed(context, shard);
  const learner = requireLearner(led, node);
  await requireMajorityAfter(led, learner, undefined);
  return propose(led.replica, [{ kind: "add-voter", replica: learner.replica }]);
}

export async function removeReplica(
  context: NodeContext,
  { shard, node }: RemoveReplicaRequest,
): Promise<Membership> {
  const led = requireLed(context, shard);
  const member = requireMember(led, node);
  if (!member.learner) await requireMajorityAfter(led, undefined, member);
  await handOverFirst(context, led, member);
  return propose(led.replica, [{ kind: "remove", replica: member.replica }], encodeMember(member));
}

/** Done already is as good as done now: who asked may not have heard that it was. */
export async function replaceReplica(
  context: NodeContext,
  { shard, node, byNode }: ReplaceReplicaRequest,
): Promise<Membership> {
  const led = requireLed(context, shard);
  if (isReplaced(context, led, node, byNode)) return membershipOf(led.replica);
  const member = requireMember(led, node);
  const learner = requireLearner(led, byNode);
  await requireMajorityAfter(led, learner, member);
  await handOverFirst(context, led, member);
  const changes: MemberChange[] = [
    { kind: "add-voter", replica: learner.replica },
    { kind: "remove", replica: member.replica },
  ];
  return propose(led.replica, changes, encodeMember(member));
}

function isReplaced(
  { options }: NodeContext,
  { replica }: Led,
  node: string,
  byNode: string,
): boolean {
  const { members } = replica.status();
  return (
    options.removed.has(node) &&
    members.every((member) => member.node !== node) &&
    members.some((member) => member.node === byNode && !member.learner)
  );
}

/** Several changes go through a joint configuration, which is left before this resolves. */
async function propose(
  replica: ReplicaHandle,
  changes: readonly MemberChange[],
  context: Uint8Array = new Uint8Array(),
): Promise<Membership> {
  const timeoutMs = CHANGE_TIMEOUT_MS;
  await replica.changeMembership({ transition: "auto", changes, context }, { timeoutMs });
  const endMs = performance.now() + timeoutMs;
  while (replica.status().changing && performance.now() < endMs) await sleep(ASK_AGAIN_MS);
  return membershipOf(replica);
}

function membershipOf(replica: ReplicaHandle): Membership {
  const { members } = replica.status();
  const names = (learner: boolean) =>
    members.filter((member) => member.learner === learner).map(({ node }) => node);
  return create(MembershipSchema, { voters: names(false), learners: names(true) });
}

function requireLed(context: NodeContext, name: string): Led {
  const shard = requireShard(context, name);
  const replica = context.findReplica(shard.number);
  const { role, leaderNode } = replica?.status() ?? { role: "follower", leaderNode: "" };
  if (replica !== undefined && role === "leader") return { shard: name, replica };
  throw notLeader(context, name, leaderNode);
}

function notLeader({ options }: NodeContext, shard: string, leaderNode: string): ClusterError {
  const next = leaderNode === "" || leaderNode === options.nodeName ? "another node" : leaderNode;
  const message = `${options.nodeName} does not lead ${shard}: ask ${next}`;
  return new ClusterError("not-leader", message, { leaderNode });
}

function requireMember({ shard, replica }: Led, node: string): MemberStatus {
  const member = replica.status().members.find((one) => one.node === node);
  if (member !== undefined) return member;
  throw new ClusterError("not-found", `${node} has no replica in ${shard}`);
}

function requireLearner(led: Led, node: string): MemberStatus {
  const member = requireMember(led, node);
  if (!member.learner) {
    throw new ClusterError("failed-precondition", `${node} votes in ${led.shard} already`);
  }
  const { followers, lastIndex } = led.replica.status();
  const match = followers.find(({ replica }) => replica === member.replica)?.match ?? 0;
  if (lastIndex - match <= PROMOTE_LAG_MAX) return member;
  throw new ClusterError(
    "failed-precondition",
    `${node} still lacks ${lastIndex - match} entries of ${led.shard}: try again when it has caught up`,
  );
}

/** Whoever leads after the change must find a majority that answers. */
async function requireMajorityAfter(
  { shard, replica }: Led,
  coming: MemberStatus | undefined,
  leaving: MemberStatus | undefined,
): Promise<void> {
  const endMs = performance.now() + ACTIVE_WAIT_MS;
  for (;;) {
    const { members, followers, replica: self } = replica.status();
    const voters = members.filter(
      (one) =>
        one.replica === coming?.replica || (!one.learner && one.replica !== leaving?.replica),
    );
    const silent = voters.filter(
      (one) =>
        one.replica !== self &&
        followers.find((follower) => follower.replica === one.replica)?.active !== true,
    );
    if (voters.length > 2 * silent.length) return;
    if (performance.now() > endMs) {
      throw new ClusterError(
        "failed-precondition",
        voters.length === 0
          ? `${leaving?.node} is the last that votes in ${shard}: add another one first`
          : `no majority of ${shard} would answer: ${silent.map(({ node }) => node).join(", ")} said nothing of late`,
      );
    }
    await sleep(ASK_AGAIN_MS);
  }
}

async function handOverFirst(context: NodeContext, led: Led, member: MemberStatus): Promise<void> {
  if (member.replica !== led.replica.replica) return;
  throw notLeader(context, led.shard, await led.replica.transferLeader(undefined));
}
