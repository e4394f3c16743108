import { InvariantViolation, unreachable } from "../base/index.js";
import type { Command, CommandReply } from "../domain/index.js";
import { audit, pruneAudit, recordAudit, signAudit } from "./audit.js";
import { findFault } from "./checks.js";
import { respondEvent } from "./answers.js";
import { createCalendar, deleteCalendar, setReader, updateCalendar } from "./calendars.js";
import { setClusterRoles } from "./cluster-roles.js";
import { recordLoginFailure } from "./login-throttle.js";
import { issueResetCode, resetPassword } from "./reset-codes.js";
import { createClusterKeys, rotateClusterKeys } from "./cluster-keys.js";
import type { RangeMap } from "../placement/index.js";
import { publishRangeMap } from "./range-map.js";
import { CommandTooLarge, Draft, OutboxFull, refuse } from "./draft.js";
import type { Outcome, Refusal } from "./draft.js";
import { createEvent, createEvents } from "./create-events.js";
import { cancelEvent, deleteEvent, deleteEvents } from "./end-events.js";
import { undeleteEvent } from "./undelete-event.js";
import { updateEvent } from "./update-event.js";
import { createGroup, setGroupDeleted, updateGroup } from "./groups.js";
import { hasRequestId, recall, remember } from "./idempotency.js";
import { createInvitation, settleInvitation } from "./invitations.js";
import { addMember, removeMember, transferLeadership, updateMember } from "./members.js";
import { deliver, settleOutbox } from "./outbox.js";
import { createSession, revokeSession, rotateSession } from "./sessions.js";
import { markAllRead, markRead } from "./notifications.js";
import { fireReminders } from "./reminders.js";
import { extendSeries } from "./series.js";
import { setSubscriptions } from "./subscriptions.js";
import { sweep } from "./sweep.js";
import type { Applied, ApplyContext, Codec, View } from "./types.js";
import { changePassword, registerUser, setUserStanding, updateUser } from "./users.js";

/**
 * Depends on its arguments alone. What a command is refused for without a look at the state is not
 * remembered.
 */
export function applyCommand(
  context: ApplyContext,
  command: Command,
  view: View,
  codec: Codec,
  rangeMap: RangeMap,
): Applied {
  const boundsOutbox = command.operation.kind !== "deliver";
  const draft = new Draft(context, codec.rows, view, { rangeMap, boundsOutbox });
  const fault = findFault(command);
  if (fault !== undefined) {
    return finish(draft, command, replyTo(draft, refuse("invalid-argument", fault)));
  }
  const recalled = hasRequestId(command) ? recall(draft, command) : undefined;
  if (recalled?.kind === "answered") return finish(draft, command, recalled.reply);
  const settle = (outcome: Outcome): CommandReply => {
    const reply = replyTo(draft, outcome);
    audit(draft, command, reply, codec);
    if (recalled !== undefined) remember(draft, command, recalled.usage, reply);
    return reply;
  };
  return finish(draft, command, run(draft, command, settle));
}

/** What does not fit one batch is refused, wherever that shows: what it has written by then is discarded. */
function run(
  draft: Draft,
  command: Command,
  settle: (outcome: Outcome) => CommandReply,
): CommandReply {
  try {
    const outcome = dispatch(draft, command);
    draft.close();
    return settle(outcome);
  } catch (error) {
    const refusal = refusalFor(error);
    if (refusal === undefined) throw error;
    draft.discard();
    return settle(refusal);
  }
}

function refusalFor(error: unknown): Refusal | undefined {
  if (error instanceof CommandTooLarge) {
    return refuse("invalid-argument", "too much at once: fewer attendees, instances or events");
  }
  if (!(error instanceof OutboxFull)) return undefined;
  return refuse("overloaded", "too much is on its way to other shards: try again later");
}

function dispatch(draft: Draft, { caller, operation }: Command): Outcome {
  switch (operation.kind) {
    case "register-user":
      return registerUser(draft, caller, operation);
    case "change-password":
      return changePassword(draft, caller, operation);
    case "create-session":
      return createSession(draft, caller, operation);
    case "rotate-session":
      return rotateSession(draft, caller, operation);
    case "record-login-failure":
      return recordLoginFailure(draft, caller, operation);
    case "issue-reset-code":
      return issueResetCode(draft, caller, operation);
    case "reset-password":
      return resetPassword(draft, caller, operation);
    case "set-cluster-roles":
      return setClusterRoles(draft, caller, operation);
    case "revoke-session":
      return revokeSession(draft, caller, operation);
    case "update-user":
      return updateUser(draft, caller, operation);
    case "set-subscriptions":
      return setSubscriptions(draft, caller, operation);
    case "set-user-standing":
      return setUserStanding(draft, caller, operation);
    case "create-cluster-keys":
      return createClusterKeys(draft, caller, operation);
    case "rotate-cluster-keys":
      return rotateClusterKeys(draft, caller, operation);
    case "publish-range-map":
      return publishRangeMap(draft, caller, operation);
    case "create-group":
      return createGroup(draft, caller, operation);
    case "update-group":
      return updateGroup(draft, caller, operation);
    case "set-group-deleted":
      return setGroupDeleted(draft, caller, operation);
    case "add-member":
      return addMember(draft, caller, operation);
    case "update-member":
      return updateMember(draft, caller, operation);
    case "remove-member":
      return removeMember(draft, caller, operation);
    case "transfer-leadership":
      return transferLeadership(draft, caller, operation);
    case "create-invitation":
      return createInvitation(draft, caller, operation);
    case "settle-invitation":
      return settleInvitation(draft, caller, operation);
    case "create-calendar":
      return createCalendar(draft, caller, operation);
    case "update-calendar":
      return updateCalendar(draft, caller, operation);
    case "delete-calendar":
      return deleteCalendar(draft, caller, operation);
    case "set-reader":
      return setReader(draft, caller, operation);
    case "create-event":
      return createEvent(draft, caller, operation);
    case "update-event":
      return updateEvent(draft, caller, operation);
    case "delete-event":
      return deleteEvent(draft, caller, operation);
    case "undelete-event":
      return undeleteEvent(draft, caller, operation);
    case "cancel-event":
      return cancelEvent(draft, caller, operation);
    case "respond-event":
      return respondEvent(draft, caller, operation);
    case "create-events":
      return createEvents(draft, caller, operation);
    case "delete-events":
      return deleteEvents(draft, caller, operation);
    case "extend-series":
      return extendSeries(draft, caller, operation);
    case "fire-reminders":
      return fireReminders(draft, caller, operation);
    case "mark-notification-read":
      return markRead(draft, caller, operation);
    case "mark-all-notifications-read":
      return markAllRead(draft, caller, operation);
    case "sweep":
      return sweep(draft, caller, operation);
    case "deliver":
      return deliver(draft, caller, operation);
    case "settle-outbox":
      return settleOutbox(draft, caller, operation);
    case "record-audit":
      return recordAudit(caller);
    case "sign-audit":
      return signAudit(draft, caller, operation);
    case "prune-audit":
      return pruneAudit(draft, caller, operation);
    case "unknown":
      throw new InvariantViolation("a command of a newer version: this replica must be upgraded");
    default:
      return unreachable(operation);
  }
}

function replyTo(draft: Draft, outcome: Outcome): CommandReply {
  if (outcome.kind === "refused") return { ...outcome, replayed: false };
  return { ...outcome, sequence: draft.sequence, replayed: false };
}

function finish(draft: Draft, { operation }: Command, reply: CommandReply): Applied {
  const { writes, changes, posted, audited } = draft;
  const trims = operation.kind === "sweep" && reply.kind === "done" && operation.trimFeedTo > 0;
  return {
    writes,
    reply,
    changes,
    ...(posted.length > 0 ? { posted } : {}),
    ...(audited > 0 ? { audited } : {}),
    ...(trims ? { trimFeedTo: operation.trimFeedTo } : {}),
  };
}
