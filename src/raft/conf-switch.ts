import type { ConfChange } from "./conf-change.js";
import type { ChangedMembership } from "./membership.js";
import { changeMembership, isVoter, toConfState } from "./membership.js";
import type { Replica } from "./replica.js";
import { broadcastAppend, sendAppends, tryCommit } from "./replication.js";
import { abortTransfer, becomeFollower } from "./roles.js";
import type { ConfState } from "./types.js";
import { NONE } from "./types.js";
import { assert } from "../base/index.js";

/** A change takes effect here, when its entry is applied, on every replica. */
export function applyConfChange(replica: Replica, change: ConfChange, index: number): ConfState {
  // A snapshot arrived while entries that it covers were on their way to the state machine.
  if (index <= replica.membershipFrom) return toConfState(replica.tracker.membership);
  const changed = changeMembership(replica.tracker.membership, change);
  assert(changed.kind === "changed", "a committed conf change is impossible");
  return switchMembership(replica, changed);
}

export function switchMembership(replica: Replica, change: ChangedMembership): ConfState {
  const { tracker } = replica;
  tracker.switchTo(change, replica.log.lastIndex);
  const confState = toConfState(tracker.membership);
  if (replica.role !== "leader") return confState;

  if (tracker.find(replica.id) === undefined || tracker.isLearner(replica.id)) {
    if (replica.settings.stepDownOnRemoval) becomeFollower(replica, replica.term, NONE);
    return confState;
  }
  // Fewer voters may mean that more is committed. Newcomers are probed at once either way.
  if (tryCommit(replica)) {
    broadcastAppend(replica);
  } else {
    for (const id of tracker.members) if (id !== replica.id) sendAppends(replica, id);
  }
  if (!isVoter(tracker.membership, replica.transferee)) abortTransfer(replica);
  return confState;
}
