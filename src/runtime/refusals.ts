import { ClusterError, unreachable } from "../base/index.js";
import type { ShardNumber } from "../placement/index.js";
import type { Refusal, ReplicaId } from "../raft/index.js";

/** A command that got this for an answer was never proposed. */
export const NOT_APPLIED = { outcome: "not_applied" } as const;

const RETRY_AFTER_MS = 50;
const OVERLOADED_RETRY_AFTER_MS = 100;

export function notLeader(leaderNode: string): ClusterError {
  return leaderNode === ""
    ? new ClusterError("no-leader", "the shard has no leader just now", {
        ...NOT_APPLIED,
        retryAfterMs: RETRY_AFTER_MS,
      })
    : new ClusterError("not-leader", "another replica leads", { ...NOT_APPLIED, leaderNode });
}

export function stopping(): ClusterError {
  return new ClusterError("stopping", "this node is stopping: try another one", NOT_APPLIED);
}

export function overloaded(message: string): ClusterError {
  return new ClusterError("overloaded", message, {
    ...NOT_APPLIED,
    retryAfterMs: OVERLOADED_RETRY_AFTER_MS,
  });
}

export function diskFull(): ClusterError {
  return new ClusterError("disk-full", "the shard's disk is full: free space and try again", {
    ...NOT_APPLIED,
    retryAfterMs: 1000,
  });
}

export function diskSlow(): ClusterError {
  return new ClusterError("disk-slow", "the shard's disk does not answer just now: try again", {
    ...NOT_APPLIED,
    retryAfterMs: OVERLOADED_RETRY_AFTER_MS,
  });
}

export function entryTooLarge(bytes: number, bytesMax: number): ClusterError {
  const message = `a command may have ${bytesMax} bytes, this one has ${bytes}`;
  return new ClusterError("entry-too-large", message, NOT_APPLIED);
}

export function tooNew(): ClusterError {
  const message = "a command of a newer version than this node: upgrade the nodes first";
  return new ClusterError("unimplemented", message, NOT_APPLIED);
}

export function notYet(): ClusterError {
  const message =
    "not every replica of the shard knows this command yet: upgrade the nodes that are of an older version";
  return new ClusterError("unimplemented", message, NOT_APPLIED);
}

export function joinsAlready(shard: ShardNumber, replica: ReplicaId): ClusterError {
  const message = `this node joins shard ${shard} as replica ${replica} just now: try again`;
  return new ClusterError("failed-precondition", message);
}

/** A version may not go on with a log that may hold what it does not know. */
export function tooOld(level: number, known: number): ClusterError {
  const message =
    `the shard uses feature level ${level}, and this version knows ${known} at most: ` +
    "start the version that the other nodes run";
  return new ClusterError("failed-precondition", message);
}

/** What a refusal by the core means to whoever asked. */
export function refusalError(refusal: Refusal, nodeOf: (replica: number) => string): ClusterError {
  switch (refusal.reason) {
    case "not-leader":
      return notLeader(nodeOf(refusal.leader));
    case "log-full":
      return new ClusterError("log-full", "too much is waiting to be committed", {
        ...NOT_APPLIED,
        retryAfterMs: RETRY_AFTER_MS,
      });
    case "entry-too-large":
      return new ClusterError("entry-too-large", "the command is too large", NOT_APPLIED);
    case "transferring":
      return new ClusterError("transferring", "another replica is about to lead: try again", {
        ...NOT_APPLIED,
        retryAfterMs: RETRY_AFTER_MS,
      });
    case "conf-change-pending":
      return new ClusterError(
        "failed-precondition",
        "another change of the members is under way: try again when it is done",
        NOT_APPLIED,
      );
    case "conf-change-impossible":
      return new ClusterError(
        "failed-precondition",
        "the members cannot be changed so: look at who they are now",
        NOT_APPLIED,
      );
    case "no-leader":
    case "not-a-member":
    case "peer-not-found":
      return notLeader("");
    default:
      return unreachable(refusal);
  }
}
