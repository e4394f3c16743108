import type { Caller, Group, Operation } from "../domain/index.js";
import { decide } from "../policy/index.js";
import type { Action } from "../policy/index.js";
import { refuse, refuseNotFound, refuseStale } from "./draft.js";
import type { Draft, Outcome, Refusal } from "./draft.js";
import { formatEtag } from "./etag.js";
import {
  closeGroup,
  ownMembers,
  putGroup,
  putMember,
  refuseFullUser,
  releaseBelow,
  subgroupRange,
} from "./group-rows.js";
import { gather } from "./gather.js";
import { ANCESTORS_MAX, findGroup, findOwnMember, lineOf } from "./membership.js";
import { KEYS, MARK } from "./rows.js";

type CreateGroup = Extract<Operation, { kind: "create-group" }>;
type UpdateGroup = Extract<Operation, { kind: "update-group" }>;
type SetGroupDeleted = Extract<Operation, { kind: "set-group-deleted" }>;

/** Groups below one, deleted ones included, that are looked at before it is deleted. */
const BELOW_LOOKED_MAX = 100;

/** Groups below one that is moved: they go with it. */
const MOVED_MAX = 200;

/** Of who founds a group: everyone else comes below. */
export const FOUNDER_RANK = 100;

/** An id is never given again, not even when its group was purged. */
export function createGroup(draft: Draft, caller: Caller, operation: CreateGroup): Outcome {
  const { group: id, uid, displayName, groupKind, parent } = operation;
  const decision = decide(caller, "group.create", { kind: "none" });
  if (caller.kind !== "user" || decision.kind === "deny") {
    return refuse("permission-denied", "only a user founds a group");
  }
  if (draft.has(KEYS.group(id)) || draft.has(KEYS.takenGroup(id))) {
    return refuse("already-exists", `groups/${id} is taken`);
  }
  const refusal = refuseFullUser(draft, caller.user) ?? refuseParent(draft, caller, id, parent);
  if (refusal !== undefined) return refusal;
  const group: Group = {
    id,
    uid,
    displayName,
    kind: groupKind,
    parent,
    createTimeMs: draft.nowMs,
    updateTimeMs: draft.nowMs,
    deleteTimeMs: 0,
    purgeTimeMs: 0,
    revision: draft.nextRevision,
  };
  if (parent !== "") draft.putBytes(KEYS.subgroup(parent, id), MARK);
  const outcome = putGroup(draft, "created", group, [caller.user]);
  const joinRevision = draft.nextRevision;
  putMember(draft, "created", {
    group: id,
    user: caller.user,
    role: "leader",
    rank: FOUNDER_RANK,
    createTimeMs: draft.nowMs,
    revision: joinRevision,
    joinRevision,
  });
  draft.put(draft.rows.memberCount, KEYS.memberCount(id), { members: 1 });
  return outcome;
}

export function updateGroup(draft: Draft, caller: Caller, operation: UpdateGroup): Outcome {
  const { group: id, displayName, parent, fields, etag } = operation;
  const before = requireGroup(draft, caller, "group.update", id);
  if (before.kind === "refused") return before;
  const { group } = before;
  if (etag !== "" && etag !== formatEtag(group.revision)) return refuseStale(`groups/${id}`);
  const moves = fields.includes("parent") && parent !== group.parent;
  if (moves) {
    const levels = levelsBelow(draft, id);
    if (levels === undefined) return refuseTooManyBelow(id);
    const refusal = refuseParent(draft, caller, id, parent, levels);
    if (refusal !== undefined) return refusal;
    if (group.parent !== "") draft.delete(KEYS.subgroup(group.parent, id));
    if (parent !== "") draft.putBytes(KEYS.subgroup(parent, id), MARK);
  }
  const next = {
    ...group,
    displayName: fields.includes("displayName") ? displayName : group.displayName,
    parent: moves ? parent : group.parent,
    updateTimeMs: draft.nowMs,
    revision: draft.nextRevision,
  };
  const outcome = putGroup(draft, "updated", next, []);
  if (moves && group.parent !== "") {
    // Who was in it through the one above is not any more, unless the new one gives them a place again.
    draft.postToAll("calendars", { kind: "group-moved", group: id, after: "" });
    releaseBelow(draft, id);
  }
  return outcome;
}

/** How many levels of groups are below one, deleted ones included; undefined where there are too many groups to move. */
function levelsBelow(draft: Draft, id: string): number | undefined {
  let below = 0;
  let level: readonly string[] = [id];
  for (let levels = 0; ; levels++) {
    const ranges = level.map((above) => subgroupRange(above, "", MOVED_MAX + 1));
    gather(draft.view, { keys: [], ranges });
    const rows = ranges.flatMap((range) => draft.view.range(range));
    below += rows.length;
    if (rows.length === 0) return levels;
    if (below > MOVED_MAX || levels > ANCESTORS_MAX) return undefined;
    level = rows.map(({ key }) => key.slice(key.lastIndexOf("/") + 1));
  }
}

function refuseTooManyBelow(id: string): Refusal {
  return refuse(
    "failed-precondition",
    `more than ${MOVED_MAX} groups are below groups/${id}: move those first`,
  );
}

export function setGroupDeleted(draft: Draft, caller: Caller, operation: SetGroupDeleted): Outcome {
  const { group: id, deleted, etag } = operation;
  const action = deleted ? "group.delete" : "group.undelete";
  const name = `groups/${id}`;
  if (!deleted) return undeleteGroup(draft, caller, id);
  const before = requireGroup(draft, caller, action, id);
  if (before.kind === "refused") return before;
  if (etag !== "" && etag !== formatEtag(before.group.revision)) return refuseStale(name);
  if (hasStandingBelow(draft, id)) {
    return refuse("failed-precondition", `${name} has groups below it: move or delete them first`);
  }
  return closeGroup(draft, before.group, ownMembers(draft, id));
}

/** Where there are more than are looked at, one is taken to stand. */
function hasStandingBelow(draft: Draft, id: string): boolean {
  const found = draft.view.range(subgroupRange(id, "", BELOW_LOOKED_MAX));
  const ids = found.map(({ key }) => key.slice(KEYS.subgroup(id, "").length));
  gather(draft.view, { keys: ids.map(KEYS.group), ranges: [] });
  return found.length === BELOW_LOOKED_MAX || ids.some((below) => findGroup(draft, below));
}

function undeleteGroup(draft: Draft, caller: Caller, id: string): Outcome {
  const name = `groups/${id}`;
  const group = draft.find(draft.rows.group, KEYS.group(id));
  const own =
    caller.kind === "user"
      ? draft.find(draft.rows.member, KEYS.member(id, caller.user))
      : undefined;
  const decision = decide(caller, "group.undelete", { kind: "group", membership: own });
  if (group === undefined || decision.kind === "deny") {
    return decision.kind === "deny" && decision.as === "permission-denied"
      ? refuse("permission-denied", "only a leader undeletes a group")
      : refuseNotFound(name);
  }
  if (group.deleteTimeMs === 0) return refuse("failed-precondition", `${name} is not deleted`);
  if (group.parent !== "" && findGroup(draft, group.parent) === undefined) {
    return refuse("failed-precondition", `groups/${group.parent} is above it: undelete that first`);
  }
  const members = ownMembers(draft, id);
  if (members.length === 0) return refuse("failed-precondition", `${name} has no members`);
  draft.delete(KEYS.groupPurge(group.purgeTimeMs, id));
  for (const { user } of members) draft.delete(KEYS.memberPurge(group.purgeTimeMs, id, user));
  const next = {
    ...group,
    updateTimeMs: draft.nowMs,
    deleteTimeMs: 0,
    purgeTimeMs: 0,
    revision: draft.nextRevision,
  };
  return putGroup(
    draft,
    "updated",
    next,
    members.map(({ user }) => user),
  );
}

/** A group that stands and in which the caller may do this; to those outside there is none. */
export function requireGroup(
  draft: Draft,
  caller: Caller,
  action: Action,
  id: string,
): { readonly kind: "group"; readonly group: Group } | Refusal {
  const membership = findOwnMember(draft, id, caller);
  const [group] = lineOf(draft, id);
  const decision = decide(caller, action, { kind: "group", membership });
  if (group === undefined || (decision.kind === "deny" && decision.as === "not-found")) {
    return refuseNotFound(`groups/${id}`);
  }
  if (decision.kind === "allow") return { kind: "group", group };
  const who = action === "group.delete" ? "a leader" : "a leader or deputy";
  return refuse("permission-denied", `only ${who} of groups/${id} may do this`);
}

/** Whoever puts a group below another, with the levels below it, leads that one; no group is above itself. */
function refuseParent(
  draft: Draft,
  caller: Caller,
  id: string,
  parent: string,
  levels = 0,
): Refusal | undefined {
  if (parent === "") return undefined;
  const found = requireGroup(draft, caller, "group.update", parent);
  if (found.kind === "refused") return found;
  const line = lineOf(draft, parent);
  if (line.some((group) => group.id === id)) {
    return refuse("failed-precondition", `groups/${parent} is below groups/${id} already`);
  }
  if (line.length + levels > ANCESTORS_MAX) {
    return refuse("failed-precondition", `at most ${ANCESTORS_MAX} groups above a group`);
  }
  return undefined;
}
