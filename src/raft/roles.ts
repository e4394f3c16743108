import type { Replica } from "./replica.js";
import { tryAppendOwn } from "./replication.js";
import type { ReplicaId } from "./types.js";
import { NONE } from "./types.js";
import { assert } from "../base/index.js";

export function becomeFollower(replica: Replica, term: number, leader: ReplicaId): void {
  reset(replica, term);
  replica.role = "follower";
  replica.leader = leader;
}

/** Neither the term nor the vote changes: a pre-candidate only asks. */
export function becomePreCandidate(replica: Replica): void {
  assert(replica.role !== "leader", "a leader cannot become a pre-candidate");
  replica.tracker.resetVotes();
  replica.role = "pre-candidate";
  replica.leader = NONE;
}

export function becomeCandidate(replica: Replica): void {
  assert(replica.role !== "leader", "a leader cannot become a candidate");
  reset(replica, replica.term + 1);
  replica.role = "candidate";
  replica.vote = replica.id;
}

/** Appends an empty entry: committing it commits what former leaders left (Raft paper, section 8). */
export function becomeLeader(replica: Replica): void {
  assert(replica.role !== "follower", "a follower cannot become a leader without an election");
  reset(replica, replica.term);
  replica.role = "leader";
  replica.leader = replica.id;
  const progress = replica.tracker.find(replica.id);
  assert(progress !== undefined, "a leader must be a member");
  progress.becomeReplicate();
  progress.recentActive = true;
  // A conf change may be among the entries of former terms: until they are applied, no other is taken.
  replica.pendingConfIndex = replica.log.lastIndex;
  const isAppended = tryAppendOwn(replica, [{ kind: "normal", data: new Uint8Array(0) }]);
  assert(isAppended, "a new leader's empty entry was refused");
}

/** Whoever leads gives up the hand-over it was in. */
export function abortTransfer(replica: Replica): void {
  replica.transferee = NONE;
}

function reset(replica: Replica, term: number): void {
  if (replica.term !== term) {
    replica.term = term;
    replica.vote = NONE;
  }
  replica.leader = NONE;
  replica.electionElapsed = 0;
  replica.heartbeatElapsed = 0;
  replica.drawElectionTimeout();
  abortTransfer(replica);
  replica.tracker.resetVotes();
  const lastIndex = replica.log.lastIndex;
  for (const id of replica.tracker.members) {
    const progress = replica.tracker.find(id);
    progress?.forget(lastIndex + 1);
    if (id === replica.id && progress !== undefined) progress.match = lastIndex;
  }
  replica.pendingConfIndex = 0;
  replica.uncommittedBytes = 0;
  replica.reads.reset();
}
