import { unreachable } from "../base/index.js";
import type { Command, Operation } from "../domain/index.js";
import { requestReads } from "./idempotency.js";
import { KEYS } from "./rows.js";
import { sessionsRange } from "./sessions.js";
import { foldAscii } from "./text.js";
import type { KeyRange, ReadSet, StateKey } from "./types.js";

const NO_RANGES: readonly KeyRange[] = [];

/**
 * What applying will read, as far as the command alone tells: all of it but for a sweep, whose
 * queues begin where the state says. Only called for commands without fault.
 */
export function readsOf(command: Command): ReadSet {
  const keys = [...requestReads(command), ...operationKeys(command)];
  return { keys, ranges: operationRanges(command.operation) };
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
    case "change-password":
    case "create-session":
    case "set-user-standing":
      return [KEYS.user(operation.user)];
    case "rotate-session":
      return [KEYS.session(operation.user, operation.session), KEYS.user(operation.user)];
    case "revoke-session":
      return [KEYS.session(operation.user, operation.session)];
    case "create-cluster-keys":
      return [KEYS.clusterKeys];
    case "create-group":
      return [KEYS.group(operation.group)];
    case "add-member": {
      const { group, user } = operation;
      const keys = [KEYS.member(group, user), KEYS.memberCount(group)];
      if (caller.kind === "user") keys.push(KEYS.member(group, caller.user));
      return keys;
    }
    case "create-event":
    case "update-event":
    case "delete-event":
      return [KEYS.event(operation.calendar, operation.event)];
    case "undelete-event":
      return [KEYS.event(operation.calendar, operation.event)];
    case "create-events":
      return operation.events.map(({ event }) => KEYS.event(operation.calendar, event));
    case "delete-events":
      return operation.events.map((event) => KEYS.event(operation.calendar, event));
    case "sweep":
      return [KEYS.sweepBounds, KEYS.requestUsage];
    case "unknown":
      return [];
    default:
      return unreachable(operation);
  }
}

function operationRanges(operation: Operation): readonly KeyRange[] {
  switch (operation.kind) {
    case "change-password":
    case "create-session":
    case "set-user-standing":
      return [sessionsRange(operation.user)];
    default:
      return NO_RANGES;
  }
}
