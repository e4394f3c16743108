import { applyConfChange } from "./conf-switch.js";
import type { LostPromise, RaftConfig } from "./config.js";
import type { ConfChange } from "./conf-change.js";
import { encodeConfChange } from "./conf-change.js";
import { tryReachPromised } from "./follower.js";
import { hearLostLog, hearSnapshotOutcome, hearUnreachable } from "./leader.js";
import {
  findConfChangeObstacle,
  refuse,
  refuseNotLeader,
  tryAutoLeave,
  tryProposeAsLeader,
} from "./proposals.js";
import { isAtLeast } from "./log.js";
import { hasCommittedInTerm } from "./read-index.js";
import { ReadyBuilder } from "./ready.js";
import { Replica } from "./replica.js";
import { resumeFetched } from "./replication.js";
import { becomeFollower } from "./roles.js";
import type { RaftStatus } from "./status.js";
import { statusOf } from "./status.js";
import type { StepOutcome } from "./step.js";
import { step } from "./step.js";
import { campaignNow, tick } from "./tick.js";
import type {
  Accepted,
  AppendDone,
  ConfState,
  LogView,
  Message,
  ProposedEntry,
  Ready,
  Refusal,
  ReplicaId,
} from "./types.js";
import { NONE } from "./types.js";
import { assert } from "../base/index.js";

/** Where proposed entries stand in the log. They are committed only if they still stand there when they are applied. */
export type Proposed = Accepted<{ readonly firstIndex: number; readonly term: number }>;

/**
 * One replica of one Raft group: events in, one Ready out, no I/O and no clock. The owner
 * 1. calls `tick` at a fixed interval and `step` with every message that arrives;
 * 2. while `hasReady`, takes one `ready` and sends its `messages` at once;
 * 3. writes each `append` in order and, when it is durable, first hands on its `responses` (those to this replica through
 *    `step`), then calls `appended(done)`; by then LogView shows the entries, or the snapshot's index as its preceding one;
 * 4. applies each `apply` in order, each conf change through `applyConfChange`, then calls `applied` with its last index;
 * 5. forgets reads and proposals that wait when `softState` says that this replica no longer leads: nothing else reports
 *    their end.
 */
export class RaftGroup {
  readonly #replica: Replica;
  readonly #ready: ReadyBuilder;

  constructor(config: RaftConfig, log: LogView) {
    this.#replica = new Replica(config, log);
    this.#ready = new ReadyBuilder(this.#replica);
    becomeFollower(this.#replica, this.#replica.term, NONE);
  }

  /** One unit of time passed. */
  tick(): void {
    tick(this.#replica);
  }

  /** Campaigns as if the election timeout had passed. No effect on a leader or a replica that must not lead. */
  campaign(): void {
    campaignNow(this.#replica);
  }

  /** Appends entries at the leader, all or nothing. `data` is kept by reference. */
  propose(data: readonly Uint8Array[]): Proposed | Refusal {
    assert(data.length > 0, "a proposal needs an entry");
    return this.#propose(data.map((bytes) => ({ kind: "normal", data: bytes })));
  }

  /**
   * Refused while another change is not applied, and before this leader has committed an entry of its own term.
   * `LEAVE_JOINT` leaves a joint configuration.
   */
  proposeConfChange(change: ConfChange): Proposed | Refusal {
    const replica = this.#replica;
    const entry: ProposedEntry = { kind: "conf-change-v2", data: encodeConfChange(change) };
    if (replica.role === "leader") {
      if (!hasCommittedInTerm(replica)) return refuse("conf-change-pending");
      const obstacle = findConfChangeObstacle(replica, entry, replica.pendingConfIndex);
      if (obstacle !== undefined) return obstacle;
    }
    return this.#propose([entry]);
  }

  /**
   * A message of a peer, or one of an AppendWork's `responses` to this replica. The outcome is for logs: whatever a message
   * holds, it has no effect but what the protocol gives it.
   */
  step(message: Message): StepOutcome {
    return step(this.#replica, message);
  }

  hasReady(): boolean {
    return this.#ready.hasReady();
  }

  ready(): Ready {
    return this.#ready.take();
  }

  /** Only with asyncStorageWrites false: everything in the last Ready is durable, sent and applied. */
  advance(): void {
    const carried = this.#ready.takeCarried();
    if (carried === undefined) return;
    for (const message of carried.acknowledgements) this.step(message);
    if (carried.done !== undefined) this.appended(carried.done);
    if (carried.applied > 0) this.applied(carried.applied);
  }

  /** An append is durable, and so are all before it. */
  appended(done: AppendDone): void {
    const replica = this.#replica;
    if (done.term === replica.term && done.lastIndex > 0) {
      replica.log.unstable.stableTo({ index: done.lastIndex, term: done.lastTerm });
    }
    if (done.snapshot !== undefined) {
      // Committed state is valid in any term.
      const { index } = done.snapshot;
      replica.log.unstable.snapshotStable(index);
      replica.log.applying.skipTo(index);
      tryAutoLeave(replica);
    }
    tryReachPromised(replica);
  }

  /** Everything up to `index` was applied. */
  applied(index: number): void {
    const replica = this.#replica;
    const payload = replica.log.applying.applyTo(index);
    replica.uncommittedBytes = Math.max(0, replica.uncommittedBytes - payload);
    tryAutoLeave(replica);
  }

  /**
   * The membership from now on; call it for each committed conf change, in order, before `applied`. `index` is the entry's:
   * a change that a snapshot brought meanwhile has no effect again.
   */
  applyConfChange(change: ConfChange, index = Infinity): ConfState {
    return applyConfChange(this.#replica, change, index);
  }

  /**
   * Asks for a linearizable read: a ReadState with this context follows, unless leadership changes or, on a follower, the
   * question or its answer is lost. Contexts must never repeat on one replica, not even after a restart.
   */
  readIndex(context: number): { readonly kind: "accepted" } | Refusal {
    const { id, role, leader } = this.#replica;
    if (role !== "leader" && leader === NONE) return refuseNotLeader(NONE);
    this.step({ kind: "read-index", from: id, to: leader, term: 0, context });
    return { kind: "accepted" };
  }

  /** Starts to hand leadership over; on a follower, asks the leader to. `softState` tells the outcome. */
  transferLeader(to: ReplicaId): { readonly kind: "accepted" } | Refusal {
    const { leader, role, tracker } = this.#replica;
    if (leader === NONE) return refuseNotLeader(NONE);
    if (role === "leader" && (tracker.find(to) === undefined || tracker.isLearner(to))) {
      return refuse("not-a-member");
    }
    this.step({ kind: "transfer-leader", from: to, to: leader, term: 0 });
    return { kind: "accepted" };
  }

  /** Gives up leadership without a successor, as a leader must whose log store no longer answers. */
  stepDown(): void {
    if (this.#replica.role !== "leader") return;
    becomeFollower(this.#replica, this.#replica.term, NONE);
  }

  /**
   * A follower that knows its leader to be gone no longer refuses candidates for its sake. The term, the vote and the
   * election timer stay.
   */
  forgetLeader(): void {
    const replica = this.#replica;
    // A lease counts on followers that remember.
    if (replica.role !== "follower" || replica.settings.readOnly === "lease-based") return;
    replica.leader = NONE;
  }

  /** A message to this peer may not have arrived. */
  reportUnreachable(id: ReplicaId): void {
    hearUnreachable(this.#replica, id);
  }

  /** The transfer of a snapshot ended; without this call a failed one is never repeated. */
  reportSnapshot(id: ReplicaId, isSent: boolean): void {
    hearSnapshotOutcome(this.#replica, id, isSent);
  }

  /**
   * What the owner allows, from now on; both are allowed at first. A leader that may not lead becomes a follower at once:
   * whoever can still hand over does that before.
   */
  restrict(allowed: { readonly mayVote: boolean; readonly mayLead: boolean }): void {
    const replica = this.#replica;
    replica.mayVote = allowed.mayVote;
    replica.mayLead = allowed.mayLead;
    if (!allowed.mayVote || !allowed.mayLead) stopLeading(replica);
  }

  /**
   * It turned out that this store lost what it promised: see RaftConfig.mustReach. What was known before stays. Without
   * `promised`, the vote of this term is taken for given.
   */
  losePromise(lost: LostPromise): void {
    const replica = this.#replica;
    replica.mustReach = joinLost(replica.mustReach, lost);
    replica.confirmed = { index: 0, term: 0 };
    stopLeading(replica);
    if (lost.promised !== undefined) return;
    // Whomever it voted for in that term, or in an earlier one: it votes for nobody else in them.
    if (lost.term > replica.term) becomeFollower(replica, lost.term, NONE);
    if (replica.vote === NONE) replica.vote = replica.id;
  }

  /** This peer's store lost entries that it had acknowledged: it is probed again from scratch. */
  reportLostLog(id: ReplicaId): void {
    hearLostLog(this.#replica, id);
  }

  /** Entries for which LogView said "fetching" are there now. */
  entriesFetched(): void {
    resumeFetched(this.#replica);
  }

  /** A conf change would be refused now since one may not be applied yet. */
  hasPendingConfChange(): boolean {
    const { pendingConfIndex, log } = this.#replica;
    return pendingConfIndex > log.applying.applied;
  }

  /** Term of the entry at an index, durable or not; undefined where the log has none. */
  findTerm(index: number): number | undefined {
    return this.#replica.log.findTerm(index);
  }

  get term(): number {
    return this.#replica.term;
  }

  status(): RaftStatus {
    return statusOf(this.#replica);
  }

  /** Until the next change of role; for scenarios that need a certain timeout. */
  overrideElectionTimeout(ticks: number): void {
    this.#replica.electionTimeout = ticks;
  }

  #propose(entries: readonly ProposedEntry[]): Proposed | Refusal {
    const replica = this.#replica;
    if (replica.role !== "leader") return refuseNotLeader(replica.leader);
    const firstIndex = replica.log.lastIndex + 1;
    const { term } = replica;
    return tryProposeAsLeader(replica, entries) ?? { kind: "accepted", firstIndex, term };
  }
}

function stopLeading(replica: Replica): void {
  if (replica.role !== "follower") becomeFollower(replica, replica.term, NONE);
}

function joinLost(before: LostPromise | undefined, lost: LostPromise): LostPromise {
  if (before === undefined) return lost;
  const index = Math.max(before.index, lost.index);
  const term = Math.max(before.term, lost.term);
  if (before.promised === undefined || lost.promised === undefined) return { index, term };
  const isLater = isAtLeast(lost.promised, before.promised);
  return { index, term, promised: isLater ? lost.promised : before.promised };
}
