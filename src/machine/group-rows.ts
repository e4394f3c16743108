import type { ChangeKind, Group, Member } from "../domain/index.js";
import { refuse } from "./draft.js";
import type { Draft, Outcome, Refusal } from "./draft.js";
import { memberRange } from "./membership.js";
import { keyAfter, KEYS, MARK, prefixRange } from "./rows.js";
import type { KeyRange } from "./types.js";

export const MEMBERS_MAX = 500;
/** Groups that a user may be in. */
export const GROUPS_MAX = 200;

/** How long a deleted group can be had back, in log time. */
const PURGE_DELAY_MS = 30 * 86_400_000;

export function putGroup(
  draft: Draft,
  kind: ChangeKind,
  group: Group,
  audience: readonly string[],
): Outcome {
  const name = `groups/${group.id}`;
  const resource = { kind: "group", group } as const;
  draft.put(draft.rows.group, KEYS.group(group.id), group);
  draft.postToAll("calendars", { kind: "group", group });
  draft.change({ kind, channel: name, audience, resourceName: name, resource });
  return { kind: "done", name, revision: group.revision, resource };
}

export function putMember(draft: Draft, kind: ChangeKind, member: Member): Outcome {
  const { group, user, revision } = member;
  draft.put(draft.rows.member, KEYS.member(group, user), member);
  draft.postToAll("calendars", { kind: "member", member });
  if (kind === "created") draft.putBytes(KEYS.memberGroup(user, group), MARK);
  return report(draft, kind, member, revision);
}

export function memberCount(draft: Draft, group: string): number {
  return draft.find(draft.rows.memberCount, KEYS.memberCount(group))?.members ?? 0;
}

export function dropMember(draft: Draft, member: Member): Outcome {
  const { group, user } = member;
  draft.delete(KEYS.member(group, user));
  draft.delete(KEYS.memberGroup(user, group));
  const revision = draft.nextRevision;
  draft.postToAll("calendars", { kind: "member-gone", group, user, revision });
  releaseBelow(draft, group, user);
  return report(draft, "deleted", member, draft.nextRevision);
}

/** Who was in the groups below by that one alone is in them no more: a user, or whoever that is if none is named. */
export function releaseBelow(draft: Draft, group: string, user = ""): void {
  if (draft.view.range(subgroupRange(group)).length === 0) return;
  draft.postTo("groups", group, { kind: "left-above", group, user, after: "" });
}

function report(draft: Draft, kind: ChangeKind, member: Member, revision: number): Outcome {
  const resource = { kind: "member", member: { ...member, revision } } as const;
  const name = memberName(member);
  draft.change({
    kind,
    channel: `groups/${member.group}`,
    audience: [member.user],
    resourceName: name,
    resource,
  });
  return { kind: "done", name, revision, resource };
}

export function memberName({ group, user }: Pick<Member, "group" | "user">): string {
  return `groups/${group}/members/${user}`;
}

/** Deletes a group: its members stay with it until it is purged. */
export function closeGroup(draft: Draft, group: Group, members: readonly Member[]): Outcome {
  const { id } = group;
  const purgeTimeMs = draft.nowMs + PURGE_DELAY_MS;
  for (const { user } of members) {
    draft.put(draft.rows.expiry, KEYS.memberPurge(purgeTimeMs, id, user), {
      keys: [KEYS.memberGroup(user, id)],
      bytes: 0,
    });
  }
  const keys = [KEYS.memberCount(id)];
  if (group.parent !== "") keys.push(KEYS.subgroup(group.parent, id));
  draft.put(draft.rows.expiry, KEYS.groupPurge(purgeTimeMs, id), { keys, bytes: 0 });
  draft.putBytes(KEYS.takenGroup(id), MARK);
  const next = {
    ...group,
    updateTimeMs: draft.nowMs,
    deleteTimeMs: draft.nowMs,
    purgeTimeMs,
    revision: draft.nextRevision,
  };
  const audience = members.map(({ user }) => user);
  return putGroup(draft, "deleted", next, audience);
}

export function refuseFullUser(draft: Draft, user: string): Refusal | undefined {
  if (draft.view.range(groupsOfRange(user)).length < GROUPS_MAX) return undefined;
  return refuse("failed-precondition", `users/${user} is in ${GROUPS_MAX} groups, the most`);
}

export function groupsOfRange(user: string): KeyRange {
  return prefixRange(`gu/${user}`, GROUPS_MAX);
}

/** Those of the group itself, not of one above. */
export function ownMembers(draft: Draft, group: string): readonly Member[] {
  const rows = draft.view.range(ownMembersRange(group));
  return rows.map(({ value }) => draft.rows.member.decode(value));
}

export function ownMembersRange(group: string): KeyRange {
  return memberRange(group, "", MEMBERS_MAX);
}

/** Of those that are below it: whether there is one, if nothing else is said. */
export function subgroupRange(group: string, after = "", limit = 1): KeyRange {
  const all = prefixRange(`gk/${group}`, limit);
  return after === "" ? all : { ...all, start: keyAfter(KEYS.subgroup(group, after)) };
}
