import { switchMembership } from "./conf-switch.js";
import { fromConfState, membersOf } from "./membership.js";
import type { Replica } from "./replica.js";
import { becomeFollower } from "./roles.js";
import type { Message, ReplicaId, Snapshot } from "./types.js";
import { NONE } from "./types.js";

type Append = Extract<Message, { kind: "append" }>;
type Heartbeat = Extract<Message, { kind: "heartbeat" }>;
type SnapshotMessage = Extract<Message, { kind: "snapshot" }>;

export function hearAppend(replica: Replica, message: Append): void {
  const { log } = replica;
  const prev = { index: message.prevIndex, term: message.prevTerm };
  if (prev.index < log.commit) {
    confirmLog(replica, log.commit);
    acknowledge(replica, message.from, log.commit);
    return;
  }
  const appended = log.tryAppend(prev, message.entries);
  if (appended !== undefined) {
    if (appended.cutFrom !== undefined) replica.withdraw(appended.cutFrom);
    log.commitTo(Math.min(message.commit, appended.lastIndex));
    confirmLog(replica, appended.lastIndex);
    acknowledge(replica, message.from, appended.lastIndex);
    return;
  }
  const hint = log.findPossibleMatch(Math.min(prev.index, log.lastIndex), prev.term);
  replica.send({
    kind: "append-response",
    from: replica.id,
    to: message.from,
    term: replica.term,
    index: prev.index,
    reject: true,
    hintIndex: hint.index,
    hintTerm: hint.term,
  });
}

export function hearHeartbeat(replica: Replica, message: Heartbeat): void {
  // The leader bounds the commit index by what this replica acknowledged. A store that lost entries holds less, and
  // possibly others: only an append that matches may commit anything then.
  if (replica.mustReach === undefined && message.commit <= replica.log.lastIndex) {
    replica.log.commitTo(message.commit);
  }
  replica.send({
    kind: "heartbeat-response",
    from: replica.id,
    to: message.from,
    term: replica.term,
    readRound: message.readRound,
  });
}

export function hearSnapshot(replica: Replica, message: SnapshotMessage): void {
  const isRestored = tryRestore(replica, message.snapshot);
  if (isRestored) confirmLog(replica, message.snapshot.meta.index);
  const index = isRestored ? replica.log.lastIndex : replica.log.commit;
  acknowledge(replica, message.from, index);
}

/** The log store made something durable, or a leader confirmed something that was: see RaftConfig.mustReach. */
export function tryReachPromised(replica: Replica): void {
  const { mustReach, confirmed } = replica;
  if (mustReach === undefined || confirmed.term !== replica.term) return;
  if (Math.min(confirmed.index, replica.log.stableIndex) < mustReach.index) return;
  replica.mustReach = undefined;
}

/** `index` is part of the log of this term's leader, and so is everything before it. */
function confirmLog(replica: Replica, index: number): void {
  const { mustReach, term, confirmed } = replica;
  if (mustReach === undefined || term < mustReach.term) return;
  const before = confirmed.term === term ? confirmed.index : 0;
  replica.confirmed = { index: Math.max(before, index), term };
  tryReachPromised(replica);
}

function acknowledge(replica: Replica, to: ReplicaId, index: number): void {
  replica.send({
    kind: "append-response",
    from: replica.id,
    to,
    term: replica.term,
    index,
    reject: false,
    hintIndex: 0,
    hintTerm: 0,
  });
}

/** False if the snapshot brings nothing that the log does not hold. */
function tryRestore(replica: Replica, snapshot: Snapshot): boolean {
  const { index, term, confState } = snapshot.meta;
  if (index <= replica.log.commit) return false;
  if (replica.role !== "follower") {
    becomeFollower(replica, replica.term + 1, NONE);
    return false;
  }
  const membership = fromConfState(confState);
  const members = membersOf(membership);
  if (!members.includes(replica.id)) return false;
  if (replica.log.holds({ index, term })) {
    replica.log.commitTo(index);
    return false;
  }
  replica.log.restore(snapshot);
  replica.membershipFrom = index;
  switchMembership(replica, { kind: "changed", membership, unknown: new Set(members) });
  return true;
}
