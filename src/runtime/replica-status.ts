import type { ShardNumber } from "../placement/index.js";
import { NONE } from "../raft/index.js";
import type { ConfState, RaftStatus, ReplicaId } from "../raft/index.js";
import { replicasOf } from "./members.js";
import type { Members } from "./members.js";
import type { AppliedState } from "./ports.js";
import type { ReplicaStatus } from "./replica-handle.js";
import type { LoadStatus } from "./replica-load.js";

export interface StatusParts {
  readonly shard: ShardNumber;
  readonly replica: ReplicaId;
  readonly raft: RaftStatus;
  readonly applied: AppliedState;
  readonly firstIndex: number;
  /** Why it is quarantined, if it is. */
  readonly lostReason: string;
  /** Commands whose outcome is not known yet. */
  readonly pending: number;
  readonly readsPending: number;
  readonly leaderAgeMs: number;
  readonly members: Members;
  readonly load: LoadStatus;
}

/** A replica as operators and services see it. */
export function describeReplica(parts: StatusParts): ReplicaStatus {
  const { shard, replica, raft, applied, firstIndex, lostReason, members } = parts;
  const nodeOf = (id: ReplicaId): string => (id === NONE ? "" : members.nodeOf(id));
  return {
    shard,
    replica,
    role: raft.role,
    term: raft.term,
    leader: raft.leader,
    leaderNode: nodeOf(raft.leader),
    commit: raft.commit,
    applied: applied.index,
    firstIndex,
    lastIndex: raft.lastIndex,
    sequence: applied.sequence,
    epoch: applied.epoch,
    featureLevel: applied.featureLevel,
    stateHash: Buffer.from(applied.stateHash).toString("hex"),
    quarantine: raft.quarantined ? lostReason : "",
    followers: raft.followers
      .filter(({ id }) => id !== replica)
      .map((progress) => ({
        replica: progress.id,
        node: nodeOf(progress.id),
        state: progress.state,
        match: progress.match,
        next: progress.next,
        learner: progress.isLearner,
        active: progress.recentActive,
        inflight: progress.inflight,
      })),
    members: membersOf(raft.confState).map((member) => ({
      ...{ address: "", storeId: "", ...members.find(member.replica) },
      ...member,
      node: nodeOf(member.replica),
    })),
    changing: raft.confState.votersOutgoing.length > 0,
    pending: parts.pending,
    readsPending: parts.readsPending,
    leaderAgeMs: parts.leaderAgeMs,
    load: parts.load,
  };
}

function membersOf(state: ConfState) {
  return replicasOf(state).map((replica) => ({
    replica,
    learner: state.learners.includes(replica),
    leaving: !state.voters.includes(replica) && state.votersOutgoing.includes(replica),
  }));
}
