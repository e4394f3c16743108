import { unreachable } from "../base/index.js";
import type { ChangeKind, Delivery, Group, Member } from "../domain/index.js";
import { receiveAnswer } from "./answers.js";
import { receiveEvent } from "./copies.js";
import { receiveDefaultVisibility } from "./default-visibility.js";
import type { Draft } from "./draft.js";
import { gather, runEach } from "./gather.js";
import { followGroup } from "./group-events.js";
import { dropMember, GROUPS_MAX, memberCount, memberName, subgroupRange } from "./group-rows.js";
import { endMembership } from "./members.js";
import { findGroup, findMember, isInherited, memberKeys } from "./membership.js";
import { notify } from "./notifications.js";
import { standingChannel } from "../policy/index.js";
import { KEYS, MARK, prefixRange } from "./rows.js";

type LeftAbove = Extract<Delivery, { kind: "left-above" }>;

/** Groups below one that one command looks at. */
const BELOW_MAX = 50;
/** Memberships that one command ends; more go on in the next. */
const ENDED_MAX = 20;

/** What another shard said. It is never refused: the sender has done its part already. */
export function receive(draft: Draft, delivery: Delivery): void {
  switch (delivery.kind) {
    case "group": {
      const { group } = delivery;
      receiveGroup(draft, group);
      if (group.deleteTimeMs !== 0) {
        followGroup(draft, { kind: "group-events", group: group.id, left: "", after: "" });
      }
      return;
    }
    case "member": {
      receiveMember(draft, delivery.member);
      return;
    }
    case "member-gone":
      tellStanding(draft, "deleted", delivery);
      draft.delete(KEYS.member(delivery.group, delivery.user));
      draft.delete(KEYS.memberGroup(delivery.user, delivery.group));
      if (isInherited(draft, delivery.group, delivery.user)) return;
      followGroup(draft, {
        kind: "group-events",
        group: delivery.group,
        left: delivery.user,
        after: "",
      });
      return;
    case "default-visibility":
      receiveDefaultVisibility(draft, delivery);
      return;
    case "event":
      receiveEvent(draft, delivery);
      return;
    case "answer":
      receiveAnswer(draft, delivery);
      return;
    case "group-events": {
      const { group, left, after } = delivery;
      const isFirst = left !== "" && after === "";
      if (isFirst && findMember(draft, group, left) !== undefined) return;
      followGroup(draft, delivery);
      return;
    }
    case "notice":
      notify(draft, delivery.user, delivery);
      return;
    case "group-moved":
      followGroup(draft, delivery);
      return;
    case "left-above":
      leaveBelow(draft, delivery);
      return;
    case "user-gone":
      endMemberships(draft, delivery.user);
      return;
    default:
      return unreachable(delivery);
  }
}

/** In the copy, the revision says since when it is where it is: with this shard's own sequence. */
function receiveGroup(draft: Draft, group: Group): void {
  const before = draft.find(draft.rows.group, KEYS.group(group.id));
  const isGone = (it: Group | undefined): boolean => it?.deleteTimeMs !== 0;
  const moved = before?.parent !== group.parent || isGone(before) !== isGone(group);
  const revision = moved ? draft.nextRevision : before.revision;
  draft.put(draft.rows.group, KEYS.group(group.id), { ...group, revision });
  if (!moved || before === undefined) return;
  draft.change({
    kind: "updated",
    channel: standingChannel(group.id),
    audience: [],
    resourceName: `groups/${group.id}`,
    resource: { kind: "group", group },
  });
}

/** In the copy, the membership began with this shard's own sequence: anew where it gives another view. */
function receiveMember(draft: Draft, member: Member): void {
  const { group, user } = member;
  const before = draft.find(draft.rows.member, KEYS.member(group, user));
  const isSame = before !== undefined && leads(before) === leads(member);
  const joinRevision = isSame ? before.joinRevision : draft.nextRevision;
  draft.put(draft.rows.member, KEYS.member(group, user), { ...member, joinRevision });
  draft.putBytes(KEYS.memberGroup(user, group), MARK);
  if (!isSame) tellStanding(draft, before === undefined ? "created" : "updated", member);
}

/** What somebody may hear of a group's calendars in this shard has changed, here: whoever delivers asks again. */
function tellStanding(
  draft: Draft,
  kind: ChangeKind,
  { group, user }: Pick<Member, "group" | "user">,
): void {
  const none = { role: "member", rank: 0, createTimeMs: 0, revision: 0, joinRevision: 0 } as const;
  draft.change({
    kind,
    channel: standingChannel(group),
    audience: [],
    resourceName: memberName({ group, user }),
    resource: { kind: "member", member: { group, user, ...none } },
  });
}

function leads({ role }: Member): boolean {
  return role === "leader" || role === "deputy";
}

/** In slices: what is left over is told to this shard again. */
function endMemberships(draft: Draft, user: string): void {
  const prefix = `gu/${user}`;
  const found = draft.view.range(prefixRange(prefix, GROUPS_MAX));
  const groups = found.slice(0, ENDED_MAX).map(({ key }) => key.slice(prefix.length + 1));
  const keys = groups.flatMap((id) => [
    KEYS.group(id),
    KEYS.member(id, user),
    KEYS.memberCount(id),
  ]);
  gather(draft.view, { keys, ranges: [] });
  runEach(groups, (id) => {
    const member = draft.find(draft.rows.member, KEYS.member(id, user));
    if (member !== undefined) endOne(draft, id, member);
    return "go-on";
  });
  if (found.length > groups.length) draft.postTo("groups", "", { kind: "user-gone", user });
}

/** In slices, level by level: those below a group are not left by who has a place of their own there. */
function leaveBelow(draft: Draft, { group, user, after }: LeftAbove): void {
  const isMoved = user === "";

  const found = draft.view.range(subgroupRange(group, after, BELOW_MAX + 1));
  const prefix = KEYS.subgroup(group, "");
  const ids = found.slice(0, BELOW_MAX).map(({ key }) => key.slice(prefix.length));
  const keys = ids.flatMap((id) => (isMoved ? [KEYS.group(id)] : memberKeys(id, user)));
  gather(draft.view, { keys, ranges: ids.map((id) => subgroupRange(id)) });
  for (const id of ids) {
    if (findGroup(draft, id) === undefined) continue;
    if (!isMoved && findMember(draft, id, user) !== undefined) continue;
    draft.postToAll(
      "calendars",
      isMoved
        ? { kind: "group-moved", group: id, after: "" }
        : { kind: "group-events", group: id, left: user, after: "" },
    );
    if (draft.view.range(subgroupRange(id)).length === 0) continue;
    draft.postTo("groups", id, { kind: "left-above", group: id, user, after: "" });
  }
  const last = ids.at(-1);
  if (found.length <= BELOW_MAX || last === undefined) return;
  draft.postTo("groups", group, { kind: "left-above", group, user, after: last });
}

function endOne(draft: Draft, id: string, member: Member): void {
  const group = findGroup(draft, id);
  if (group !== undefined) {
    endMembership(draft, group, member);
    return;
  }
  // Of a deleted group: nobody leads it.
  const members = Math.max(0, memberCount(draft, id) - 1);
  draft.put(draft.rows.memberCount, KEYS.memberCount(id), { members });
  dropMember(draft, member);
}
