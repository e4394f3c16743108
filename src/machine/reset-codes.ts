import type { Caller, Operation } from "../domain/index.js";
import { decide } from "../policy/index.js";
import { refuse, refuseNotFound } from "./draft.js";
import type { Draft, Outcome } from "./draft.js";
import { KEYS } from "./rows.js";
import { isActive, revokeAllBut } from "./sessions.js";

type IssueResetCode = Extract<Operation, { kind: "issue-reset-code" }>;
type ResetPassword = Extract<Operation, { kind: "reset-password" }>;

/** A user has one code at a time. */
export function issueResetCode(draft: Draft, caller: Caller, operation: IssueResetCode): Outcome {
  const { user, codeHash, lifetimeMs } = operation;
  const name = `users/${user}`;
  if (decide(caller, "user.issue-reset-code", { kind: "user", user }).kind === "deny") {
    return refuse("permission-denied", "only an operator gives codes");
  }
  if (!isActive(draft.find(draft.rows.user, KEYS.user(user)))) return refuseNotFound(name);
  const row = { user, hash: codeHash, expireMs: draft.nowMs + lifetimeMs };
  draft.put(draft.rows.resetCode, KEYS.resetCode(user), row);
  return { kind: "done", name, revision: 0 };
}

/** Whoever has the code is the user: the code is void, and so is every session of whoever had the old password. */
export function resetPassword(draft: Draft, caller: Caller, operation: ResetPassword): Outcome {
  const { user, codeHash, passwordHash } = operation;
  if (decide(caller, "auth.reset-password", { kind: "user", user }).kind === "deny") {
    return refuse("permission-denied", "resetting passwords is not allowed");
  }
  const found = draft.find(draft.rows.user, KEYS.user(user));
  const code = draft.find(draft.rows.resetCode, KEYS.resetCode(user));
  const isGood = code !== undefined && code.hash === codeHash && draft.nowMs < code.expireMs;
  if (!isGood || !isActive(found)) {
    return refuse(
      "unauthenticated",
      "no user of this id has this code, or it was used or is too old",
    );
  }
  draft.delete(KEYS.resetCode(user));
  draft.put(draft.rows.credentials, KEYS.credentials(user), { user, passwordHash });
  revokeAllBut(draft, user, "");
  return { kind: "done", name: `users/${user}`, revision: found.revision };
}
