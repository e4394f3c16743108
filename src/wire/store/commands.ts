import { toBinary } from "@bufbuild/protobuf";
import type { Message } from "@bufbuild/protobuf";
import * as pb from "../../../gen/cabildo/store/v1/commands_pb.js";
import type * as resourcesPb from "../../../gen/cabildo/store/v1/resources_pb.js";
import { InvariantViolation, unreachable } from "../../base/index.js";
import type { Command, Occurrences, Operation } from "../../domain/index.js";
import { toSafeInteger, toInt64 } from "../int64.js";
import { fromCalendarOperation, toCalendarOperation } from "./calendar-commands.js";
import { fromAuditOperation, toAuditOperation } from "./audit.js";
import { fromCaller, toCaller } from "./caller.js";
import { decode, Malformed, required } from "./decoding.js";
import { fromDelivery, toDelivery } from "./deliveries.js";
import { EVENT_FIELD, RESPONSE } from "./enums.js";
import { fromPeopleOperation, toPeopleOperation } from "./people.js";
import { fromGroupOperation, toGroupOperation } from "./group-commands.js";
import { fromSetSubscriptions, toSetSubscriptions } from "./subscriptions.js";
import { fromSetUserStanding, fromUpdateUser, toUserOperation } from "./user-commands.js";
import {
  fromClusterKeys,
  fromEventContent,
  fromOccurrences,
  fromSigningKey,
  toClusterKeys,
  toEventContent,
  toOccurrences,
  toSigningKey,
} from "./resources.js";

export function encodeCommand(command: Command): Uint8Array {
  return toBinary(pb.CommandSchema, {
    $typeName: "cabildo.store.v1.Command",
    caller: toCaller(command.caller),
    requestId: command.requestId,
    fingerprint: command.fingerprint,
    origin: command.origin ?? "",
    operation: toOperation(command.operation),
  });
}

/**
 * Fails with invalid-argument on what is no command at all. A command of a newer version (an
 * operation or a field that this one does not know) is of kind `unknown`: applying it stops the
 * replica, for skipping it would let replicas drift apart.
 */
export function decodeCommand(bytes: Uint8Array): Command {
  return decode(pb.CommandSchema, bytes, "invalid-argument", (message) => ({
    caller: fromCaller(message.caller),
    requestId: message.requestId,
    fingerprint: message.fingerprint,
    ...(message.origin === "" ? {} : { origin: message.origin }),
    operation: isNewer(message) ? { kind: "unknown" } : fromOperation(message.operation),
  }));
}

/** True if the message, or what it says to do, has a field that this version does not know. */
function isNewer({ $unknown, operation }: pb.Command): boolean {
  const hasUnknown = (message: Message | undefined): boolean => message?.$unknown !== undefined;
  if ($unknown !== undefined || hasUnknown(operation.value)) return true;
  switch (operation.case) {
    case "createEvent":
    case "updateEvent": {
      const { content, occurrences } = operation.value;
      return hasUnknown(content) || hasUnknown(content?.span.value) || hasUnknown(occurrences);
    }
    case "extendSeries":
      return hasUnknown(operation.value.occurrences);
    case "createEvents":
      return operation.value.events.some(
        (event) =>
          hasUnknown(event) ||
          hasUnknown(event.occurrences) ||
          hasUnknown(event.content) ||
          hasUnknown(event.content?.span.value),
      );
    case "createClusterKeys":
      return (
        hasUnknown(operation.value.keys) ||
        hasUnknown(operation.value.keys?.current) ||
        hasUnknown(operation.value.keys?.next) ||
        hasUnknown(operation.value.keys?.audit)
      );
    case "rotateClusterKeys":
      return hasUnknown(operation.value.next);
    case "createCalendar":
    case "updateCalendar":
      return hasUnknown(operation.value.content);
    case "deliver": {
      const { delivery } = operation.value;
      return delivery?.news.case === undefined || hasUnknown(delivery.news.value);
    }
    case "updateUser":
      return operation.value.workingHours.some(hasUnknown);
    case "recordAudit":
      return operation.value.records.some(hasUnknown);
    case "signAudit":
      return hasUnknown(operation.value.checkpoint);
    default:
      return false;
  }
}

function toOperation(operation: Operation): pb.Command["operation"] {
  switch (operation.kind) {
    case "register-user":
      return {
        case: "registerUser",
        value: {
          $typeName: "cabildo.store.v1.RegisterUser",
          user: operation.user,
          uid: operation.uid,
          displayName: operation.displayName,
          email: operation.email,
          timeZone: operation.timeZone,
          passwordHash: operation.passwordHash,
          bootstrapHash: operation.bootstrapHash,
        },
      };
    case "change-password":
      return {
        case: "changePassword",
        value: {
          $typeName: "cabildo.store.v1.ChangePassword",
          user: operation.user,
          passwordHash: operation.passwordHash,
          keepSession: operation.keepSession,
        },
      };
    case "create-session":
      return {
        case: "createSession",
        value: {
          $typeName: "cabildo.store.v1.CreateSession",
          user: operation.user,
          session: operation.session,
          client: operation.client,
          refreshHash: operation.refreshHash,
          lifetimeMs: toInt64(operation.lifetimeMs),
          address: operation.address ?? "",
        },
      };
    case "rotate-session":
      return {
        case: "rotateSession",
        value: {
          $typeName: "cabildo.store.v1.RotateSession",
          user: operation.user,
          session: operation.session,
          presentedHash: operation.presentedHash,
          nextHash: operation.nextHash,
          lifetimeMs: toInt64(operation.lifetimeMs),
        },
      };
    case "revoke-session":
      return {
        case: "revokeSession",
        value: {
          $typeName: "cabildo.store.v1.RevokeSession",
          user: operation.user,
          session: operation.session,
        },
      };
    case "update-user":
    case "set-user-standing":
      return toUserOperation(operation);
    case "create-cluster-keys":
      return {
        case: "createClusterKeys",
        value: {
          $typeName: "cabildo.store.v1.CreateClusterKeys",
          keys: toClusterKeys(operation.keys),
        },
      };
    case "rotate-cluster-keys":
      return {
        case: "rotateClusterKeys",
        value: {
          $typeName: "cabildo.store.v1.RotateClusterKeys",
          expected: operation.expected,
          next: toSigningKey(operation.next),
        },
      };
    case "create-group":
    case "update-group":
    case "set-group-deleted":
    case "add-member":
    case "update-member":
    case "remove-member":
    case "transfer-leadership":
    case "create-invitation":
    case "settle-invitation":
      return toGroupOperation(operation);
    case "create-calendar":
    case "update-calendar":
    case "delete-calendar":
    case "set-reader":
      return toCalendarOperation(operation);
    case "create-event":
      return {
        case: "createEvent",
        value: {
          $typeName: "cabildo.store.v1.CreateEvent",
          calendar: operation.calendar,
          event: operation.event,
          content: toEventContent(operation.content),
          group: operation.group ?? "",
          ...occurrencesField(operation),
        },
      };
    case "update-event":
      return {
        case: "updateEvent",
        value: {
          $typeName: "cabildo.store.v1.UpdateEvent",
          calendar: operation.calendar,
          event: operation.event,
          content: toEventContent(operation.content),
          fields: operation.fields.map((field) => EVENT_FIELD.encode(field)),
          etag: operation.etag,
          ...occurrencesField(operation),
        },
      };
    case "delete-event":
      return {
        case: "deleteEvent",
        value: {
          $typeName: "cabildo.store.v1.DeleteEvent",
          calendar: operation.calendar,
          event: operation.event,
          etag: operation.etag,
        },
      };
    case "undelete-event":
      return {
        case: "undeleteEvent",
        value: {
          $typeName: "cabildo.store.v1.UndeleteEvent",
          calendar: operation.calendar,
          event: operation.event,
        },
      };
    case "create-events":
      return {
        case: "createEvents",
        value: {
          $typeName: "cabildo.store.v1.CreateEvents",
          calendar: operation.calendar,
          events: operation.events.map((item) => ({
            $typeName: "cabildo.store.v1.NewEvent" as const,
            event: item.event,
            content: toEventContent(item.content),
            group: item.group ?? "",
            ...occurrencesField(item),
          })),
        },
      };
    case "cancel-event": {
      const { calendar, event, etag } = operation;
      return {
        case: "cancelEvent",
        value: { $typeName: "cabildo.store.v1.CancelEvent", calendar, event, etag },
      };
    }
    case "respond-event": {
      const { calendar, event, comment } = operation;
      const response = RESPONSE.encode(operation.response);
      return {
        case: "respondEvent",
        value: { $typeName: "cabildo.store.v1.RespondEvent", calendar, event, response, comment },
      };
    }
    case "delete-events":
      return {
        case: "deleteEvents",
        value: {
          $typeName: "cabildo.store.v1.DeleteEvents",
          calendar: operation.calendar,
          events: [...operation.events],
        },
      };
    case "extend-series":
      return {
        case: "extendSeries",
        value: {
          $typeName: "cabildo.store.v1.ExtendSeries",
          calendar: operation.calendar,
          event: operation.event,
          dueMs: toInt64(operation.dueMs),
          afterMs: toInt64(operation.afterMs),
          occurrences: toOccurrences(operation.occurrences),
        },
      };
    case "fire-reminders":
      return {
        case: "fireReminders",
        value: { $typeName: "cabildo.store.v1.FireReminders", limit: operation.limit },
      };
    case "mark-notification-read": {
      const { user, notification } = operation;
      return {
        case: "markNotificationRead",
        value: { $typeName: "cabildo.store.v1.MarkNotificationRead", user, notification },
      };
    }
    case "set-subscriptions":
      return toSetSubscriptions(operation);
    case "mark-all-notifications-read":
      return {
        case: "markAllNotificationsRead",
        value: { $typeName: "cabildo.store.v1.MarkAllNotificationsRead", user: operation.user },
      };
    case "sweep":
      return {
        case: "sweep",
        value: {
          $typeName: "cabildo.store.v1.Sweep",
          limit: operation.limit,
          trimFeedTo: toInt64(operation.trimFeedTo),
        },
      };
    case "deliver":
      return {
        case: "deliver",
        value: {
          $typeName: "cabildo.store.v1.Deliver",
          source: operation.source,
          epoch: operation.epoch,
          number: toInt64(operation.number),
          delivery: toDelivery(operation.delivery),
        },
      };
    case "settle-outbox":
      return {
        case: "settleOutbox",
        value: {
          $typeName: "cabildo.store.v1.SettleOutbox",
          target: operation.target,
          upTo: toInt64(operation.upTo),
        },
      };
    case "record-login-failure":
    case "issue-reset-code":
    case "reset-password":
    case "set-cluster-roles":
      return toPeopleOperation(operation);
    case "record-audit":
    case "sign-audit":
    case "prune-audit":
      return toAuditOperation(operation);
    case "unknown":
      throw new InvariantViolation("an operation that this version does not know");
    default:
      return unreachable(operation);
  }
}

function occurrencesField({ occurrences }: { readonly occurrences?: Occurrences }): {
  occurrences?: resourcesPb.Occurrences;
} {
  return occurrences === undefined ? {} : { occurrences: toOccurrences(occurrences) };
}

function fromOccurrencesField({
  occurrences,
}: {
  readonly occurrences?: resourcesPb.Occurrences | undefined;
}): {
  readonly occurrences?: Occurrences;
} {
  return occurrences === undefined ? {} : { occurrences: fromOccurrences(occurrences) };
}

function groupField({ group }: { readonly group: string }): { readonly group?: string } {
  return group === "" ? {} : { group };
}

function fromOperation(operation: pb.Command["operation"]): Operation {
  switch (operation.case) {
    case "registerUser": {
      const { user, uid, displayName, email, timeZone, passwordHash, bootstrapHash } =
        operation.value;
      return {
        kind: "register-user",
        user,
        uid,
        displayName,
        email,
        timeZone,
        passwordHash,
        bootstrapHash,
      };
    }
    case "changePassword": {
      const { user, passwordHash, keepSession } = operation.value;
      return { kind: "change-password", user, passwordHash, keepSession };
    }
    case "createSession": {
      const { user, session, client, refreshHash, address } = operation.value;
      const lifetimeMs = toSafeInteger(operation.value.lifetimeMs);
      const from = address === "" ? {} : { address };
      return { kind: "create-session", user, session, client, refreshHash, lifetimeMs, ...from };
    }
    case "rotateSession": {
      const { user, session, presentedHash, nextHash } = operation.value;
      const lifetimeMs = toSafeInteger(operation.value.lifetimeMs);
      return { kind: "rotate-session", user, session, presentedHash, nextHash, lifetimeMs };
    }
    case "revokeSession": {
      const { user, session } = operation.value;
      return { kind: "revoke-session", user, session };
    }
    case "updateUser":
      return fromUpdateUser(operation.value);
    case "setUserStanding":
      return fromSetUserStanding(operation.value);
    case "createClusterKeys":
      return {
        kind: "create-cluster-keys",
        keys: fromClusterKeys(required(operation.value.keys, "keys")),
      };
    case "rotateClusterKeys": {
      const { expected, next } = operation.value;
      const key = fromSigningKey(required(next, "next"));
      return { kind: "rotate-cluster-keys", expected, next: key };
    }
    case "createGroup":
    case "updateGroup":
    case "setGroupDeleted":
    case "addMember":
    case "updateMember":
    case "removeMember":
    case "transferLeadership":
    case "createInvitation":
    case "settleInvitation":
      return fromGroupOperation(operation);
    case "createCalendar":
    case "updateCalendar":
    case "deleteCalendar":
    case "setReader":
      return fromCalendarOperation(operation);
    case "createEvent": {
      const { calendar, event, content } = operation.value;
      return {
        kind: "create-event",
        calendar,
        event,
        content: fromEventContent(required(content, "content")),
        ...groupField(operation.value),
        ...fromOccurrencesField(operation.value),
      };
    }
    case "updateEvent": {
      const { calendar, event, content, fields, etag } = operation.value;
      return {
        kind: "update-event",
        calendar,
        event,
        content: fromEventContent(required(content, "content")),
        fields: fields.map((field) => EVENT_FIELD.decode(field)),
        etag,
        ...fromOccurrencesField(operation.value),
      };
    }
    case "deleteEvent": {
      const { calendar, event, etag } = operation.value;
      return { kind: "delete-event", calendar, event, etag };
    }
    case "undeleteEvent": {
      const { calendar, event } = operation.value;
      return { kind: "undelete-event", calendar, event };
    }
    case "createEvents": {
      const { calendar, events } = operation.value;
      return {
        kind: "create-events",
        calendar,
        events: events.map((item) => ({
          event: item.event,
          content: fromEventContent(required(item.content, "content")),
          ...groupField(item),
          ...fromOccurrencesField(item),
        })),
      };
    }
    case "cancelEvent": {
      const { calendar, event, etag } = operation.value;
      return { kind: "cancel-event", calendar, event, etag };
    }
    case "respondEvent": {
      const { calendar, event, comment } = operation.value;
      const response = RESPONSE.decode(operation.value.response);
      if (response === "needs-action" || response === "auto-accepted") {
        throw new Malformed(`${response} is no answer`);
      }
      return { kind: "respond-event", calendar, event, response, comment };
    }
    case "deleteEvents": {
      const { calendar, events } = operation.value;
      return { kind: "delete-events", calendar, events };
    }
    case "extendSeries": {
      const { calendar, event, dueMs, afterMs, occurrences } = operation.value;
      return {
        kind: "extend-series",
        calendar,
        event,
        dueMs: toSafeInteger(dueMs),
        afterMs: toSafeInteger(afterMs),
        occurrences: fromOccurrences(required(occurrences, "occurrences")),
      };
    }
    case "fireReminders":
      return { kind: "fire-reminders", limit: operation.value.limit };
    case "markNotificationRead": {
      const { user, notification } = operation.value;
      return { kind: "mark-notification-read", user, notification };
    }
    case "setSubscriptions":
      return fromSetSubscriptions(operation.value);
    case "markAllNotificationsRead":
      return { kind: "mark-all-notifications-read", user: operation.value.user };
    case "sweep": {
      const { limit, trimFeedTo } = operation.value;
      return { kind: "sweep", limit, trimFeedTo: toSafeInteger(trimFeedTo) };
    }
    case "deliver": {
      const { source, epoch, number, delivery } = operation.value;
      return {
        kind: "deliver",
        source,
        epoch,
        number: toSafeInteger(number),
        delivery: fromDelivery(required(delivery, "delivery")),
      };
    }
    case "settleOutbox": {
      const { target, upTo } = operation.value;
      return { kind: "settle-outbox", target, upTo: toSafeInteger(upTo) };
    }
    case "recordLoginFailure":
    case "issueResetCode":
    case "resetPassword":
    case "setClusterRoles":
      return fromPeopleOperation(operation);
    case "recordAudit":
    case "signAudit":
    case "pruneAudit":
      return fromAuditOperation(operation);
    case undefined:
      return { kind: "unknown" };
    default:
      return unreachable(operation);
  }
}
