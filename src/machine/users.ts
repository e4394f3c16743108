import type { Caller, Operation, User } from "../domain/index.js";
import { decide } from "../policy/index.js";
import { refuse, refuseNotFound } from "./draft.js";
import type { Draft, Outcome } from "./draft.js";
import { KEYS } from "./rows.js";
import { revokeAllBut } from "./sessions.js";
import { foldAscii } from "./text.js";

type RegisterUser = Extract<Operation, { kind: "register-user" }>;
type ChangePassword = Extract<Operation, { kind: "change-password" }>;

/** An id is never given again: the row of a user stays for ever. */
export function registerUser(draft: Draft, caller: Caller, operation: RegisterUser): Outcome {
  const { user: id, email, bootstrapHash } = operation;
  if (decide(caller, "auth.register", { kind: "user", user: id }).kind === "deny") {
    return refuse("permission-denied", "registering is not allowed");
  }
  if (draft.has(KEYS.user(id))) return refuse("already-exists", `users/${id} is taken`);
  const emailKey = KEYS.emailOwner(foldAscii(email));
  if (email !== "" && draft.has(emailKey)) {
    return refuse("already-exists", "a user with this e-mail address exists");
  }
  if (bootstrapHash !== "" && draft.has(KEYS.bootstrapUse)) {
    return refuse("failed-precondition", "the bootstrap credential was used before");
  }
  const user: User = {
    id,
    uid: operation.uid,
    displayName: operation.displayName,
    email,
    timeZone: operation.timeZone,
    state: "active",
    clusterRoles: bootstrapHash === "" ? [] : ["admin"],
    createTimeMs: draft.nowMs,
    updateTimeMs: draft.nowMs,
    revision: draft.nextRevision,
  };
  draft.put(draft.rows.user, KEYS.user(id), user);
  draft.put(draft.rows.credentials, KEYS.credentials(id), {
    user: id,
    passwordHash: operation.passwordHash,
  });
  if (email !== "") draft.put(draft.rows.emailOwner, emailKey, { user: id });
  if (bootstrapHash !== "") {
    const use = { user: id, hash: bootstrapHash, timeMs: draft.nowMs };
    draft.put(draft.rows.bootstrapUse, KEYS.bootstrapUse, use);
  }
  const name = `users/${id}`;
  const resource = { kind: "user", user } as const;
  draft.change({ kind: "created", channel: name, audience: [], resourceName: name, resource });
  return { kind: "done", name, revision: user.revision, resource };
}

/** A secret has no change: nobody has to hear of it. */
export function changePassword(draft: Draft, caller: Caller, operation: ChangePassword): Outcome {
  const { user, passwordHash, keepSession } = operation;
  const name = `users/${user}`;
  if (decide(caller, "user.change-password", { kind: "user", user }).kind === "deny") {
    return refuseNotFound(name);
  }
  const found = draft.find(draft.rows.user, KEYS.user(user));
  if (found?.state !== "active") return refuseNotFound(name);
  draft.put(draft.rows.credentials, KEYS.credentials(user), { user, passwordHash });
  revokeAllBut(draft, user, keepSession);
  return { kind: "done", name, revision: found.revision };
}
