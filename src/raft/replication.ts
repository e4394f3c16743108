import { payloadBytes } from "./entry-size.js";
import type { Progress } from "./progress.js";
import { collectPostponedReads } from "./read-index.js";
import type { Replica } from "./replica.js";
import type { Entry, ProposedEntry, ReplicaId } from "./types.js";

/** Appends to the leader's own log; the acknowledgement to itself follows when they are durable. False if the log is full. */
export function tryAppendOwn(replica: Replica, proposed: readonly ProposedEntry[]): boolean {
  const bytes = payloadBytes(proposed);
  const held = replica.uncommittedBytes;
  // Something always fits into an empty tail, and an empty entry into any: elections and leaving a joint configuration
  // must not depend on room.
  if (held > 0 && bytes > 0 && held + bytes > replica.settings.maxUncommittedBytes) return false;
  replica.uncommittedBytes = held + bytes;

  const entries: Entry[] = [];
  let index = replica.log.lastIndex;
  for (const { kind, data } of proposed) {
    index += 1;
    entries.push({ term: replica.term, index, kind, data });
  }
  replica.log.append(entries);
  replica.send({
    kind: "append-response",
    from: replica.id,
    to: replica.id,
    term: replica.term,
    index,
    reject: false,
    hintIndex: 0,
    hintTerm: 0,
  });
  return true;
}

/** Sends each follower what it can be sent now, or else an empty append with the commit index. */
export function broadcastAppend(replica: Replica): void {
  for (const id of replica.tracker.members) {
    if (id !== replica.id) sendAppend(replica, id);
  }
}

export function sendAppend(replica: Replica, to: ReplicaId): void {
  trySendAppend(replica, to, true);
}

/** As many messages as the follower's window takes. */
export function sendAppends(replica: Replica, to: ReplicaId): void {
  while (trySendAppend(replica, to, false));
}

/** One append, or a snapshot where the log no longer reaches back far enough. False if nothing was sent. */
function trySendAppend(replica: Replica, to: ReplicaId, evenIfEmpty: boolean): boolean {
  const progress = replica.tracker.find(to);
  if (progress === undefined || progress.isPaused || progress.fetching) return false;
  const prevIndex = progress.next - 1;
  const prevTerm = replica.log.findTerm(prevIndex);
  // An empty replica may have joined later: the log from its start would not tell it the first membership.
  const needsMembership = prevIndex === 0 && replica.log.applying.applied > 0;
  if (prevTerm === undefined || needsMembership) return trySendSnapshot(replica, to, progress);

  // Through a full window goes an empty append at most: if everything in flight was lost, its refusal is what empties it.
  const isThrottled = progress.state === "replicate" && progress.inflights.isFull;
  const entries = isThrottled
    ? []
    : replica.log.entriesFrom(progress.next, replica.settings.maxMessageBytes);
  if (entries === "compacted") return trySendSnapshot(replica, to, progress);
  if (entries === "fetching") {
    progress.fetching = true;
    return false;
  }
  if (entries.length === 0 && !evenIfEmpty) return false;

  replica.send({
    kind: "append",
    from: replica.id,
    to,
    term: replica.term,
    prevIndex,
    prevTerm,
    entries,
    commit: replica.log.commit,
  });
  progress.sentEntries(entries.length, payloadBytes(entries));
  progress.sentCommit(replica.log.commit);
  return true;
}

function trySendSnapshot(replica: Replica, to: ReplicaId, progress: Progress): boolean {
  if (!progress.recentActive) return false;
  const snapshot = replica.log.findSnapshot();
  if (snapshot === undefined) return false;
  progress.becomeSnapshot(snapshot.meta.index);
  replica.send({ kind: "snapshot", from: replica.id, to, term: replica.term, snapshot });
  return true;
}

/**
 * Only an entry of the leader's own term is committed by counting; those before follow with it (Raft paper, 5.4.2 and
 * figure 8). True if the commit index moved.
 */
export function tryCommit(replica: Replica): boolean {
  const index = replica.tracker.quorumIndex();
  if (index <= replica.log.commit || !Number.isFinite(index)) return false;
  if (replica.log.findTerm(index) !== replica.term) return false;
  replica.log.commitTo(index);
  collectPostponedReads(replica);
  return true;
}

/** Retries what had to wait for entries that were not in memory. */
export function resumeFetched(replica: Replica): void {
  replica.log.entriesFetched();
  for (const id of replica.tracker.members) {
    const progress = replica.tracker.find(id);
    if (progress === undefined || !progress.fetching) continue;
    progress.fetching = false;
    if (replica.role === "leader") sendAppends(replica, id);
  }
}
