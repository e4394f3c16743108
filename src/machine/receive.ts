import { unreachable } from "../base/index.js";
import type { Delivery, Member } from "../domain/index.js";
import { receiveAnswer } from "./answers.js";
import { receiveEvent } from "./copies.js";
import type { Draft } from "./draft.js";
import { gather } from "./gather.js";
import { followGroup } from "./group-events.js";
import { dropMember, GROUPS_MAX, memberCount } from "./group-rows.js";
import { endMembership } from "./members.js";
import { findGroup } from "./membership.js";
import { KEYS, MARK, prefixRange } from "./rows.js";

/** Memberships that one command ends; more go on in the next. */
const ENDED_MAX = 20;

/** What another shard said. It is never refused: the sender has done its part already. */
export function receive(draft: Draft, delivery: Delivery): void {
  switch (delivery.kind) {
    case "group": {
      const { group } = delivery;
      draft.put(draft.rows.group, KEYS.group(group.id), group);
      if (group.deleteTimeMs !== 0) {
        followGroup(draft, { kind: "group-events", group: group.id, left: "", after: "" });
      }
      return;
    }
    case "member": {
      const { member } = delivery;
      draft.put(draft.rows.member, KEYS.member(member.group, member.user), member);
      draft.putBytes(KEYS.memberGroup(member.user, member.group), MARK);
      return;
    }
    case "member-gone":
      draft.delete(KEYS.member(delivery.group, delivery.user));
      draft.delete(KEYS.memberGroup(delivery.user, delivery.group));
      followGroup(draft, {
        kind: "group-events",
        group: delivery.group,
        left: delivery.user,
        after: "",
      });
      return;
    case "event":
      receiveEvent(draft, delivery);
      return;
    case "answer":
      receiveAnswer(draft, delivery);
      return;
    case "group-events":
      followGroup(draft, delivery);
      return;
    case "user-gone":
      endMemberships(draft, delivery.user);
      return;
    default:
      return unreachable(delivery);
  }
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
  for (const id of groups) {
    const member = draft.find(draft.rows.member, KEYS.member(id, user));
    if (member !== undefined) endOne(draft, id, member);
  }
  if (found.length > groups.length) draft.postTo("groups", "", { kind: "user-gone", user });
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
