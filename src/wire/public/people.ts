import { create } from "@bufbuild/protobuf";
import {
  GroupSchema,
  InvitationSchema,
  InvitationState,
  MemberSchema,
} from "../../../gen/cabildo/v1/groups_pb.js";
import type { Group, Invitation, Member } from "../../../gen/cabildo/v1/groups_pb.js";
import { SessionSchema, UserSchema } from "../../../gen/cabildo/v1/users_pb.js";
import type { Session, User } from "../../../gen/cabildo/v1/users_pb.js";
import type * as domain from "../../domain/index.js";
import { GROUP_KIND, INVITATION_STATE, MEMBER_ROLE, USER_STATE, VISIBILITY } from "./enums.js";
import { formatEtag, toTimestamp } from "./times.js";

/** What others may not see of a user is empty already. */
export function userToPublic(user: domain.User): User {
  return create(UserSchema, {
    name: `users/${user.id}`,
    uid: user.uid,
    displayName: user.displayName,
    email: user.email,
    timeZone: user.timeZone,
    state: USER_STATE.toPublic(user.state),
    clusterRoles: [...user.clusterRoles],
    defaultVisibility: VISIBILITY.toPublic(user.defaultVisibility),
    workingHours: user.workingHours.map((hours) => ({ ...hours })),
    createTime: toTimestamp(user.createTimeMs),
    updateTime: toTimestamp(user.updateTimeMs),
    deleteTime: toTimestamp(user.deleteTimeMs),
    purgeTime: toTimestamp(user.purgeTimeMs),
    etag: user.revision === 0 ? "" : formatEtag(user.revision),
  });
}

/** All that a person may write of a user. */
export function userContentFromPublic(user: User): domain.UserContent {
  return {
    displayName: user.displayName,
    email: user.email,
    timeZone: user.timeZone === "" ? "UTC" : user.timeZone,
    defaultVisibility: VISIBILITY.fromPublic(user.defaultVisibility) ?? "default",
    workingHours: user.workingHours.map(({ weekday, startMinute, endMinute }) => ({
      weekday,
      startMinute,
      endMinute,
    })),
  };
}

export function sessionToPublic(session: domain.Session): Session {
  return create(SessionSchema, {
    name: `users/${session.user}/sessions/${session.id}`,
    client: session.client,
    createTime: toTimestamp(session.createTimeMs),
    lastUseTime: toTimestamp(session.lastUseTimeMs),
    expireTime: toTimestamp(session.expireTimeMs),
  });
}

export function groupToPublic(group: domain.Group): Group {
  return create(GroupSchema, {
    name: `groups/${group.id}`,
    uid: group.uid,
    displayName: group.displayName,
    kind: GROUP_KIND.toPublic(group.kind),
    parentGroup: group.parent === "" ? "" : `groups/${group.parent}`,
    calendar: `calendars/${group.id}.group`,
    createTime: toTimestamp(group.createTimeMs),
    updateTime: toTimestamp(group.updateTimeMs),
    deleteTime: toTimestamp(group.deleteTimeMs),
    purgeTime: toTimestamp(group.purgeTimeMs),
    etag: group.revision === 0 ? "" : formatEtag(group.revision),
  });
}

/** As a member of a group: inherited, where it is one of a group above. */
export function memberToPublic(member: domain.Member, group = member.group): Member {
  return create(MemberSchema, {
    name: `groups/${group}/members/${member.user}`,
    inherited: group !== member.group,
    user: `users/${member.user}`,
    role: MEMBER_ROLE.toPublic(member.role),
    rank: member.rank,
    createTime: toTimestamp(member.createTimeMs),
    etag: member.revision === 0 ? "" : formatEtag(member.revision),
  });
}

/** What nobody has answered in time has expired by then. */
export function invitationToPublic(invitation: domain.Invitation, nowMs: number): Invitation {
  const { group, id, invitee, inviter, role, rank, state } = invitation;
  const isExpired = state === "pending" && invitation.expireTimeMs <= nowMs;
  return create(InvitationSchema, {
    name: `groups/${group}/invitations/${id}`,
    invitee: `users/${invitee}`,
    inviter: `users/${inviter}`,
    role: MEMBER_ROLE.toPublic(role),
    rank,
    state: isExpired ? InvitationState.EXPIRED : INVITATION_STATE.toPublic(state),
    createTime: toTimestamp(invitation.createTimeMs),
    expireTime: toTimestamp(invitation.expireTimeMs),
  });
}
