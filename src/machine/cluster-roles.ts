import type { Caller, Operation } from "../domain/index.js";
import { decide } from "../policy/index.js";
import { refuse, refuseNotFound, refuseStale } from "./draft.js";
import type { Draft, Outcome } from "./draft.js";
import { formatEtag } from "./etag.js";
import { KEYS } from "./rows.js";
import { isActive, revokeAllBut } from "./sessions.js";
import { writeUser } from "./users.js";

type SetClusterRoles = Extract<Operation, { kind: "set-cluster-roles" }>;

const ALL_ROLES = ["admin", "operator", "auditor"] as const;

/** A role that is taken away is gone at once, for the tokens that name it end with their sessions. */
export function setClusterRoles(draft: Draft, caller: Caller, operation: SetClusterRoles): Outcome {
  const { user: id, etag } = operation;
  const name = `users/${id}`;
  if (decide(caller, "user.set-cluster-roles", { kind: "user", user: id }).kind === "deny") {
    return refuse("permission-denied", "only an administrator gives roles");
  }
  const before = draft.find(draft.rows.user, KEYS.user(id));
  if (!isActive(before)) return refuseNotFound(name);
  if (etag !== "" && etag !== formatEtag(before.revision)) return refuseStale(name);
  const clusterRoles = ALL_ROLES.filter((role) => operation.roles.includes(role));
  const taken = before.clusterRoles.filter((role) => !clusterRoles.includes(role));
  if (taken.includes("admin") && caller.kind === "user" && caller.user === id) {
    return refuse("failed-precondition", "another administrator has to take that role from you");
  }
  if (taken.length > 0) revokeAllBut(draft, id, "");
  return writeUser(draft, "updated", { ...before, clusterRoles });
}
