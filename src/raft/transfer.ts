import type { Replica } from "./replica.js";
import { sendAppend } from "./replication.js";
import { abortTransfer } from "./roles.js";
import type { ReplicaId } from "./types.js";
import { NONE } from "./types.js";

/**
 * Hands leadership over (Raft dissertation, 3.10): no proposals are taken until the transferee has the whole log and was
 * told to campaign; after one election timeout this leader goes on.
 */
export function startTransfer(replica: Replica, to: ReplicaId): void {
  if (replica.tracker.find(to) === undefined || replica.tracker.isLearner(to)) return;
  if (replica.transferee === to) return;
  abortTransfer(replica);
  if (to === replica.id) return;
  replica.electionElapsed = 0;
  replica.transferee = to;
  if (!tryFinishTransfer(replica)) sendAppend(replica, to);
}

/** Tells the transferee to campaign once it has the whole log. */
export function tryFinishTransfer(replica: Replica): boolean {
  const to = replica.transferee;
  const progress = to === NONE ? undefined : replica.tracker.find(to);
  if (progress?.match !== replica.log.lastIndex) return false;
  replica.send({ kind: "timeout-now", from: replica.id, to, term: replica.term });
  return true;
}
