import type { Replica } from "./replica.js";

/** Carries the newest round of reads that waits, so that answers to a lost heartbeat's successor count as well. */
export function broadcastHeartbeat(replica: Replica, readRound: number): void {
  for (const id of replica.tracker.members) {
    const progress = replica.tracker.find(id);
    if (id === replica.id || progress === undefined) continue;
    // A follower may hold entries of its own after what is known to match: it must not commit those.
    const commit = Math.min(progress.match, replica.log.commit);
    replica.send({
      kind: "heartbeat",
      from: replica.id,
      to: id,
      term: replica.term,
      commit,
      readRound,
    });
    progress.sentCommit(commit);
  }
}
