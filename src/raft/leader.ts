import type { Progress } from "./progress.js";
import { hearReadRound } from "./read-index.js";
import type { Replica } from "./replica.js";
import { broadcastAppend, sendAppend, sendAppends, tryCommit } from "./replication.js";
import { tryFinishTransfer } from "./transfer.js";
import type { Message, ReplicaId } from "./types.js";

type AppendResponse = Extract<Message, { kind: "append-response" }>;
type HeartbeatResponse = Extract<Message, { kind: "heartbeat-response" }>;

/** Also how the leader hears from its own log store. */
export function hearAppendResponse(replica: Replica, response: AppendResponse): void {
  const progress = replica.tracker.find(response.from);
  if (progress === undefined) return;
  progress.recentActive = true;
  if (response.reject) hearRefusal(replica, progress, response);
  else hearAcknowledgement(replica, progress, response);
}

export function hearHeartbeatResponse(replica: Replica, response: HeartbeatResponse): void {
  const progress = replica.tracker.find(response.from);
  if (progress === undefined) return;
  progress.recentActive = true;
  progress.flowPaused = false;
  // It is alive, so what it has not acknowledged may have been lost. A probe that was is repeated even if nothing is
  // missing: only its answer lets appends stream again.
  if (progress.match < replica.log.lastIndex || progress.state === "probe") {
    sendAppend(replica, response.from);
  }
  if (response.readRound > 0) hearReadRound(replica, response.from, response.readRound);
}

/** The transport failed to deliver something: what streams may have a hole. */
export function hearUnreachable(replica: Replica, id: ReplicaId): void {
  const progress = replica.tracker.find(id);
  if (replica.role === "leader" && progress?.state === "replicate") progress.becomeProbe();
}

export function hearSnapshotOutcome(replica: Replica, id: ReplicaId, isSent: boolean): void {
  const progress = replica.tracker.find(id);
  if (replica.role !== "leader" || progress?.state !== "snapshot") return;
  if (!isSent) progress.pendingSnapshot = 0;
  progress.becomeProbe();
  // The follower speaks next: it acknowledges the snapshot, or answers a heartbeat.
  progress.flowPaused = true;
}

/** The replica no longer holds what it acknowledged: find out from scratch what it has. */
export function hearLostLog(replica: Replica, id: ReplicaId): void {
  const progress = replica.tracker.find(id);
  if (replica.role !== "leader" || id === replica.id || progress === undefined) return;
  progress.forget(replica.log.lastIndex + 1);
  progress.recentActive = true;
  sendAppend(replica, id);
}

function hearRefusal(replica: Replica, progress: Progress, response: AppendResponse): void {
  let hint = response.hintIndex;
  if (response.hintTerm > 0) {
    // Skips a whole term of ours that cannot be in the follower's log, as the follower did with its own.
    hint = replica.log.findPossibleMatch(
      Math.min(hint, replica.log.lastIndex),
      response.hintTerm,
    ).index;
  }
  if (!progress.tryRetreat(response.index, hint)) return;
  if (progress.state === "replicate") progress.becomeProbe();
  sendAppend(replica, response.from);
}

function hearAcknowledgement(replica: Replica, progress: Progress, response: AppendResponse): void {
  const { from, index } = response;
  // Nobody can hold more of this term's log than its leader.
  if (index > replica.log.lastIndex) return;
  const isNews = progress.tryAdvance(index);
  if (!isNews && !(progress.match === index && progress.state === "probe")) return;
  openStream(replica, progress, index);

  if (tryCommit(replica)) broadcastAppend(replica);
  else if (from !== replica.id && progress.canLearnCommit(replica.log.commit)) {
    sendAppend(replica, from);
  }
  if (from !== replica.id) sendAppends(replica, from);
  if (from === replica.transferee) tryFinishTransfer(replica);
}

function openStream(replica: Replica, progress: Progress, index: number): void {
  switch (progress.state) {
    case "probe":
      progress.becomeReplicate();
      return;
    case "snapshot":
      // Wherever it got what it holds, a snapshot of this leader or not: the log can take over from there.
      if (progress.match + 1 < replica.log.firstIndex) return;
      progress.becomeProbe();
      progress.becomeReplicate();
      return;
    case "replicate":
      progress.inflights.freeTo(index);
  }
}
