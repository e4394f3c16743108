import type { Attendee, DecisionRule, Invitee, Member } from "../domain/index.js";
import { calendarOwner } from "../policy/index.js";
import { refuse, refuseNotFound } from "./draft.js";
import type { Draft, Refusal } from "./draft.js";
import { MEMBERS_MAX } from "./group-rows.js";
import { findGroup, findMember, listMembers } from "./membership.js";
import { compareText } from "./text.js";

export interface Invited {
  readonly kind: "invited";
  /** Empty for none. */
  readonly group: string;
  readonly rule: DecisionRule;
  readonly attendees: readonly Attendee[];
}

interface Asking {
  readonly organizer: string;
  readonly calendar: string;
  /** Whose members are invited; the calendar's own, where that is a group's. */
  readonly group: string;
  readonly invitees: readonly Invitee[];
}

/**
 * Whom an event is for, and what is asked of each. People one by one are asked. Of a hierarchical group those who rank strictly
 * below the organiser are not: to them it is imposed. Of a group of peers all are asked, and nothing stands until all agree.
 */
export function invite(draft: Draft, asking: Asking): Invited | Refusal {
  const owner = calendarOwner(asking.calendar);
  const group = owner?.kind === "group" ? owner.group : asking.group;
  if (asking.group !== "" && group !== asking.group) {
    return refuse("invalid-argument", `event.group: calendars/${asking.calendar} is another's`);
  }
  if (group !== "") return inviteGroup(draft, asking, group);
  const attendees = asking.invitees
    .filter(({ user }) => user !== asking.organizer)
    .map((invitee) => ask(invitee));
  return { kind: "invited", group, rule: "organizer", attendees: inOrder(attendees) };
}

function inviteGroup(draft: Draft, asking: Asking, id: string): Invited | Refusal {
  const { organizer } = asking;
  const own = findMember(draft, id, organizer);
  const group = findGroup(draft, id);
  if (group === undefined || own === undefined) return refuseNotFound(`groups/${id}`);
  if (own.role === "observer") {
    return refuse("permission-denied", `an observer of groups/${id} does not invite it`);
  }
  const found = listMembers(draft, id, "", MEMBERS_MAX + 1);
  const members = found.filter(({ role }) => role !== "observer");
  if (found.length > MEMBERS_MAX) {
    return refuse(
      "failed-precondition",
      `groups/${id} has more than ${MEMBERS_MAX} members with those above: name attendees`,
    );
  }
  const wanted = new Map(asking.invitees.map((invitee) => [invitee.user, invitee]));
  const outside = asking.invitees.find(({ user }) => !members.some((m) => m.user === user));
  if (outside !== undefined) {
    return refuse(
      "failed-precondition",
      `users/${outside.user} is no member of groups/${id}, or observes it`,
    );
  }
  const isHierarchical = group.kind === "hierarchical";
  const attendees = members.flatMap((member): readonly Attendee[] => {
    const { user } = member;
    if (user === organizer) return [comes(user, draft.nowMs)];
    const invitee = wanted.size === 0 ? { user, optional: false } : wanted.get(user);
    if (invitee === undefined) return [];
    return [isHierarchical && isBelow(member, own) ? impose(invitee) : ask(invitee)];
  });
  const rule = isHierarchical ? "superior" : "unanimous";
  return { kind: "invited", group: id, rule, attendees: inOrder(attendees) };
}

function isBelow(member: Member, organizer: Member): boolean {
  return member.rank < organizer.rank;
}

function ask({ user, optional }: Invitee): Attendee {
  return { user, optional, response: "needs-action", comment: "", respondTimeMs: 0 };
}

function impose({ user, optional }: Invitee): Attendee {
  return { user, optional, response: "auto-accepted", comment: "", respondTimeMs: 0 };
}

function comes(user: string, respondTimeMs: number): Attendee {
  return { user, optional: false, response: "accepted", comment: "", respondTimeMs };
}

function inOrder(attendees: readonly Attendee[]): readonly Attendee[] {
  return [...attendees].sort((a, b) => compareText(a.user, b.user));
}
