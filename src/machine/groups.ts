import type { Caller, Group, Member, Operation } from "../domain/index.js";
import { decide } from "../policy/index.js";
import { refuse, refuseNotFound } from "./draft.js";
import type { Draft, Outcome } from "./draft.js";
import { KEYS } from "./rows.js";

type CreateGroup = Extract<Operation, { kind: "create-group" }>;
type AddMember = Extract<Operation, { kind: "add-member" }>;

export const MEMBERS_MAX = 500;
/** Of who founds a group: everyone else comes below. */
export const FOUNDER_RANK = 100;

/** An id is never given again: the row of a group stays for ever. */
export function createGroup(draft: Draft, caller: Caller, operation: CreateGroup): Outcome {
  const { group: id, uid, displayName, groupKind } = operation;
  const decision = decide(caller, "group.create", { kind: "none" });
  if (caller.kind !== "user" || decision.kind === "deny") {
    return refuse("permission-denied", "only a user founds a group");
  }
  if (draft.has(KEYS.group(id))) return refuse("already-exists", `groups/${id} is taken`);
  const group: Group = {
    id,
    uid,
    displayName,
    kind: groupKind,
    createTimeMs: draft.nowMs,
    updateTimeMs: draft.nowMs,
    revision: draft.nextRevision,
  };
  const name = `groups/${id}`;
  const resource = { kind: "group", group } as const;
  draft.put(draft.rows.group, KEYS.group(id), group);
  draft.change({
    kind: "created",
    channel: name,
    audience: [caller.user],
    resourceName: name,
    resource,
  });
  addRow(draft, {
    group: id,
    user: caller.user,
    role: "leader",
    rank: FOUNDER_RANK,
    createTimeMs: draft.nowMs,
    revision: draft.nextRevision,
  });
  draft.put(draft.rows.memberCount, KEYS.memberCount(id), { members: 1 });
  return { kind: "done", name, revision: group.revision, resource };
}

/** To those outside there is no group; to those inside, only who leads and ranks higher adds. */
export function addMember(draft: Draft, caller: Caller, operation: AddMember): Outcome {
  const { group, user, role, rank } = operation;
  const own =
    caller.kind === "user"
      ? draft.find(draft.rows.member, KEYS.member(group, caller.user))
      : undefined;
  const decision = decide(caller, "member.add", { kind: "group", membership: own, rank });
  if (decision.kind === "deny") {
    if (decision.as === "not-found") return refuseNotFound(`groups/${group}`);
    return refuse("permission-denied", "only a leader or deputy of a higher rank adds this member");
  }
  const name = `groups/${group}/members/${user}`;
  if (draft.has(KEYS.member(group, user))) return refuse("already-exists", `${name} exists`);
  const count = draft.find(draft.rows.memberCount, KEYS.memberCount(group))?.members ?? 0;
  if (count >= MEMBERS_MAX) {
    return refuse("failed-precondition", `groups/${group} has ${MEMBERS_MAX} members, the most`);
  }
  const revision = draft.nextRevision;
  const member: Member = { group, user, role, rank, createTimeMs: draft.nowMs, revision };
  addRow(draft, member);
  draft.put(draft.rows.memberCount, KEYS.memberCount(group), { members: count + 1 });
  return { kind: "done", name, revision, resource: { kind: "member", member } };
}

function addRow(draft: Draft, member: Member): void {
  draft.put(draft.rows.member, KEYS.member(member.group, member.user), member);
  draft.change({
    kind: "created",
    channel: `groups/${member.group}`,
    audience: [member.user],
    resourceName: `groups/${member.group}/members/${member.user}`,
    resource: { kind: "member", member },
  });
}
