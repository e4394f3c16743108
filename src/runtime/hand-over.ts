import { ClusterError } from "../base/index.js";
import { NONE } from "../raft/index.js";
import type { RaftGroup, RaftStatus, ReplicaId, SoftState } from "../raft/index.js";
import type { Clock } from "./ports.js";

/** A target that lacks more than this would hold proposals back for too long. */
const TARGET_LAG_MAX = 10_000;

interface Waiting {
  readonly to: ReplicaId;
  readonly resolve: (leader: ReplicaId) => void;
  readonly reject: (error: ClusterError) => void;
  readonly cancel: () => void;
}

/**
 * Hands a group's leadership to another replica and waits until somebody else leads. The core gives the target one election
 * timeout and then goes on leading: it is asked again until the caller's time is up.
 */
export class HandOver {
  readonly #group: RaftGroup;
  readonly #clock: Clock;
  readonly #isFit: (replica: ReplicaId) => boolean;
  readonly #waiting = new Set<Waiting>();

  /** Of its own accord it hands over only to a replica that is fit to lead. */
  constructor(group: RaftGroup, clock: Clock, isFit: (replica: ReplicaId) => boolean) {
    this.#group = group;
    this.#clock = clock;
    this.#isFit = isFit;
  }

  /** `to` undefined: whoever is best. Resolves with the replica that leads; call it on a leader. */
  begin(to: ReplicaId | undefined, timeoutMs: number): Promise<ReplicaId> {
    const status = this.#group.status();
    const target = findTarget(status, to, this.#isFit);
    if (target instanceof ClusterError) return Promise.reject(target);
    this.#group.transferLeader(target);
    return new Promise((resolve, reject) => {
      const cancel = this.#clock.after(timeoutMs, () => {
        this.#waiting.delete(waiting);
        reject(new ClusterError("deadline-exceeded", "no other replica took over in time"));
      });
      const waiting = { to: target, resolve, reject, cancel };
      this.#waiting.add(waiting);
    });
  }

  /** Call it at every tick of the group. */
  tick(): void {
    if (this.#waiting.size === 0) return;
    const { role, transferee } = this.#group.status();
    if (role !== "leader" || transferee !== NONE) return;
    for (const { to } of this.#waiting) this.#group.transferLeader(to);
  }

  get isUnderWay(): boolean {
    return this.#waiting.size > 0;
  }

  roleChanged({ role, leader }: SoftState): void {
    if (role === "leader" || leader === NONE) return;
    for (const { resolve, cancel } of this.#waiting) {
      cancel();
      resolve(leader);
    }
    this.#waiting.clear();
  }
}

/** The one that was named if it can lead soon, else the one with the most of the log among those that answer. */
function findTarget(
  status: RaftStatus,
  to: ReplicaId | undefined,
  isFit: (replica: ReplicaId) => boolean,
): ReplicaId | ClusterError {
  const able = status.followers.filter(
    ({ id, isLearner, match }) =>
      id !== status.id && !isLearner && status.lastIndex - match <= TARGET_LAG_MAX,
  );
  const [best] = able
    .filter(({ id }) => isFit(id))
    .sort((x, y) => Number(y.recentActive) - Number(x.recentActive) || y.match - x.match);
  const target = to === undefined ? best : able.find(({ id }) => id === to);
  return (
    target?.id ??
    new ClusterError(
      "failed-precondition",
      to === undefined
        ? "no other replica is ready to lead"
        : "that replica cannot lead: it is a learner, or is far behind",
    )
  );
}
