import { broadcastHeartbeat } from "./heartbeat.js";
import type { ConfirmedRead, ReadRequest } from "./reads.js";
import type { Replica } from "./replica.js";
import type { ReplicaId } from "./types.js";
import { NONE } from "./types.js";

/** Forwarded reads that a leader keeps; more are dropped and asked for again. */
const READS_PENDING_MAX = 65_536;

/**
 * Linearizable reads without a log entry (Raft dissertation, 6.4): the commit index of now is enough, once a quorum has
 * confirmed after now that this leader is still the leader.
 */
export function requestRead(replica: Replica, read: ReadRequest): void {
  if (read.from !== replica.id && replica.reads.pending >= READS_PENDING_MAX) return;
  // Even the only voter has to wait: after a crash its stored commit index may be behind what it once answered with.
  if (hasCommittedInTerm(replica)) collect(replica, read);
  else replica.reads.postpone(read);
}

/** One exchange of heartbeats for all reads since the last one. */
export function startReadRound(replica: Replica): void {
  if (!replica.reads.hasCollected) return;
  const round = replica.reads.startRound();
  broadcastHeartbeat(replica, round);
  hearReadRound(replica, replica.id, round);
}

/** The first commit of the term tells a leader how far its predecessors got. */
export function collectPostponedReads(replica: Replica): void {
  for (const read of replica.reads.takePostponed()) collect(replica, read);
}

export function hearReadRound(replica: Replica, from: ReplicaId, round: number): void {
  const voters = replica.tracker.membership.voters;
  for (const read of replica.reads.answer(from, round, replica.id, voters)) {
    answerRead(replica, read);
  }
}

function collect(replica: Replica, read: ReadRequest): void {
  const isAlone = replica.tracker.isAlone() && replica.tracker.voters[0] === replica.id;
  if (isAlone || hasLease(replica)) {
    answerRead(replica, { ...read, index: replica.log.commit });
  } else {
    replica.reads.collect(read, replica.log.commit);
  }
}

/** A transferee may lead any moment, with the votes of those who still hear this leader. */
function hasLease(replica: Replica): boolean {
  return replica.settings.readOnly === "lease-based" && replica.transferee === NONE;
}

function answerRead(replica: Replica, read: ConfirmedRead): void {
  const { from, index, context } = read;
  if (from === replica.id) {
    replica.readStates.push({ index, context });
    return;
  }
  replica.send({
    kind: "read-index-response",
    from: replica.id,
    to: from,
    term: replica.term,
    index,
    context,
  });
}

/** From then on this leader knows everything that its predecessors committed. */
export function hasCommittedInTerm(replica: Replica): boolean {
  return replica.log.findTerm(replica.log.commit) === replica.term;
}
