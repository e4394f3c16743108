import { findConfChange } from "./conf-change.js";
import { changeMembership, isJoint } from "./membership.js";
import type { Replica } from "./replica.js";
import { broadcastAppend, tryAppendOwn } from "./replication.js";
import type { ProposedEntry, Refusal, ReplicaId } from "./types.js";
import { NONE } from "./types.js";

const EMPTY_ENTRY: ProposedEntry = { kind: "normal", data: new Uint8Array(0) };

/** Appends all or nothing and sends it on. A conf change that cannot be taken now becomes an empty entry in its place. */
export function tryProposeAsLeader(
  replica: Replica,
  proposed: readonly ProposedEntry[],
): Refusal | undefined {
  if (replica.tracker.find(replica.id) === undefined) return refuse("not-a-member");
  if (replica.transferee !== NONE) return refuse("transferring");
  for (const { data } of proposed) {
    if (data.length > replica.settings.maxEntryBytes) return refuse("entry-too-large");
  }

  let pending = replica.pendingConfIndex;
  let index = replica.log.lastIndex;
  let entries = proposed;
  if (proposed.some((entry) => entry.kind !== "normal")) {
    entries = proposed.map((entry) => {
      index += 1;
      if (entry.kind === "normal") return entry;
      if (findConfChangeObstacle(replica, entry, pending) !== undefined) return EMPTY_ENTRY;
      pending = index;
      return entry;
    });
  }
  if (!tryAppendOwn(replica, entries)) return refuse("log-full");
  replica.pendingConfIndex = pending;
  broadcastAppend(replica);
  return undefined;
}

/** Why this leader would not append the change now. `pending` is the index of the newest that may be unapplied. */
export function findConfChangeObstacle(
  replica: Replica,
  entry: ProposedEntry,
  pending: number,
): Refusal | undefined {
  if (replica.settings.disableConfChangeValidation) return undefined;
  if (pending > replica.log.applying.applied) return refuse("conf-change-pending");
  const change = findConfChange(entry.data);
  if (change === undefined) return refuse("conf-change-impossible");
  const { membership } = replica.tracker;
  const wantsLeave = change.changes.length === 0;
  if (isJoint(membership) && !wantsLeave) return refuse("conf-change-pending");
  if (!isJoint(membership) && wantsLeave) return refuse("conf-change-impossible");
  // Nothing else can change the membership before this entry is applied, so it can be judged now.
  const isPossible = changeMembership(membership, change).kind === "changed";
  return isPossible ? undefined : refuse("conf-change-impossible");
}

/** Leaves a joint configuration that was entered to be left on its own. Repeated after each apply until it worked. */
export function tryAutoLeave(replica: Replica): void {
  const isDue =
    replica.role === "leader" &&
    replica.tracker.membership.autoLeave &&
    replica.log.applying.applied >= replica.pendingConfIndex;
  if (isDue) {
    tryProposeAsLeader(replica, [{ kind: "conf-change-v2", data: new Uint8Array(0) }]);
  }
}

/** What a replica that does not lead says to a proposal or read. */
export function refuseNotLeader(leader: ReplicaId): Refusal {
  return leader === NONE ? refuse("no-leader") : { kind: "refused", reason: "not-leader", leader };
}

export function refuse(reason: Exclude<Refusal["reason"], "not-leader">): Refusal {
  return { kind: "refused", reason };
}
