import type { Caller, Operation, User, UserContent, UserField } from "../domain/index.js";
import { decide } from "../policy/index.js";
import { refuse, refuseNotFound, refuseStale } from "./draft.js";
import type { Draft, Outcome } from "./draft.js";
import { formatEtag } from "./etag.js";
import { gather } from "./gather.js";
import { KEYS, MARK } from "./rows.js";
import { isActive, revokeAllBut } from "./sessions.js";
import { compareNumbers, foldAscii } from "./text.js";

type RegisterUser = Extract<Operation, { kind: "register-user" }>;
type UpdateUser = Extract<Operation, { kind: "update-user" }>;
type SetUserStanding = Extract<Operation, { kind: "set-user-standing" }>;
type ChangePassword = Extract<Operation, { kind: "change-password" }>;

/** How long a deleted user can be had back, in log time. */
const PURGE_DELAY_MS = 30 * 86_400_000;
/** Ids that are looked at for one to propose. */
const PROPOSALS_MAX = 8;
const ID_CHARS_MAX = 63;

/** An id is never given again, not even when its user was purged. */
export function registerUser(draft: Draft, caller: Caller, operation: RegisterUser): Outcome {
  const { user: id, email, bootstrapHash } = operation;
  if (decide(caller, "auth.register", { kind: "user", user: id }).kind === "deny") {
    return refuse("permission-denied", "registering is not allowed");
  }
  if (isTaken(draft, id))
    return refuse("already-exists", `users/${id} is taken${proposal(draft, id)}`);
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
    defaultVisibility: "default",
    workingHours: [],
    createTimeMs: draft.nowMs,
    updateTimeMs: draft.nowMs,
    deleteTimeMs: 0,
    purgeTimeMs: 0,
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
  if (!isActive(found)) return refuseNotFound(name);
  draft.put(draft.rows.credentials, KEYS.credentials(user), { user, passwordHash });
  revokeAllBut(draft, user, keepSession);
  return { kind: "done", name, revision: found.revision };
}

export function updateUser(draft: Draft, caller: Caller, operation: UpdateUser): Outcome {
  const { user: id, content, fields, etag } = operation;
  const name = `users/${id}`;
  if (decide(caller, "user.update", { kind: "user", user: id }).kind === "deny") {
    return refuseNotFound(name);
  }
  const before = draft.find(draft.rows.user, KEYS.user(id));
  if (!isActive(before)) return refuseNotFound(name);
  if (etag !== "" && etag !== formatEtag(before.revision)) return refuseStale(name);
  const next = withFields(before, content, fields);
  const moved = moveEmail(draft, before, next);
  if (moved !== undefined) return moved;
  if (fields.includes("defaultVisibility")) {
    const visibility = next.defaultVisibility;
    draft.postTo("calendars", id, { kind: "default-visibility", user: id, visibility });
  }
  return writeUser(draft, "updated", next);
}

/** Whoever may not act any more has no session either. */
export function setUserStanding(draft: Draft, caller: Caller, operation: SetUserStanding): Outcome {
  const { user: id, act, etag } = operation;
  const name = `users/${id}`;
  const decision = decide(caller, `user.${act}`, { kind: "user", user: id });
  if (decision.kind === "deny") {
    return decision.as === "not-found"
      ? refuseNotFound(name)
      : refuse("permission-denied", `only an administrator may ${act} a user`);
  }
  const before = draft.find(draft.rows.user, KEYS.user(id));
  if (before === undefined) return refuseNotFound(name);
  const isDeleted = before.deleteTimeMs !== 0;
  if (isDeleted !== (act === "undelete")) {
    return isDeleted
      ? refuseNotFound(name)
      : refuse("failed-precondition", `${name} is not deleted`);
  }
  if (etag !== "" && etag !== formatEtag(before.revision)) return refuseStale(name);
  switch (act) {
    case "disable":
      revokeAllBut(draft, id, "");
      draft.postTo("groups", "", { kind: "user-gone", user: id });
      return writeUser(draft, "updated", { ...before, state: "disabled" });
    case "enable":
      return writeUser(draft, "updated", { ...before, state: "active" });
    case "delete": {
      revokeAllBut(draft, id, "");
      draft.postTo("groups", "", { kind: "user-gone", user: id });
      const purgeTimeMs = draft.nowMs + PURGE_DELAY_MS;
      const keys = [KEYS.credentials(id), KEYS.subscriptions(id)];
      if (before.email !== "") keys.push(KEYS.emailOwner(foldAscii(before.email)));
      draft.put(draft.rows.expiry, KEYS.userPurge(purgeTimeMs, id), { keys, bytes: 0 });
      draft.putBytes(KEYS.takenUser(id), MARK);
      return writeUser(draft, "deleted", { ...before, deleteTimeMs: draft.nowMs, purgeTimeMs });
    }
    case "undelete":
      draft.delete(KEYS.userPurge(before.purgeTimeMs, id));
      return writeUser(draft, "updated", { ...before, deleteTimeMs: 0, purgeTimeMs: 0 });
  }
}

export function writeUser(draft: Draft, kind: "updated" | "deleted", next: User): Outcome {
  const user = { ...next, updateTimeMs: draft.nowMs, revision: draft.nextRevision };
  const name = `users/${user.id}`;
  const resource = { kind: "user", user } as const;
  draft.put(draft.rows.user, KEYS.user(user.id), user);
  draft.change({ kind, channel: name, audience: [], resourceName: name, resource });
  return { kind: "done", name, revision: user.revision, resource };
}

function withFields(before: User, content: UserContent, fields: readonly UserField[]): User {
  const pick = <Field extends UserField>(field: Field): UserContent[Field] =>
    (fields.includes(field) ? content : before)[field];
  return {
    ...before,
    displayName: pick("displayName"),
    email: pick("email"),
    timeZone: pick("timeZone"),
    defaultVisibility: pick("defaultVisibility"),
    workingHours: [...pick("workingHours")].sort(
      (a, b) =>
        compareNumbers(a.weekday, b.weekday) || compareNumbers(a.startMinute, b.startMinute),
    ),
  };
}

/** An address is one user's: the old one is free, the new one must be. */
function moveEmail(draft: Draft, before: User, next: User): Outcome | undefined {
  const [from, to] = [foldAscii(before.email), foldAscii(next.email)];
  if (from === to) return undefined;
  if (to !== "") {
    const key = KEYS.emailOwner(to);
    if (draft.has(key)) return refuse("already-exists", "a user with this e-mail address exists");
    draft.put(draft.rows.emailOwner, key, { user: next.id });
  }
  if (from !== "") draft.delete(KEYS.emailOwner(from));
  return undefined;
}

function isTaken(draft: Draft, id: string): boolean {
  return draft.has(KEYS.user(id)) || draft.has(KEYS.takenUser(id));
}

/** A free id that resembles one that is taken. */
function proposal(draft: Draft, id: string): string {
  const candidates = Array.from({ length: PROPOSALS_MAX }, (_, i) => {
    const tail = `-${i + 2}`;
    return `${id.slice(0, ID_CHARS_MAX - tail.length)}${tail}`;
  });
  const keys = candidates.flatMap((candidate) => [KEYS.user(candidate), KEYS.takenUser(candidate)]);
  gather(draft.view, { keys, ranges: [] });
  const free = candidates.find((candidate) => !isTaken(draft, candidate));
  return free === undefined ? "" : `: users/${free} is free`;
}
