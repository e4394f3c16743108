import { InvariantViolation, unreachable } from "../base/index.js";
import type {
  CalendarContent,
  AuditRecord,
  Command,
  NewEvent,
  Operation,
  SigningKey,
  WorkingHours,
} from "../domain/index.js";
import { calendarOwner, isId } from "../policy/index.js";
import {
  asciiFault,
  bytesFault,
  hashFault,
  idFault,
  rangeFault,
  textFault,
  TIME_ZONE_BYTES_MAX,
} from "./bounds.js";
import {
  batchFault,
  batchSizeFault,
  eventNameFault,
  findContentFault,
  instanceNameFault,
  newEventFault,
} from "./event-checks.js";
import { AUDIT_RECORDS_MAX } from "./audit.js";
import { TIME_END_MS, TIME_MIN_MS } from "./rows.js";
import { isNotificationId } from "./notifications.js";
import { CHOSEN_CHANNELS_MAX } from "./subscriptions.js";
import { rangeMapFault } from "./range-map.js";
import { REMINDERS_FIRED_MAX } from "./reminders.js";
import { occurrencesFault, startsFault } from "./series.js";
import { isVisibleAscii } from "./text.js";

const INVITATION_ID = /^i[0-9a-hjkmnp-tv-z]{26}$/;
const SESSION_ID = /^[A-Za-z0-9_-]{1,64}$/;
const ADDRESS = /^[0-9A-Za-z.:_-]{1,64}$/;
const REQUEST_ID_CHARS_MAX = 64;
const FINGERPRINT_CHARS_MAX = 64;
const HASH_CHARS_MAX = 128;
const PASSWORD_HASH_CHARS_MAX = 512;
const UID_CHARS_MAX = 64;
const NAME_CHARS_MAX = 63;
const EMAIL_BYTES_MAX = 254;
const CLIENT_BYTES_MAX = 128;
const SECRET_BYTES_MAX = 4_096;
const COMMENT_CHARS_MAX = 500;
const RANK_MAX = 1_000_000;
const INVITATION_LIFETIME_MS_MAX = 90 * 86_400_000;
const SHARD_NUMBER_MAX = 0xffff_ffff;
const WORKING_HOURS_MAX = 14;
const DAY_MINUTES = 1_440;
const SHA256_BYTES = 32;
const SIGNATURE_BYTES_MAX = 128;
const AUDIT_TEXT_BYTES_MAX = 512;
const ORIGIN_CHARS_MAX = 64;
const CHANNEL_CHARS_MAX = 200;
const COUNT_MAX = 0x7fff_ffff;
const SESSION_LIFETIME_MS_MAX = 400 * 86_400_000;

export function isInvitationId(text: string): boolean {
  return INVITATION_ID.test(text);
}

export function isSessionId(text: string): boolean {
  return SESSION_ID.test(text);
}

/**
 * What is wrong with a command whatever the state; undefined if nothing. The gateway has checked
 * the same: this stands between a faulty gateway and the keys of the state. Throws on an operation
 * of a newer version.
 */
export function findFault(command: Command): string | undefined {
  const { caller, requestId, fingerprint, operation } = command;
  if (caller.kind === "user" && !isId(caller.user)) return "caller: not a user id";
  if (requestId === "" && caller.kind !== "system") return "request_id: must be set";
  if (requestId.length > REQUEST_ID_CHARS_MAX || !isVisibleAscii(requestId)) {
    return "request_id: at most 64 visible ASCII characters";
  }
  if (fingerprint.length > FINGERPRINT_CHARS_MAX) return "fingerprint: too long";
  const originFault = asciiFault("origin", command.origin ?? "", ORIGIN_CHARS_MAX);
  if (originFault !== undefined) return originFault;
  return findOperationFault(operation);
}

function findOperationFault(operation: Operation): string | undefined {
  switch (operation.kind) {
    case "register-user":
      return (
        idFault("user_id", operation.user) ??
        textFault("display_name", operation.displayName, NAME_CHARS_MAX) ??
        bytesFault("time_zone", operation.timeZone, TIME_ZONE_BYTES_MAX) ??
        emailFault(operation.email) ??
        asciiFault("uid", operation.uid, UID_CHARS_MAX) ??
        hashFault("password_hash", operation.passwordHash, PASSWORD_HASH_CHARS_MAX) ??
        asciiFault("bootstrap_hash", operation.bootstrapHash, HASH_CHARS_MAX)
      );
    case "change-password":
      return (
        idFault("user", operation.user) ??
        hashFault("password_hash", operation.passwordHash, PASSWORD_HASH_CHARS_MAX) ??
        (operation.keepSession === "" ? undefined : sessionFault(operation.keepSession))
      );
    case "create-session":
      return (
        idFault("user", operation.user) ??
        sessionFault(operation.session) ??
        bytesFault("client", operation.client, CLIENT_BYTES_MAX) ??
        hashFault("refresh_hash", operation.refreshHash, HASH_CHARS_MAX) ??
        (operation.address === undefined ? undefined : addressFault(operation.address)) ??
        lifetimeFault(operation.lifetimeMs)
      );
    case "rotate-session":
      return (
        idFault("user", operation.user) ??
        sessionFault(operation.session) ??
        hashFault("presented_hash", operation.presentedHash, HASH_CHARS_MAX) ??
        hashFault("next_hash", operation.nextHash, HASH_CHARS_MAX) ??
        lifetimeFault(operation.lifetimeMs)
      );
    case "record-login-failure":
      return idFault("user", operation.user) ?? addressFault(operation.address);
    case "issue-reset-code":
      return (
        idFault("user", operation.user) ??
        hashFault("code_hash", operation.codeHash, HASH_CHARS_MAX) ??
        lifetimeFault(operation.lifetimeMs)
      );
    case "reset-password":
      return (
        idFault("user", operation.user) ??
        hashFault("code_hash", operation.codeHash, HASH_CHARS_MAX) ??
        hashFault("password_hash", operation.passwordHash, PASSWORD_HASH_CHARS_MAX)
      );
    case "set-cluster-roles":
      return idFault("user", operation.user);
    case "revoke-session":
      return idFault("user", operation.user) ?? sessionFault(operation.session);
    case "update-user":
      return idFault("user", operation.user) ?? findUserFault(operation);
    case "set-user-standing":
      return idFault("user", operation.user);
    case "set-subscriptions":
      return (
        idFault("user", operation.user) ??
        rangeFault("channels", operation.channels.length, 0, CHOSEN_CHANNELS_MAX) ??
        operation.channels
          .map((channel) => asciiFault("channels", channel, CHANNEL_CHARS_MAX))
          .find((fault) => fault !== undefined)
      );
    case "create-cluster-keys":
      return (
        bytesFault("position_key", operation.keys.positionKey, SECRET_BYTES_MAX) ??
        signingKeyFault("current", operation.keys.current) ??
        signingKeyFault("next", operation.keys.next) ??
        signingKeyFault("audit", operation.keys.audit)
      );
    case "rotate-cluster-keys":
      return (
        hashFault("expected", operation.expected, HASH_CHARS_MAX) ??
        signingKeyFault("next", operation.next)
      );
    case "publish-range-map":
      return rangeMapFault(operation.map);
    case "create-group":
      return (
        idFault("group_id", operation.group) ??
        asciiFault("uid", operation.uid, UID_CHARS_MAX) ??
        textFault("display_name", operation.displayName, NAME_CHARS_MAX) ??
        parentFault(operation.group, operation.parent)
      );
    case "update-group":
      if (operation.fields.length === 0) return "update_mask: nothing to write";
      return (
        idFault("group", operation.group) ??
        textFault("group.display_name", operation.displayName, NAME_CHARS_MAX) ??
        parentFault(operation.group, operation.parent)
      );
    case "set-group-deleted":
      return idFault("group", operation.group);
    case "remove-member":
      return idFault("group", operation.group) ?? idFault("user", operation.user);
    case "transfer-leadership":
      return idFault("group", operation.group) ?? idFault("successor", operation.successor);
    case "create-invitation":
      return (
        idFault("group", operation.group) ??
        invitationFault(operation.invitation) ??
        idFault("invitee", operation.invitee) ??
        rangeFault("rank", operation.rank, 0, RANK_MAX) ??
        rangeFault("lifetime", operation.lifetimeMs, 1, INVITATION_LIFETIME_MS_MAX)
      );
    case "settle-invitation":
      return idFault("group", operation.group) ?? invitationFault(operation.invitation);
    case "update-member":
    case "add-member":
      return (
        idFault("group", operation.group) ??
        idFault("user", operation.user) ??
        rangeFault("rank", operation.rank, 0, RANK_MAX)
      );
    case "create-calendar":
    case "update-calendar":
      return calendarFault(operation.calendar) ?? calendarContentFault(operation.content);
    case "delete-calendar":
      return calendarFault(operation.calendar);
    case "set-reader":
      return calendarFault(operation.calendar) ?? idFault("reader", operation.reader);
    case "create-event":
      return eventNameFault(operation) ?? newEventFault(operation);
    case "update-event":
      return (
        instanceNameFault(operation) ??
        findContentFault(operation.content, operation.fields) ??
        (operation.occurrences === undefined
          ? undefined
          : occurrencesFault(operation.content, operation.occurrences))
      );
    case "extend-series":
      return (
        eventNameFault(operation) ??
        rangeFault("due_ms", operation.dueMs, TIME_MIN_MS, TIME_END_MS) ??
        startsFault(operation.occurrences)
      );
    case "delete-event":
    case "undelete-event":
      return instanceNameFault(operation);
    case "cancel-event":
      return instanceNameFault(operation);
    case "respond-event":
      return (
        instanceNameFault(operation) ?? textFault("comment", operation.comment, COMMENT_CHARS_MAX)
      );
    case "create-events": {
      const ids = operation.events.map(({ event }) => event);
      return (
        batchFault(operation.calendar, ids) ??
        operation.events.map(batchedEventFault).find((fault) => fault !== undefined) ??
        batchSizeFault(operation.events)
      );
    }
    case "delete-events":
      return batchFault(operation.calendar, operation.events);
    case "fire-reminders":
      return rangeFault("limit", operation.limit, 1, REMINDERS_FIRED_MAX);
    case "mark-notification-read":
      return (
        idFault("user", operation.user) ??
        (isNotificationId(operation.notification) ? undefined : "notification: not an id")
      );
    case "mark-all-notifications-read":
      return idFault("user", operation.user);
    case "sweep":
      return rangeFault("trim_feed_to", operation.trimFeedTo, 0, Number.MAX_SAFE_INTEGER);
    case "deliver":
      return (
        rangeFault("source", operation.source, 1, SHARD_NUMBER_MAX) ??
        rangeFault("epoch", operation.epoch, 0, SHARD_NUMBER_MAX) ??
        rangeFault("number", operation.number, 1, Number.MAX_SAFE_INTEGER)
      );
    case "settle-outbox":
      return (
        rangeFault("target", operation.target, 1, SHARD_NUMBER_MAX) ??
        rangeFault("up_to", operation.upTo, 0, Number.MAX_SAFE_INTEGER)
      );
    case "record-audit":
      return auditRecordsFault(operation.records);
    case "sign-audit": {
      const { number, hash, keyId, signature } = operation.checkpoint;
      if (hash.length !== SHA256_BYTES || signature.length > SIGNATURE_BYTES_MAX) {
        return "checkpoint: no hash and signature";
      }
      return (
        rangeFault("checkpoint.number", number, 1, Number.MAX_SAFE_INTEGER) ??
        asciiFault("checkpoint.key_id", keyId, UID_CHARS_MAX)
      );
    }
    case "prune-audit":
      return rangeFault("up_to", operation.upTo, 1, Number.MAX_SAFE_INTEGER - 1);
    case "unknown":
      throw new InvariantViolation("a command of a newer version: this replica must be upgraded");
    default:
      return unreachable(operation);
  }
}

/** It stands in a key. */
function addressFault(address: string): string | undefined {
  return ADDRESS.test(address) ? undefined : "address: not one";
}

function signingKeyFault(field: string, key: SigningKey): string | undefined {
  return (
    hashFault(`${field}.id`, key.id, HASH_CHARS_MAX) ??
    bytesFault(`${field}.jwk`, key.jwk, SECRET_BYTES_MAX)
  );
}

function auditRecordsFault(records: readonly AuditRecord[]): string | undefined {
  if (records.length === 0 || records.length > AUDIT_RECORDS_MAX) {
    return `records: from 1 to ${AUDIT_RECORDS_MAX}`;
  }
  for (const record of records) {
    const { subject, action, object, decision, detail, origin, requestId, count } = record;
    const fault =
      bytesFault("subject", subject, AUDIT_TEXT_BYTES_MAX) ??
      asciiFault("action", action, UID_CHARS_MAX) ??
      bytesFault("object", object, AUDIT_TEXT_BYTES_MAX) ??
      asciiFault("decision", decision, UID_CHARS_MAX) ??
      bytesFault("detail", detail, AUDIT_TEXT_BYTES_MAX) ??
      asciiFault("origin", origin, ORIGIN_CHARS_MAX) ??
      asciiFault("request_id", requestId, REQUEST_ID_CHARS_MAX) ??
      rangeFault("count", count, 1, COUNT_MAX);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

function findUserFault({
  content,
  fields,
}: Extract<Operation, { kind: "update-user" }>): string | undefined {
  if (fields.length === 0) return "update_mask: nothing to write";
  return (
    textFault("user.display_name", content.displayName, NAME_CHARS_MAX) ??
    emailFault(content.email) ??
    bytesFault("user.time_zone", content.timeZone, TIME_ZONE_BYTES_MAX) ??
    workingHoursFault(content.workingHours)
  );
}

function workingHoursFault(hours: readonly WorkingHours[]): string | undefined {
  if (hours.length > WORKING_HOURS_MAX) return `user.working_hours: at most ${WORKING_HOURS_MAX}`;
  for (const { weekday, startMinute, endMinute } of hours) {
    const fault =
      rangeFault("user.working_hours.weekday", weekday, 1, 7) ??
      rangeFault("user.working_hours.start_minute", startMinute, 0, DAY_MINUTES - 1) ??
      rangeFault("user.working_hours.end_minute", endMinute, startMinute + 1, DAY_MINUTES);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

function batchedEventFault(event: NewEvent, index: number): string | undefined {
  const fault = newEventFault(event);
  return fault === undefined ? undefined : `requests[${index}].${fault}`;
}

function calendarFault(key: string): string | undefined {
  return calendarOwner(key) === undefined ? "calendar: not a calendar's key" : undefined;
}

function calendarContentFault(content: CalendarContent): string | undefined {
  return (
    textFault("calendar.display_name", content.displayName, NAME_CHARS_MAX) ??
    bytesFault("calendar.time_zone", content.timeZone, TIME_ZONE_BYTES_MAX)
  );
}

function parentFault(group: string, parent: string): string | undefined {
  if (parent === "") return undefined;
  if (parent === group) return "group.parent_group: a group is not above itself";
  return idFault("group.parent_group", parent);
}

function invitationFault(id: string): string | undefined {
  return isInvitationId(id) ? undefined : "invitation: not an invitation id";
}

function sessionFault(session: string): string | undefined {
  return isSessionId(session) ? undefined : "session: not a session id";
}

function emailFault(email: string): string | undefined {
  return isVisibleAscii(email)
    ? bytesFault("email", email, EMAIL_BYTES_MAX)
    : "email: ASCII characters alone";
}

function lifetimeFault(lifetimeMs: number): string | undefined {
  return rangeFault("lifetime", lifetimeMs, 1, SESSION_LIFETIME_MS_MAX);
}
