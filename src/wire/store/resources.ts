import { toBinary } from "@bufbuild/protobuf";
import * as pb from "../../../gen/cabildo/store/v1/resources_pb.js";
import { unreachable } from "../../base/index.js";
import type {
  ClusterKeys,
  Credentials,
  Group,
  Invitation,
  Member,
  Notification,
  Resource,
  Session,
  SigningKey,
  User,
  WorkingHours,
} from "../../domain/index.js";
import { toSafeInteger, toInt64 } from "../int64.js";
import { fromCalendar, toCalendar } from "./calendars.js";
import { fromSubscriptions, toSubscriptions } from "./subscriptions.js";
import { Malformed, required } from "./decoding.js";
import {
  CLUSTER_ROLE,
  GROUP_KIND,
  INVITATION_STATE,
  MEMBER_ROLE,
  USER_STATE,
  VISIBILITY,
} from "./enums.js";
import { encodeEvent, fromEvent, toEvent } from "./events.js";
import { ROW_VERSION } from "./row-version.js";
import { WRITER } from "./writer.js";

export function toUser(user: User): pb.User {
  return {
    $typeName: "cabildo.store.v1.User",
    version: ROW_VERSION,
    id: user.id,
    uid: user.uid,
    displayName: user.displayName,
    email: user.email,
    timeZone: user.timeZone,
    state: USER_STATE.encode(user.state),
    clusterRoles: user.clusterRoles.map((role) => CLUSTER_ROLE.encode(role)),
    createTimeMs: toInt64(user.createTimeMs),
    updateTimeMs: toInt64(user.updateTimeMs),
    revision: toInt64(user.revision),
    defaultVisibility: VISIBILITY.encode(user.defaultVisibility),
    workingHours: user.workingHours.map(toWorkingHours),
    deleteTimeMs: toInt64(user.deleteTimeMs),
    purgeTimeMs: toInt64(user.purgeTimeMs),
  };
}

export function fromUser(message: pb.User): User {
  return {
    id: message.id,
    uid: message.uid,
    displayName: message.displayName,
    email: message.email,
    timeZone: message.timeZone,
    state: USER_STATE.decode(message.state),
    clusterRoles: message.clusterRoles.map((role) => CLUSTER_ROLE.decode(role)),
    defaultVisibility: VISIBILITY.decode(message.defaultVisibility),
    workingHours: message.workingHours.map(fromWorkingHours),
    createTimeMs: toSafeInteger(message.createTimeMs),
    updateTimeMs: toSafeInteger(message.updateTimeMs),
    deleteTimeMs: toSafeInteger(message.deleteTimeMs),
    purgeTimeMs: toSafeInteger(message.purgeTimeMs),
    revision: toSafeInteger(message.revision),
  };
}

export function toWorkingHours(hours: WorkingHours): pb.WorkingHours {
  const { weekday, startMinute, endMinute } = hours;
  return { $typeName: "cabildo.store.v1.WorkingHours", weekday, startMinute, endMinute };
}

export function fromWorkingHours(message: pb.WorkingHours): WorkingHours {
  const { weekday, startMinute, endMinute } = message;
  return { weekday, startMinute, endMinute };
}

export function toCredentials(credentials: Credentials): pb.Credentials {
  return {
    $typeName: "cabildo.store.v1.Credentials",
    version: ROW_VERSION,
    user: credentials.user,
    passwordHash: credentials.passwordHash,
  };
}

export function fromCredentials(message: pb.Credentials): Credentials {
  return { user: message.user, passwordHash: message.passwordHash };
}

export function toSession(session: Session): pb.Session {
  return {
    $typeName: "cabildo.store.v1.Session",
    version: ROW_VERSION,
    user: session.user,
    id: session.id,
    client: session.client,
    refreshHash: session.refreshHash,
    previousHash: session.previousHash,
    previousUntilMs: toInt64(session.previousUntilMs),
    createTimeMs: toInt64(session.createTimeMs),
    lastUseTimeMs: toInt64(session.lastUseTimeMs),
    expireTimeMs: toInt64(session.expireTimeMs),
    revokeTimeMs: toInt64(session.revokeTimeMs),
  };
}

export function fromSession(message: pb.Session): Session {
  return {
    user: message.user,
    id: message.id,
    client: message.client,
    refreshHash: message.refreshHash,
    previousHash: message.previousHash,
    previousUntilMs: toSafeInteger(message.previousUntilMs),
    createTimeMs: toSafeInteger(message.createTimeMs),
    lastUseTimeMs: toSafeInteger(message.lastUseTimeMs),
    expireTimeMs: toSafeInteger(message.expireTimeMs),
    revokeTimeMs: toSafeInteger(message.revokeTimeMs),
  };
}

export function toGroup(group: Group): pb.Group {
  return {
    $typeName: "cabildo.store.v1.Group",
    version: ROW_VERSION,
    id: group.id,
    uid: group.uid,
    displayName: group.displayName,
    kind: GROUP_KIND.encode(group.kind),
    createTimeMs: toInt64(group.createTimeMs),
    updateTimeMs: toInt64(group.updateTimeMs),
    revision: toInt64(group.revision),
    parent: group.parent,
    deleteTimeMs: toInt64(group.deleteTimeMs),
    purgeTimeMs: toInt64(group.purgeTimeMs),
  };
}

export function fromGroup(message: pb.Group): Group {
  return {
    id: message.id,
    uid: message.uid,
    displayName: message.displayName,
    kind: GROUP_KIND.decode(message.kind),
    parent: message.parent,
    createTimeMs: toSafeInteger(message.createTimeMs),
    updateTimeMs: toSafeInteger(message.updateTimeMs),
    deleteTimeMs: toSafeInteger(message.deleteTimeMs),
    purgeTimeMs: toSafeInteger(message.purgeTimeMs),
    revision: toSafeInteger(message.revision),
  };
}

export function toMember(member: Member): pb.Member {
  return {
    $typeName: "cabildo.store.v1.Member",
    version: ROW_VERSION,
    group: member.group,
    user: member.user,
    role: MEMBER_ROLE.encode(member.role),
    rank: member.rank,
    createTimeMs: toInt64(member.createTimeMs),
    revision: toInt64(member.revision),
    joinRevision: toInt64(member.joinRevision),
  };
}

export function fromMember(message: pb.Member): Member {
  return {
    group: message.group,
    user: message.user,
    role: MEMBER_ROLE.decode(message.role),
    rank: message.rank,
    createTimeMs: toSafeInteger(message.createTimeMs),
    revision: toSafeInteger(message.revision),
    joinRevision: toSafeInteger(message.joinRevision),
  };
}

export function toInvitation(invitation: Invitation): pb.Invitation {
  return {
    $typeName: "cabildo.store.v1.Invitation",
    version: ROW_VERSION,
    group: invitation.group,
    id: invitation.id,
    invitee: invitation.invitee,
    inviter: invitation.inviter,
    role: MEMBER_ROLE.encode(invitation.role),
    rank: invitation.rank,
    state: INVITATION_STATE.encode(invitation.state),
    createTimeMs: toInt64(invitation.createTimeMs),
    expireTimeMs: toInt64(invitation.expireTimeMs),
    revision: toInt64(invitation.revision),
  };
}

export function fromInvitation(message: pb.Invitation): Invitation {
  return {
    group: message.group,
    id: message.id,
    invitee: message.invitee,
    inviter: message.inviter,
    role: MEMBER_ROLE.decode(message.role),
    rank: message.rank,
    state: INVITATION_STATE.decode(message.state),
    createTimeMs: toSafeInteger(message.createTimeMs),
    expireTimeMs: toSafeInteger(message.expireTimeMs),
    revision: toSafeInteger(message.revision),
  };
}

export function toNotification(notification: Notification): pb.Notification {
  return {
    $typeName: "cabildo.store.v1.Notification",
    version: ROW_VERSION,
    user: notification.user,
    id: notification.id,
    type: notification.type,
    subject: notification.subject,
    text: notification.text,
    createTimeMs: toInt64(notification.createTimeMs),
    readTimeMs: toInt64(notification.readTimeMs),
  };
}

export function fromNotification(message: pb.Notification): Notification {
  return {
    user: message.user,
    id: message.id,
    type: message.type,
    subject: message.subject,
    text: message.text,
    createTimeMs: toSafeInteger(message.createTimeMs),
    readTimeMs: toSafeInteger(message.readTimeMs),
  };
}

export function toClusterKeys(keys: ClusterKeys): pb.ClusterKeys {
  return {
    $typeName: "cabildo.store.v1.ClusterKeys",
    version: ROW_VERSION,
    positionKey: keys.positionKey,
    positionKeyId: keys.positionKeyId,
    current: toSigningKey(keys.current),
    next: toSigningKey(keys.next),
    ...(keys.previous === undefined ? {} : { previous: toSigningKey(keys.previous) }),
    audit: toSigningKey(keys.audit),
  };
}

export function fromClusterKeys(message: pb.ClusterKeys): ClusterKeys {
  const { positionKey, positionKeyId, current, next, previous, audit } = message;
  return {
    positionKey,
    positionKeyId,
    current: fromSigningKey(required(current, "current")),
    next: fromSigningKey(required(next, "next")),
    ...(previous === undefined ? {} : { previous: fromSigningKey(previous) }),
    audit: fromSigningKey(required(audit, "audit")),
  };
}

export function toSigningKey({ id, jwk, sinceMs }: SigningKey): pb.SigningKey {
  return { $typeName: "cabildo.store.v1.SigningKey", id, jwk, sinceMs: toInt64(sinceMs) };
}

export function fromSigningKey({ id, jwk, sinceMs }: pb.SigningKey): SigningKey {
  return { id, jwk, sinceMs: toSafeInteger(sinceMs) };
}

/** The bytes of a `Resource`, to be put into a message that holds one. */
export function encodeResource(resource: Resource): Uint8Array {
  if (resource.kind !== "event") return toBinary(pb.ResourceSchema, toResource(resource));
  const event = encodeEvent(resource.event);
  return WRITER.start().message(pb.ResourceSchema.field.event.number, event).finish();
}

export function toResource(resource: Resource): pb.Resource {
  const of = (value: pb.Resource["resource"]): pb.Resource => ({
    $typeName: "cabildo.store.v1.Resource",
    resource: value,
  });
  switch (resource.kind) {
    case "user":
      return of({ case: "user", value: toUser(resource.user) });
    case "session":
      return of({ case: "session", value: toSession(resource.session) });
    case "group":
      return of({ case: "group", value: toGroup(resource.group) });
    case "member":
      return of({ case: "member", value: toMember(resource.member) });
    case "event":
      return of({ case: "event", value: toEvent(resource.event) });
    case "notification":
      return of({ case: "notification", value: toNotification(resource.notification) });
    case "subscriptions":
      return of({ case: "subscriptions", value: toSubscriptions(resource.subscriptions) });
    case "invitation":
      return of({ case: "invitation", value: toInvitation(resource.invitation) });
    case "calendar":
      return of({ case: "calendar", value: toCalendar(resource.calendar) });
    default:
      return unreachable(resource);
  }
}

export function fromResource({ resource }: pb.Resource): Resource {
  switch (resource.case) {
    case "user":
      return { kind: "user", user: fromUser(resource.value) };
    case "session":
      return { kind: "session", session: fromSession(resource.value) };
    case "group":
      return { kind: "group", group: fromGroup(resource.value) };
    case "member":
      return { kind: "member", member: fromMember(resource.value) };
    case "event":
      return { kind: "event", event: fromEvent(resource.value) };
    case "notification":
      return { kind: "notification", notification: fromNotification(resource.value) };
    case "invitation":
      return { kind: "invitation", invitation: fromInvitation(resource.value) };
    case "subscriptions":
      return { kind: "subscriptions", subscriptions: fromSubscriptions(resource.value) };
    case "calendar":
      return { kind: "calendar", calendar: fromCalendar(resource.value) };
    case undefined:
      throw new Malformed("resource is missing");
    default:
      return unreachable(resource);
  }
}
