import { toBinary } from "@bufbuild/protobuf";
import type { Message } from "@bufbuild/protobuf";
import * as pb from "../../../gen/cabildo/store/v1/commands_pb.js";
import { InvariantViolation, unreachable } from "../../base/index.js";
import type { Command, Operation } from "../../domain/index.js";
import { toSafeInteger, toInt64 } from "../int64.js";
import { fromCalendarOperation, toCalendarOperation } from "./calendar-commands.js";
import { fromAuditOperation, toAuditOperation } from "./audit.js";
import { fromCaller, toCaller } from "./caller.js";
import { decode, required } from "./decoding.js";
import { fromDelivery, toDelivery } from "./deliveries.js";
import { fromEventOperation, toEventOperation } from "./event-commands.js";
import { fromPeopleOperation, toPeopleOperation } from "./people.js";
import { fromGroupOperation, toGroupOperation } from "./group-commands.js";
import { fromSetSubscriptions, toSetSubscriptions } from "./subscriptions.js";
import { fromSetUserStanding, fromUpdateUser, toUserOperation } from "./user-commands.js";
import { fromRangeMap, toRangeMap } from "./range-map.js";
import { fromClusterKeys, fromSigningKey, toClusterKeys, toSigningKey } from "./resources.js";

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
    case "publish-range-map":
      return {
        case: "publishRangeMap",
        value: {
          $typeName: "cabildo.store.v1.PublishRangeMap",
          map: toRangeMap(operation.map),
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
    case "update-event":
    case "delete-event":
    case "undelete-event":
    case "create-events":
    case "cancel-event":
    case "respond-event":
    case "delete-events":
    case "extend-series":
      return toEventOperation(operation);
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
    case "publishRangeMap":
      return {
        kind: "publish-range-map",
        map: fromRangeMap(required(operation.value.map, "map")),
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
    case "createEvent":
    case "updateEvent":
    case "deleteEvent":
    case "undeleteEvent":
    case "createEvents":
    case "cancelEvent":
    case "respondEvent":
    case "deleteEvents":
    case "extendSeries":
      return fromEventOperation(operation);
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
