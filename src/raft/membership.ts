import type { ConfChange, SingleChange } from "./conf-change.js";
import { findJoint, isLeaveJoint } from "./conf-change.js";
import type { JointVoters } from "./quorum.js";
import type { ConfState, ReplicaId } from "./types.js";
import { NONE } from "./types.js";
import { unreachable } from "../base/index.js";

/** Who is in the group. No replica is a voter of the incoming half and a learner; outgoing is empty unless joint. */
export interface Membership {
  readonly voters: JointVoters;
  readonly learners: ReadonlySet<ReplicaId>;
  /** Voters of the outgoing half that become learners when the joint configuration is left. */
  readonly learnersNext: ReadonlySet<ReplicaId>;
  readonly autoLeave: boolean;
}

export interface ChangedMembership {
  readonly kind: "changed";
  readonly membership: Membership;
  /** Replicas of which nothing is known yet: they are new, or were removed and added again. */
  readonly unknown: ReadonlySet<ReplicaId>;
}

export type MembershipChange =
  ChangedMembership | { readonly kind: "impossible"; readonly reason: string };

export const NO_MEMBERS: Membership = {
  voters: { incoming: new Set(), outgoing: new Set() },
  learners: new Set(),
  learnersNext: new Set(),
  autoLeave: false,
};

export function isJoint(membership: Membership): boolean {
  return membership.voters.outgoing.size > 0;
}

export function isVoter(membership: Membership, id: ReplicaId): boolean {
  return membership.voters.incoming.has(id) || membership.voters.outgoing.has(id);
}

/** Voters of both halves, ascending. */
export function votersOf(membership: Membership): ReplicaId[] {
  return ascending(new Set([...membership.voters.incoming, ...membership.voters.outgoing]));
}

/** Voters of both halves and learners, ascending. */
export function membersOf(membership: Membership): ReplicaId[] {
  const { incoming, outgoing } = membership.voters;
  return ascending(new Set([...incoming, ...outgoing, ...membership.learners]));
}

export function changeMembership(base: Membership, change: ConfChange): MembershipChange {
  if (isLeaveJoint(change)) return leaveJoint(base);
  const joint = findJoint(change);
  return joint === undefined
    ? changeSimply(base, change.changes)
    : enterJoint(base, joint.autoLeave, change.changes);
}

/** At most one voter may differ, so that majorities before and after share a replica (Raft dissertation, 4.1). */
export function changeSimply(base: Membership, changes: readonly SingleChange[]): MembershipChange {
  if (isJoint(base)) return impossible("can't apply simple config change in joint config");
  const draft = new Draft(base);
  draft.apply(changes);
  const before = base.voters.incoming;
  let changed = 0;
  for (const id of draft.incoming) if (!before.has(id)) changed += 1;
  for (const id of before) if (!draft.incoming.has(id)) changed += 1;
  if (draft.incoming.size > 0 && changed > 1) {
    return impossible("more than one voter changed without entering joint config");
  }
  return draft.finish();
}

/** Decisions need a majority of the voters before and of those after, until the joint configuration is left. */
export function enterJoint(
  base: Membership,
  autoLeave: boolean,
  changes: readonly SingleChange[],
): MembershipChange {
  if (isJoint(base)) return impossible("config is already joint");
  if (base.voters.incoming.size === 0) return impossible("can't make a zero-voter config joint");
  const draft = new Draft(base);
  for (const id of base.voters.incoming) draft.outgoing.add(id);
  draft.apply(changes);
  draft.autoLeave = autoLeave;
  return draft.finish();
}

export function leaveJoint(base: Membership): MembershipChange {
  if (!isJoint(base)) return impossible("can't leave a non-joint config");
  const membership: Membership = {
    voters: { incoming: base.voters.incoming, outgoing: new Set() },
    learners: new Set([...base.learners, ...base.learnersNext]),
    learnersNext: new Set(),
    autoLeave: false,
  };
  return { kind: "changed", membership, unknown: new Set() };
}

export function toConfState(membership: Membership): ConfState {
  return {
    voters: ascending(membership.voters.incoming),
    learners: ascending(membership.learners),
    votersOutgoing: ascending(membership.voters.outgoing),
    learnersNext: ascending(membership.learnersNext),
    autoLeave: membership.autoLeave,
  };
}

export function fromConfState(state: ConfState): Membership {
  return {
    voters: { incoming: new Set(state.voters), outgoing: new Set(state.votersOutgoing) },
    learners: new Set(state.learners),
    learnersNext: new Set(state.learnersNext),
    autoLeave: state.autoLeave,
  };
}

/** A membership under construction. */
class Draft {
  readonly incoming: Set<ReplicaId>;
  readonly outgoing: Set<ReplicaId>;
  autoLeave: boolean;
  readonly #learners: Set<ReplicaId>;
  readonly #learnersNext: Set<ReplicaId>;
  readonly #unknown = new Set<ReplicaId>();

  constructor(base: Membership) {
    this.incoming = new Set(base.voters.incoming);
    this.outgoing = new Set(base.voters.outgoing);
    this.#learners = new Set(base.learners);
    this.#learnersNext = new Set(base.learnersNext);
    this.autoLeave = base.autoLeave;
  }

  apply(changes: readonly SingleChange[]): void {
    for (const { kind, replica } of changes) {
      // Id 0 is how an owner blanks out a change that it decided not to make.
      if (replica === NONE) continue;
      switch (kind) {
        case "add-voter":
          this.#addVoter(replica);
          break;
        case "add-learner":
          this.#addLearner(replica);
          break;
        case "remove":
          this.#remove(replica);
          break;
        case "update":
          break;
        default:
          unreachable(kind);
      }
    }
  }

  finish(): MembershipChange {
    if (this.incoming.size === 0) return impossible("removed all voters");
    const membership: Membership = {
      voters: { incoming: this.incoming, outgoing: this.outgoing },
      learners: this.#learners,
      learnersNext: this.#learnersNext,
      autoLeave: this.autoLeave,
    };
    return { kind: "changed", membership, unknown: this.#unknown };
  }

  #isMember(id: ReplicaId): boolean {
    return this.incoming.has(id) || this.outgoing.has(id) || this.#learners.has(id);
  }

  #addVoter(id: ReplicaId): void {
    if (!this.#isMember(id)) this.#unknown.add(id);
    this.#learners.delete(id);
    this.#learnersNext.delete(id);
    this.incoming.add(id);
  }

  #addLearner(id: ReplicaId): void {
    if (!this.#isMember(id)) this.#unknown.add(id);
    this.incoming.delete(id);
    // Whoever still votes in the outgoing half can become a learner only when that half is gone.
    if (this.outgoing.has(id)) this.#learnersNext.add(id);
    else this.#learners.add(id);
  }

  #remove(id: ReplicaId): void {
    this.incoming.delete(id);
    this.#learners.delete(id);
    this.#learnersNext.delete(id);
    if (!this.outgoing.has(id)) this.#unknown.delete(id);
  }
}

function impossible(reason: string): MembershipChange {
  return { kind: "impossible", reason };
}

function ascending(ids: ReadonlySet<ReplicaId>): ReplicaId[] {
  return [...ids].sort((a, b) => a - b);
}
