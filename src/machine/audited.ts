import { unreachable } from "../base/index.js";
import type { CommandReply, Operation } from "../domain/index.js";
import type { Action } from "../policy/index.js";

export interface Described {
  readonly action: Action;
  readonly object: string;
  /** The caller if left out. */
  readonly subject?: string;
  /** What the reply says if left out. */
  readonly decision?: string;
  readonly detail?: string;
}

/**
 * What the audit trail says of an operation; undefined for one that is not critical. Critical is what
 * decides who somebody is, who may do what, and what is gone. Every operation has its place here.
 */
export function describeForAudit(operation: Operation, reply: CommandReply): Described | undefined {
  switch (operation.kind) {
    case "register-user": {
      const object = user(operation);
      const first = operation.bootstrapHash !== "";
      return { action: "auth.register", object, ...(first ? { detail: "administrator" } : {}) };
    }
    case "change-password":
      return { action: "user.change-password", object: user(operation) };
    case "create-session": {
      const object = session(operation);
      return { action: "auth.login", object, subject: user(operation) };
    }
    case "rotate-session":
      // A session that goes on is no news; one that was ended for a stolen token is.
      if (reply.kind === "done") return undefined;
      return {
        action: "auth.refresh",
        object: session(operation),
        detail: "a refresh token was used again: the session has ended",
      };
    case "record-login-failure": {
      const subject = "anonymous";
      return {
        action: "auth.login",
        object: user(operation),
        subject,
        decision: "unauthenticated",
      };
    }
    case "issue-reset-code":
      return { action: "user.issue-reset-code", object: user(operation) };
    case "reset-password":
      return { action: "auth.reset-password", object: user(operation) };
    case "set-cluster-roles": {
      const detail = operation.roles.length === 0 ? "none" : operation.roles.join(" ");
      return { action: "user.set-cluster-roles", object: user(operation), detail };
    }
    case "revoke-session":
      return { action: "session.revoke", object: session(operation) };
    case "set-user-standing":
      return { action: `user.${operation.act}`, object: user(operation) };
    case "create-cluster-keys":
      return { action: "cluster-keys.create", object: "cluster/keys" };
    case "rotate-cluster-keys":
      return { action: "cluster-keys.rotate", object: "cluster/keys" };
    case "publish-range-map":
      return {
        action: "range-map.publish",
        object: "cluster/range-map",
        detail: `version ${operation.map.version}`,
      };
    case "create-group":
      return { action: "group.create", object: group(operation) };
    case "update-group":
      if (!operation.fields.includes("parent")) return undefined;
      return {
        action: "group.update",
        object: group(operation),
        detail: operation.parent === "" ? "no parent" : `parent groups/${operation.parent}`,
      };
    case "set-group-deleted":
      return {
        action: operation.deleted ? "group.delete" : "group.undelete",
        object: group(operation),
      };
    case "add-member":
    case "update-member":
      return {
        action: operation.kind === "add-member" ? "member.add" : "member.update",
        object: member(operation),
        detail: `${operation.role} ${operation.rank}`,
      };
    case "remove-member":
      return { action: "member.remove", object: member(operation) };
    case "transfer-leadership":
      return {
        action: "group.transfer-leadership",
        object: group(operation),
        detail: `to users/${operation.successor}`,
      };
    case "create-invitation":
      return {
        action: "invitation.create",
        object: invitation(operation),
        detail: `users/${operation.invitee} ${operation.role} ${operation.rank}`,
      };
    case "settle-invitation":
      return {
        action: operation.state === "revoked" ? "invitation.revoke" : "invitation.answer",
        object: invitation(operation),
        detail: operation.state,
      };
    case "cancel-event": {
      const { calendar, event } = operation;
      return { action: "event.cancel", object: `calendars/${calendar}/events/${event}` };
    }
    case "delete-event":
    case "undelete-event": {
      const { calendar, event } = operation;
      const action = operation.kind === "delete-event" ? "event.delete" : "event.undelete";
      return { action, object: `calendars/${calendar}/events/${event}` };
    }
    case "delete-events": {
      const { calendar, events } = operation;
      return {
        action: "event.delete",
        object: `calendars/${calendar}/events/${events[0] ?? ""}`,
        detail: `${events.length} events`,
      };
    }
    case "delete-calendar":
      return { action: "calendar.delete", object: `calendars/${operation.calendar}` };
    case "set-reader": {
      const { calendar, reader, reads } = operation;
      return {
        action: "calendar.share",
        object: `calendars/${calendar}`,
        detail: `${reader} ${reads ? "reads" : "no longer reads"}`,
      };
    }
    case "deliver":
      if (operation.delivery.kind !== "user-gone") return undefined;
      return { action: "member.remove", object: user(operation.delivery), detail: "user gone" };
    case "prune-audit":
      return { action: "audit.prune", object: "audit", detail: `up to ${operation.upTo}` };
    case "update-user":
    case "set-subscriptions":
    case "create-calendar":
    case "update-calendar":
    case "create-event":
    case "update-event":
    case "respond-event":
    case "create-events":
    case "extend-series":
    case "fire-reminders":
    case "mark-notification-read":
    case "mark-all-notifications-read":
    case "sweep":
    case "settle-outbox":
    case "record-audit":
    case "sign-audit":
    case "unknown":
      return undefined;
    default:
      return unreachable(operation);
  }
}

interface OfUser {
  readonly user: string;
}
interface OfGroup {
  readonly group: string;
}

const user = ({ user: id }: OfUser): string => `users/${id}`;
const session = ({ user: id, session: own }: OfUser & { readonly session: string }): string =>
  `users/${id}/sessions/${own}`;
const group = ({ group: id }: OfGroup): string => `groups/${id}`;
const member = ({ group: id, user: own }: OfGroup & OfUser): string =>
  `groups/${id}/members/${own}`;
const invitation = ({ group: id, invitation: own }: OfGroup & { readonly invitation: string }) =>
  `groups/${id}/invitations/${own}`;
