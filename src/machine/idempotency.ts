import { unreachable } from "../base/index.js";
import type { Command, CommandReply, Operation } from "../domain/index.js";
import { refuse } from "./draft.js";
import type { Draft, Refusal } from "./draft.js";
import { KEYS } from "./rows.js";
import type { RequestUsageRow } from "./rows.js";
import type { StateKey } from "./types.js";

/** How long the first answer to a request id is kept, in log time. */
export const REQUEST_WINDOW_MS = 24 * 3_600_000;
/** Of one outcome, encoded. One whose resource does not fit is kept without. */
export const OUTCOME_BYTES_MAX = 1_024;
/** Of all outcomes of ids that tell their time. */
export const TIMED_BYTES_MAX = 64 * 1024 * 1024;
/** Beyond this, sweeps forget the oldest of them before their time. */
export const TIMED_BYTES_KEPT = 48 * 1024 * 1024;
/**
 * Of all outcomes of other ids: apart, so that they cannot keep out those that can be forgotten
 * early.
 */
export const OPAQUE_BYTES_MAX = 16 * 1024 * 1024;

export const NO_USAGE: RequestUsageRow = { timedBytes: 0, opaqueBytes: 0, floorMs: 0 };
/** How far an id's time may be ahead of the log's for its outcome to be forgotten early. */
const AHEAD_MS_MAX = 10_000;
/** About what the expiry row's value takes. */
const EXPIRY_VALUE_BYTES = 8;
const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/i;

/** What a repeated or new request id means before the operation is looked at. */
export type Recall =
  | { readonly kind: "first"; readonly usage: RequestUsageRow }
  | { readonly kind: "answered"; readonly reply: CommandReply };

/**
 * Exactly once: the first answer to (principal, request id) is part of the state, refusals
 * included, and a repetition gets it again. An id is forgotten after the window; one that tells its
 * time (UUIDv7) is refused from then on, so it never takes effect twice. Under load the window of
 * these shrinks to what fits, and `floorMs` says from when on the record is complete.
 */
export function recall(draft: Draft, command: Command): Recall {
  const stored = draft.find(draft.rows.requestOutcome, requestKey(command));
  if (stored !== undefined) {
    if (stored.fingerprint === command.fingerprint) {
      return { kind: "answered", reply: { ...stored.reply, replayed: true } };
    }
    return answered(
      refuse("request-id-reused", "this request id belongs to another request: make a new one"),
    );
  }
  const usage = draft.find(draft.rows.requestUsage, KEYS.requestUsage) ?? NO_USAGE;
  const idTimeMs = requestTimeMs(command.requestId, draft.nowMs);
  if (idTimeMs !== undefined) {
    if (idTimeMs < Math.max(draft.nowMs - REQUEST_WINDOW_MS, usage.floorMs)) {
      return answered(
        refuse(
          "request-expired",
          "this request id is too old to tell whether it was used: look first, then make a new one",
        ),
      );
    }
  }
  const isFull = isTimed(idTimeMs, draft.nowMs)
    ? usage.timedBytes >= TIMED_BYTES_MAX
    : usage.opaqueBytes >= OPAQUE_BYTES_MAX;
  return isFull ? answered(refuseFull()) : { kind: "first", usage };
}

/** Keeps the answer in the same batch as what it answers. */
export function remember(
  draft: Draft,
  command: Command,
  usage: RequestUsageRow,
  reply: CommandReply,
): void {
  const key = requestKey(command);
  const value = encodeOutcome(draft, command.fingerprint, reply);
  const principal = principalOf(command);
  const idTimeMs = requestTimeMs(command.requestId, draft.nowMs);
  // One more, so that an outcome goes only when its id has become too old.
  const expireMs = Math.max(draft.nowMs, idTimeMs ?? 0) + REQUEST_WINDOW_MS + 1;
  const timed = isTimed(idTimeMs, draft.nowMs);
  const expiryKey = timed
    ? KEYS.timedRequestExpiry(expireMs, principal, command.requestId)
    : KEYS.opaqueRequestExpiry(expireMs, principal, command.requestId);
  const bytes = key.length + value.length + expiryKey.length + EXPIRY_VALUE_BYTES;
  draft.putBytes(key, value);
  draft.put(draft.rows.expiry, expiryKey, { keys: [], bytes });
  draft.put(
    draft.rows.requestUsage,
    KEYS.requestUsage,
    timed
      ? { ...usage, timedBytes: usage.timedBytes + bytes }
      : { ...usage, opaqueBytes: usage.opaqueBytes + bytes },
  );
}

/** Commands of the cluster itself may go without. */
export function hasRequestId(command: Command): boolean {
  return command.requestId !== "";
}

export function requestReads(command: Command): readonly StateKey[] {
  return hasRequestId(command) ? [requestKey(command), KEYS.requestUsage] : [];
}

/**
 * Time within a UUIDv7; undefined for other ids, and for one so far ahead that it tells nothing.
 */
function requestTimeMs(requestId: string, nowMs: number): number | undefined {
  if (!UUID_V7.test(requestId)) return undefined;
  const timeMs = Number.parseInt(requestId.slice(0, 8) + requestId.slice(9, 13), 16);
  return timeMs > nowMs + REQUEST_WINDOW_MS ? undefined : timeMs;
}

/**
 * Whether an outcome may be forgotten early, since its id is refused afterwards. Not where the id is
 * ahead of time: refusing whatever is older than it would refuse what is made now.
 */
function isTimed(idTimeMs: number | undefined, nowMs: number): boolean {
  return idTimeMs !== undefined && idTimeMs <= nowMs + AHEAD_MS_MAX;
}

function encodeOutcome(draft: Draft, fingerprint: string, reply: CommandReply): Uint8Array {
  const codec = draft.rows.requestOutcome;
  const whole = codec.encode({ fingerprint, reply });
  if (whole.length <= OUTCOME_BYTES_MAX || reply.kind !== "done") return whole;
  const { name, revision, sequence, replayed } = reply;
  return codec.encode({
    fingerprint,
    reply: { kind: "done", name, revision, sequence, replayed },
  });
}

function requestKey(command: Command): StateKey {
  return KEYS.request(principalOf(command), command.requestId);
}

/**
 * Who may not use an id twice. Those without a name of their own are told apart by what they do to
 * whom.
 */
function principalOf({ caller, operation }: Command): string {
  if (caller.kind === "user") return `u.${caller.user}`;
  return `${caller.kind}.${operation.kind}.${targetOf(operation)}`;
}

function targetOf(operation: Operation): string {
  switch (operation.kind) {
    case "register-user":
    case "change-password":
    case "create-session":
    case "rotate-session":
    case "revoke-session":
    case "record-login-failure":
    case "issue-reset-code":
    case "reset-password":
    case "set-cluster-roles":
    case "update-user":
    case "set-user-standing":
    case "set-subscriptions":
      return operation.user;
    case "create-group":
    case "update-group":
    case "set-group-deleted":
    case "add-member":
    case "update-member":
    case "remove-member":
    case "transfer-leadership":
    case "create-invitation":
    case "settle-invitation":
      return operation.group;
    case "create-calendar":
    case "update-calendar":
    case "delete-calendar":
    case "set-reader":
    case "create-event":
    case "update-event":
    case "delete-event":
    case "undelete-event":
    case "cancel-event":
    case "respond-event":
    case "create-events":
    case "delete-events":
    case "extend-series":
      return operation.calendar;
    case "mark-notification-read":
    case "mark-all-notifications-read":
      return operation.user;
    case "create-cluster-keys":
    case "fire-reminders":
    case "rotate-cluster-keys":
    case "publish-range-map":
    case "sweep":
    case "deliver":
    case "settle-outbox":
    case "record-audit":
    case "sign-audit":
    case "prune-audit":
    case "unknown":
      return "";
    default:
      return unreachable(operation);
  }
}

function answered(refusal: Refusal): Recall {
  return { kind: "answered", reply: { ...refusal, replayed: false } };
}

function refuseFull(): Refusal {
  return refuse("overloaded", "too many recent requests are remembered: try again later");
}
