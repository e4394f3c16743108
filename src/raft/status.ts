import { toConfState } from "./membership.js";
import type { ProgressState } from "./progress.js";
import type { Replica } from "./replica.js";
import type { ConfState, ReplicaId, Role } from "./types.js";

export interface FollowerProgress {
  readonly id: ReplicaId;
  readonly state: ProgressState;
  readonly match: number;
  readonly next: number;
  /** Unanswered appends. */
  readonly inflight: number;
  readonly inflightFull: boolean;
  readonly paused: boolean;
  readonly recentActive: boolean;
  readonly isLearner: boolean;
  /** Index of the snapshot on its way, 0 if none. */
  readonly pendingSnapshot: number;
}

export interface RaftStatus {
  readonly id: ReplicaId;
  readonly role: Role;
  readonly term: number;
  readonly vote: ReplicaId;
  readonly leader: ReplicaId;
  readonly commit: number;
  readonly applied: number;
  readonly firstIndex: number;
  readonly lastIndex: number;
  readonly confState: ConfState;
  /** To whom this leader hands over, 0 if to nobody. */
  readonly transferee: ReplicaId;
  /** Neither votes nor campaigns: see RaftConfig.mustReach. */
  readonly quarantined: boolean;
  /** Every member, this one included, ascending by id; empty unless this replica leads. */
  readonly followers: readonly FollowerProgress[];
}

export function statusOf(replica: Replica): RaftStatus {
  const { log, tracker } = replica;
  return {
    id: replica.id,
    role: replica.role,
    term: replica.term,
    vote: replica.vote,
    leader: replica.leader,
    commit: log.commit,
    applied: log.applying.applied,
    firstIndex: log.firstIndex,
    lastIndex: log.lastIndex,
    confState: toConfState(tracker.membership),
    transferee: replica.transferee,
    quarantined: replica.mustReach !== undefined,
    followers:
      replica.role === "leader" ? tracker.members.flatMap((id) => progressOf(replica, id)) : [],
  };
}

function progressOf(replica: Replica, id: ReplicaId): FollowerProgress[] {
  const progress = replica.tracker.find(id);
  if (progress === undefined) return [];
  return [
    {
      id,
      state: progress.state,
      match: progress.match,
      next: progress.next,
      inflight: progress.inflights.count,
      inflightFull: progress.inflights.isFull,
      paused: progress.isPaused,
      recentActive: progress.recentActive,
      isLearner: replica.tracker.isLearner(id),
      pendingSnapshot: progress.pendingSnapshot,
    },
  ];
}
