import type { Caller, Operation } from "../domain/index.js";
import { decide } from "../policy/index.js";
import { refuse } from "./draft.js";
import type { Draft, Outcome } from "./draft.js";
import { KEYS } from "./rows.js";

type CreateClusterKeys = Extract<Operation, { kind: "create-cluster-keys" }>;

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
  draft.put(draft.rows.clusterKeys, KEYS.clusterKeys, operation.keys);
  return { kind: "done", name: "cluster/keys", revision: 0 };
}
