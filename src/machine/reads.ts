import { unreachable } from "../base/index.js";
import type { Caller, Command, CommandReply, Operation } from "../domain/index.js";
import { describeForAudit } from "./audited.js";
import { groupsOfRange, ownMembersRange, subgroupRange } from "./group-rows.js";
import { calendarOwner } from "../policy/index.js";
import { furtherRange, isFurther, primaryOf } from "./calendar-rows.js";
import { standingRange } from "./calendars.js";
import { copyReads } from "./copies.js";
import { eventReads } from "./find-event.js";
import type { Collection, RangeMap } from "../placement/index.js";
import { requestReads } from "./idempotency.js";
import { openInvitationsRange } from "./invitations.js";
import { MARKED_MAX, unreadRange } from "./notifications.js";
import { KEYS } from "./rows.js";
import { sessionsRange } from "./sessions.js";
import { foldAscii } from "./text.js";
import type { KeyRange, ReadSet, StateKey } from "./types.js";
import { calendarReads } from "./write-event.js";

const DONE: CommandReply = { kind: "done", name: "", revision: 0, sequence: 0, replayed: false };
const NO_RANGES: readonly KeyRange[] = [];

/**
 * What applying will read, as far as the command alone tells: all of it but for a sweep, whose
 * queues begin where the state says. Only called for commands without fault.
 */
export function readsOf(command: Command, rangeMap: RangeMap): ReadSet {
  const keys = [
    ...requestReads(command),
    ...operationKeys(command),
    ...laneKeys(command.operation, rangeMap),
    ...auditKeys(command.operation),
  ];
  return { keys, ranges: operationRanges(command) };
}

function operationKeys({ caller, operation }: Command): readonly StateKey[] {
  switch (operation.kind) {
    case "register-user": {
      const keys = [KEYS.user(operation.user), KEYS.takenUser(operation.user)];
      if (operation.email !== "") keys.push(KEYS.emailOwner(foldAscii(operation.email)));
      if (operation.bootstrapHash !== "") keys.push(KEYS.bootstrapUse);
      return keys;
    }
    case "update-user": {
      const { user, content, fields } = operation;
      if (!fields.includes("email") || content.email === "") return [KEYS.user(user)];
      return [KEYS.user(user), KEYS.emailOwner(foldAscii(content.email))];
    }
    case "create-session": {
      const { user, address } = operation;
      const keys = [KEYS.user(user)];
      return address === undefined ? keys : [...keys, KEYS.loginFailures(user, address)];
    }
    case "record-login-failure": {
      const { user, address } = operation;
      return [KEYS.loginFailures(user, address), KEYS.addressFailures(address)];
    }
    case "issue-reset-code":
    case "change-password":
    case "set-cluster-roles":
    case "set-user-standing":
      return [KEYS.user(operation.user)];
    case "reset-password":
      return [KEYS.user(operation.user), KEYS.resetCode(operation.user)];
    case "rotate-session":
      return [KEYS.session(operation.user, operation.session), KEYS.user(operation.user)];
    case "set-subscriptions":
      return [KEYS.user(operation.user), KEYS.subscriptions(operation.user)];
    case "revoke-session":
      return [KEYS.session(operation.user, operation.session)];
    case "create-cluster-keys":
    case "rotate-cluster-keys":
      return [KEYS.clusterKeys];
    case "publish-range-map":
      return [KEYS.rangeMap];
    case "create-group": {
      const { group, parent } = operation;
      const keys = [KEYS.group(group), KEYS.takenGroup(group)];
      return parent === "" ? keys : [...keys, KEYS.group(parent), ...ownKeys(caller, parent)];
    }
    case "update-group": {
      const { group, parent } = operation;
      const keys = [KEYS.group(group), ...ownKeys(caller, group)];
      return parent === "" ? keys : [...keys, KEYS.group(parent), ...ownKeys(caller, parent)];
    }
    case "set-group-deleted":
      return [KEYS.group(operation.group), ...ownKeys(caller, operation.group)];
    case "update-member":
    case "remove-member": {
      const { group, user } = operation;
      const keys = [KEYS.group(group), KEYS.member(group, user), KEYS.memberCount(group)];
      return [...keys, ...ownKeys(caller, group)];
    }
    case "transfer-leadership": {
      const { group, successor } = operation;
      return [KEYS.group(group), KEYS.member(group, successor), ...ownKeys(caller, group)];
    }
    case "create-invitation": {
      const { group, invitee } = operation;
      const keys = [KEYS.member(group, invitee), KEYS.openInvitation(group, invitee)];
      return [KEYS.group(group), ...keys, ...ownKeys(caller, group)];
    }
    case "settle-invitation": {
      const { group, invitation } = operation;
      const keys = [KEYS.group(group), KEYS.invitation(group, invitation), KEYS.memberCount(group)];
      return [...keys, ...ownKeys(caller, group)];
    }
    case "add-member": {
      const { group, user } = operation;
      const keys = [KEYS.group(group), KEYS.member(group, user), KEYS.memberCount(group)];
      return [...keys, ...ownKeys(caller, group)];
    }
    case "create-calendar":
    case "update-calendar":
    case "delete-calendar":
    case "set-reader":
      return [KEYS.calendar(operation.calendar), ...placeKeys(caller, operation.calendar)];
    case "create-event":
    case "update-event":
    case "delete-event":
    case "cancel-event":
    case "respond-event":
    case "undelete-event":
      return [
        KEYS.calendar(operation.calendar),
        ...calendarReads(operation.calendar),
        ...placeKeys(caller, operation.calendar),
        ...eventReads(operation.calendar, operation.event),
      ];
    case "extend-series": {
      const { calendar, event } = operation;
      return [KEYS.event(calendar, event), KEYS.series(calendar, event)];
    }
    case "create-events":
      return [
        KEYS.calendar(operation.calendar),
        ...calendarReads(operation.calendar),
        ...placeKeys(caller, operation.calendar),
        ...operation.events.map(({ event }) => KEYS.event(operation.calendar, event)),
      ];
    case "delete-events":
      return [
        KEYS.calendar(operation.calendar),
        ...calendarReads(operation.calendar),
        ...placeKeys(caller, operation.calendar),
        ...operation.events.map((event) => KEYS.event(operation.calendar, event)),
      ];
    case "fire-reminders":
    case "mark-all-notifications-read":
      return [];
    case "mark-notification-read":
      return [KEYS.notification(operation.user, operation.notification)];
    case "sweep":
      return [KEYS.sweepBounds, KEYS.requestUsage];
    case "deliver":
      return [
        KEYS.inbox(operation.source, operation.epoch),
        ...(operation.delivery.kind === "event" ? copyReads(operation.delivery) : []),
      ];
    case "settle-outbox":
      return [KEYS.outboxLane(operation.target)];
    case "sign-audit":
      return [KEYS.auditHead, KEYS.audit(operation.checkpoint.number)];
    case "prune-audit":
    case "record-audit":
      return [KEYS.auditHead];
    case "unknown":
      return [];
    default:
      return unreachable(operation);
  }
}

/** Of what is written into the audit trail if it is done. */
function auditKeys(operation: Operation): readonly StateKey[] {
  return describeForAudit(operation, DONE) === undefined ? [] : [KEYS.auditHead];
}

/** Of the shards that will hear of it. */
function laneKeys(operation: Operation, { shards }: RangeMap): readonly StateKey[] {
  const lanes = (collection: Collection): readonly StateKey[] =>
    shards
      .filter((shard) => shard.collection === collection)
      .map(({ number }) => KEYS.outboxLane(number));
  switch (operation.kind) {
    case "create-group":
    case "set-group-deleted":
    case "add-member":
    case "update-member":
    case "transfer-leadership":
    case "create-invitation":
    case "settle-invitation":
      return lanes("calendars");
    case "update-group":
    case "remove-member":
      return [...lanes("calendars"), ...lanes("groups")];
    case "set-user-standing":
      return lanes("groups");
    case "update-user":
      return operation.fields.includes("defaultVisibility") ? lanes("calendars") : [];
    case "create-event":
      return operation.content.invitees.length > 0 || operation.group !== undefined
        ? lanes("calendars")
        : [];
    case "respond-event":
      return lanes("calendars");
    default:
      return [];
  }
}

/** What tells the caller's place in the group whose calendar it is. */
function placeKeys(caller: Caller, calendar: string): readonly StateKey[] {
  const owner = calendarOwner(calendar);
  if (owner?.kind !== "group") return [];
  return [KEYS.group(owner.group), ...ownKeys(caller, owner.group)];
}

/** The caller's own place in a group. */
function ownKeys(caller: Caller, group: string): readonly StateKey[] {
  return caller.kind === "user" ? [KEYS.member(group, caller.user)] : [];
}

function operationRanges({ caller, operation }: Command): readonly KeyRange[] {
  switch (operation.kind) {
    case "create-group":
      return caller.kind === "user" ? [groupsOfRange(caller.user)] : NO_RANGES;
    case "add-member":
      return [groupsOfRange(operation.user)];
    case "remove-member":
      return [subgroupRange(operation.group)];
    case "create-invitation":
      return [openInvitationsRange(operation.group)];
    case "set-group-deleted":
      return [ownMembersRange(operation.group), subgroupRange(operation.group)];
    case "settle-invitation":
      return caller.kind === "user" ? [groupsOfRange(caller.user)] : NO_RANGES;
    case "create-calendar":
      return isFurther(operation.calendar)
        ? [furtherRange(primaryOf(operation.calendar))]
        : NO_RANGES;
    case "delete-calendar":
      return [standingRange(operation.calendar)];
    case "mark-all-notifications-read":
      return [unreadRange(operation.user, MARKED_MAX + 1)];
    case "reset-password":
    case "set-cluster-roles":
    case "change-password":
    case "create-session":
    case "set-user-standing":
      return [sessionsRange(operation.user)];
    default:
      return NO_RANGES;
  }
}
