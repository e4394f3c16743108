import type { Caller, ClusterKeys, Operation } from "../domain/index.js";
import { decide } from "../policy/index.js";
import { refuse, refuseNotFound } from "./draft.js";
import type { Draft, Outcome } from "./draft.js";
import { KEYS } from "./rows.js";

type CreateClusterKeys = Extract<Operation, { kind: "create-cluster-keys" }>;
type RotateClusterKeys = Extract<Operation, { kind: "rotate-cluster-keys" }>;

/**
 * Longer than an access token lives, and than a door goes without asking for the keys: whoever reads them once in that time
 * knows every key that a valid token can be signed with.
 */
export const KEY_AGE_MIN_MS = 10 * 60_000;

/** Whoever comes first makes the keys of the cluster; everyone else reads them. */
export function createClusterKeys(
  draft: Draft,
  caller: Caller,
  operation: CreateClusterKeys,
): Outcome {
  if (decide(caller, "cluster-keys.create", { kind: "none" }).kind === "deny") {
    return refuse("permission-denied", "only the cluster makes its keys");
  }
  if (draft.has(KEYS.clusterKeys)) return refuse("already-exists", "cluster/keys exist: read them");
  const { current, next, audit, positionKey, positionKeyId } = operation.keys;
  return write(draft, {
    current: { ...current, sinceMs: draft.nowMs },
    next: { ...next, sinceMs: draft.nowMs },
    audit: { ...audit, sinceMs: draft.nowMs },
    positionKey,
    positionKeyId,
  });
}

/** The next key was known to everyone before it signs, and the one before is known until nothing that it signed holds. */
export function rotateClusterKeys(
  draft: Draft,
  caller: Caller,
  { expected, next }: RotateClusterKeys,
): Outcome {
  if (decide(caller, "cluster-keys.rotate", { kind: "none" }).kind === "deny") {
    return refuse("permission-denied", "only the cluster rotates its keys");
  }
  const keys = draft.find(draft.rows.clusterKeys, KEYS.clusterKeys);
  if (keys === undefined) return refuseNotFound("cluster/keys");
  if (keys.current.id !== expected) {
    return refuse("failed-precondition", "the keys were rotated meanwhile: read them again");
  }
  if (draft.nowMs - keys.next.sinceMs < KEY_AGE_MIN_MS) {
    return refuse("failed-precondition", "the keys were rotated less than 10 minutes ago: wait");
  }
  return write(draft, {
    ...keys,
    previous: { ...keys.current, sinceMs: draft.nowMs },
    current: { ...keys.next, sinceMs: draft.nowMs },
    next: { ...next, sinceMs: draft.nowMs },
  });
}

function write(draft: Draft, keys: ClusterKeys): Outcome {
  draft.put(draft.rows.clusterKeys, KEYS.clusterKeys, keys);
  return { kind: "done", name: "cluster/keys", revision: 0 };
}
