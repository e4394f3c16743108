import type { Caller, Group, Member, MemberRole, Operation } from "../domain/index.js";
import { decide } from "../policy/index.js";
import type { Action } from "../policy/index.js";
import { refuse, refuseNotFound, refuseStale } from "./draft.js";
import type { Draft, Outcome, Refusal } from "./draft.js";
import { formatEtag } from "./etag.js";
import {
  closeGroup,
  dropMember,
  memberCount,
  memberName,
  MEMBERS_MAX,
  ownMembers,
  putMember,
  refuseFullUser,
  releaseBelow,
} from "./group-rows.js";
import { findGroup, findOwnMember } from "./membership.js";
import { KEYS } from "./rows.js";
import { compareNumbers, compareText } from "./text.js";

type AddMember = Extract<Operation, { kind: "add-member" }>;
type UpdateMember = Extract<Operation, { kind: "update-member" }>;
type RemoveMember = Extract<Operation, { kind: "remove-member" }>;
type TransferLeadership = Extract<Operation, { kind: "transfer-leadership" }>;

type NewMember = Omit<Member, "revision" | "joinRevision">;

/** To those outside there is no group; to those inside, only who leads and ranks higher adds. */
export function addMember(draft: Draft, caller: Caller, operation: AddMember): Outcome {
  const { group, user, role, rank } = operation;
  const refusal = refuseSuperior(draft, caller, "member.add", group, rank, role);
  if (refusal !== undefined) return refusal;
  return joinGroup(draft, { group, user, role, rank, createTimeMs: draft.nowMs });
}

/** Within the limits of group and user. */
export function joinGroup(draft: Draft, joining: NewMember): Outcome {
  const { group, user } = joining;
  const name = memberName(joining);
  if (draft.has(KEYS.member(group, user))) return refuse("already-exists", `${name} exists`);
  const count = memberCount(draft, group);
  if (count >= MEMBERS_MAX) {
    return refuse("failed-precondition", `groups/${group} has ${MEMBERS_MAX} members, the most`);
  }
  const full = refuseFullUser(draft, user);
  if (full !== undefined) return full;
  draft.put(draft.rows.memberCount, KEYS.memberCount(group), { members: count + 1 });
  const revision = draft.nextRevision;
  return putMember(draft, "created", { ...joining, revision, joinRevision: revision });
}

export function updateMember(draft: Draft, caller: Caller, operation: UpdateMember): Outcome {
  const { group, user, fields, etag } = operation;
  const before = draft.find(draft.rows.member, KEYS.member(group, user));
  const next = {
    role: fields.includes("role") ? operation.role : (before?.role ?? "member"),
    rank: fields.includes("rank") ? operation.rank : (before?.rank ?? 0),
  };
  const rank = Math.max(before?.rank ?? 0, next.rank);
  const refusal = refuseSuperior(draft, caller, "member.update", group, rank, next.role);
  if (refusal !== undefined) return refusal;
  const name = `groups/${group}/members/${user}`;
  if (before === undefined) return refuseNotFound(name);
  if (etag !== "" && etag !== formatEtag(before.revision)) return refuseStale(name);
  const demotes = before.role === "leader" && next.role !== "leader";
  if (demotes && !hasOtherLeader(draft, group, user)) {
    return refuse("failed-precondition", `${name} is the last leader: transfer leadership first`);
  }
  return putMember(draft, "updated", { ...before, ...next, revision: draft.nextRevision });
}

/** Anyone leaves; only who leads and ranks strictly higher takes another out. */
export function removeMember(draft: Draft, caller: Caller, operation: RemoveMember): Outcome {
  const { group, user } = operation;
  const name = `groups/${group}/members/${user}`;
  const leaving = draft.find(draft.rows.member, KEYS.member(group, user));
  if (caller.kind === "user" && caller.user === user) {
    const decision = decide(caller, "group.leave", { kind: "group", membership: leaving });
    if (decision.kind === "deny") return refuseNotFound(`groups/${group}`);
  } else {
    const rank = leaving?.rank ?? 0;
    const refusal = refuseSuperior(draft, caller, "member.remove", group, rank, "member");
    if (refusal !== undefined) return refusal;
  }
  const standing = findGroup(draft, group);
  if (leaving === undefined || standing === undefined) return refuseNotFound(name);
  return endMembership(draft, standing, leaving);
}

/** Who leads hands it on: the successor stands where the caller stood, the caller one below. */
export function transferLeadership(
  draft: Draft,
  caller: Caller,
  operation: TransferLeadership,
): Outcome {
  const { group: id, successor } = operation;
  const group = findGroup(draft, id);
  const own =
    caller.kind === "user"
      ? draft.find(draft.rows.member, KEYS.member(id, caller.user))
      : undefined;
  const decision = decide(caller, "group.transfer-leadership", { kind: "group", membership: own });
  if (decision.kind === "deny" && decision.as === "permission-denied") {
    return refuse("permission-denied", `only a leader of groups/${id} may do this`);
  }
  if (group === undefined || own === undefined) return refuseNotFound(`groups/${id}`);
  const next = draft.find(draft.rows.member, KEYS.member(id, successor));
  if (next === undefined) return refuseNotFound(`groups/${id}/members/${successor}`);
  if (next.user === own.user) return refuse("failed-precondition", "you lead the group already");
  const rank = Math.max(own.rank, next.rank);
  putMember(draft, "updated", { ...next, role: "leader", rank, revision: draft.nextRevision });
  putMember(draft, "updated", {
    ...own,
    role: "deputy",
    rank: Math.max(0, Math.min(own.rank, rank - 1)),
    revision: draft.nextRevision,
  });
  return {
    kind: "done",
    name: `groups/${id}`,
    revision: group.revision,
    resource: { kind: "group", group },
  };
}

/**
 * Takes a member out. Where that was the last leader, the member of the highest rank leads, of several the one who has been in
 * it for the longest time, observers last; a group without members is deleted.
 */
export function endMembership(draft: Draft, group: Group, leaving: Member): Outcome {
  const { user } = leaving;
  const others = leaving.role === "leader" ? othersOf(draft, group.id, user) : undefined;
  const count = memberCount(draft, group.id);
  draft.put(draft.rows.memberCount, KEYS.memberCount(group.id), {
    members: Math.max(0, count - 1),
  });
  const outcome = dropMember(draft, leaving);
  if (others === undefined || others.some(({ role }) => role === "leader")) return outcome;
  const [heir] = [...others].sort(
    (a, b) =>
      compareNumbers(Number(a.role === "observer"), Number(b.role === "observer")) ||
      compareNumbers(b.rank, a.rank) ||
      compareNumbers(a.createTimeMs, b.createTimeMs) ||
      compareText(a.user, b.user),
  );
  if (heir === undefined) {
    closeGroup(draft, group, []);
    // It no longer hands places down from the groups above it either.
    releaseBelow(draft, group.id);
  } else putMember(draft, "updated", { ...heir, role: "leader", revision: draft.nextRevision });
  return outcome;
}

function othersOf(draft: Draft, group: string, user: string): readonly Member[] {
  return ownMembers(draft, group).filter((member) => member.user !== user);
}

function hasOtherLeader(draft: Draft, group: string, user: string): boolean {
  return othersOf(draft, group, user).some(({ role }) => role === "leader");
}

/** A role is given by who stands above it: a leader's by leaders alone. */
export function refuseSuperior(
  draft: Draft,
  caller: Caller,
  action: Action,
  group: string,
  rank: number,
  role: MemberRole,
): Refusal | undefined {
  const membership = findOwnMember(draft, group, caller);
  const decision = decide(caller, action, { kind: "group", membership, rank });
  if (decision.kind === "deny" && decision.as === "not-found")
    return refuseNotFound(`groups/${group}`);
  if (decision.kind === "deny") {
    return refuse(
      "permission-denied",
      "only a leader or deputy of a strictly higher rank may do this to a member",
    );
  }
  if (role === "leader" && membership?.role !== "leader") {
    return refuse("permission-denied", "only a leader makes leaders");
  }
  return undefined;
}
