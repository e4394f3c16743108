import type * as pb from "../../../gen/cabildo/store/v1/queries_pb.js";
import { unreachable } from "../../base/index.js";
import type { EventCondition, Question, StateQuestion } from "../../domain/index.js";
import { toSafeInteger, toInt64 } from "../int64.js";
import * as audit from "./audit.js";
import { decodeCommand, encodeCommand } from "./commands.js";
import { Malformed } from "./decoding.js";

export function toQuestion(question: Question): pb.Query["question"] {
  switch (question.kind) {
    case "get-user":
      return {
        case: "getUser",
        value: { $typeName: "cabildo.store.v1.GetUser", user: question.user },
      };
    case "find-users": {
      const { users, email } = question;
      return {
        case: "findUsers",
        value: { $typeName: "cabildo.store.v1.FindUsers", users: [...users], email },
      };
    }
    case "list-sessions": {
      const { user, pageSize, after } = question;
      return {
        case: "listSessions",
        value: { $typeName: "cabildo.store.v1.ListSessions", user, pageSize, after },
      };
    }
    case "get-credentials":
      return {
        case: "getCredentials",
        value: { $typeName: "cabildo.store.v1.GetCredentials", user: question.user },
      };
    case "get-session": {
      const { user, session } = question;
      return {
        case: "getSession",
        value: { $typeName: "cabildo.store.v1.GetSession", user, session },
      };
    }
    case "get-cluster-keys":
      return {
        case: "getClusterKeys",
        value: { $typeName: "cabildo.store.v1.GetClusterKeys" },
      };
    case "get-range-map":
      return { case: "getRangeMap", value: { $typeName: "cabildo.store.v1.GetRangeMap" } };
    case "list-outbox":
      return {
        case: "listOutbox",
        value: {
          $typeName: "cabildo.store.v1.ListOutbox",
          target: question.target,
          after: toInt64(question.after),
          pageSize: question.pageSize,
        },
      };
    case "get-login-throttle": {
      const { user, address } = question;
      return {
        case: "getLoginThrottle",
        value: { $typeName: "cabildo.store.v1.GetLoginThrottle", user, address },
      };
    }
    case "list-audit":
    case "list-audit-checkpoints":
      return audit.toAuditQuestion(question);
    case "get-group":
      return {
        case: "getGroup",
        value: { $typeName: "cabildo.store.v1.GetGroup", group: question.group },
      };
    case "get-member": {
      const { group, user } = question;
      return { case: "getMember", value: { $typeName: "cabildo.store.v1.GetMember", group, user } };
    }
    case "list-groups": {
      const { pageSize, after } = question;
      return {
        case: "listGroups",
        value: { $typeName: "cabildo.store.v1.ListGroups", pageSize, after },
      };
    }
    case "get-invitation": {
      const { group, invitation } = question;
      return {
        case: "getInvitation",
        value: { $typeName: "cabildo.store.v1.GetInvitation", group, invitation },
      };
    }
    case "list-invitations": {
      const { group, pageSize, after } = question;
      return {
        case: "listInvitations",
        value: { $typeName: "cabildo.store.v1.ListInvitations", group, pageSize, after },
      };
    }
    case "list-members": {
      const { group, pageSize, after } = question;
      return {
        case: "listMembers",
        value: { $typeName: "cabildo.store.v1.ListMembers", group, pageSize, after },
      };
    }
    case "get-calendar": {
      const { calendar } = question;
      return {
        case: "getCalendar",
        value: { $typeName: "cabildo.store.v1.GetCalendar", calendar },
      };
    }
    case "list-calendars":
      return { case: "listCalendars", value: { $typeName: "cabildo.store.v1.ListCalendars" } };
    case "get-event": {
      const { calendar, event, conflictsFromMs } = question;
      return {
        case: "getEvent",
        value: {
          $typeName: "cabildo.store.v1.GetEvent",
          calendar,
          event,
          ...(conflictsFromMs === undefined ? {} : { conflictsFromMs: toInt64(conflictsFromMs) }),
        },
      };
    }
    case "get-events": {
      const { calendar, events, ifThere = false } = question;
      return {
        case: "getEvents",
        value: { $typeName: "cabildo.store.v1.GetEvents", calendar, events: [...events], ifThere },
      };
    }
    case "list-instances":
      return {
        case: "listInstances",
        value: {
          $typeName: "cabildo.store.v1.ListInstances",
          calendar: question.calendar,
          event: question.event,
          pageSize: question.pageSize,
          after: question.after,
          windowStartMs: toInt64(question.windowStartMs),
          windowEndMs: toInt64(question.windowEndMs),
        },
      };
    case "get-subscriptions":
      return {
        case: "getSubscriptions",
        value: { $typeName: "cabildo.store.v1.GetSubscriptions", user: question.user },
      };
    case "get-channel-right":
      return {
        case: "getChannelRight",
        value: { $typeName: "cabildo.store.v1.GetChannelRight", calendar: question.calendar },
      };
    case "list-notifications": {
      const { user, pageSize, after, unreadOnly } = question;
      return {
        case: "listNotifications",
        value: {
          $typeName: "cabildo.store.v1.ListNotifications",
          user,
          pageSize,
          after,
          unreadOnly,
        },
      };
    }
    case "free-busy":
      return {
        case: "freeBusy",
        value: {
          $typeName: "cabildo.store.v1.FreeBusy",
          calendars: [...question.calendars],
          ofPeople: question.ofPeople,
          windowStartMs: toInt64(question.windowStartMs),
          windowEndMs: toInt64(question.windowEndMs),
        },
      };
    case "list-due-work":
      return {
        case: "listDueWork",
        value: {
          $typeName: "cabildo.store.v1.ListDueWork",
          nowMs: toInt64(question.nowMs),
          limit: question.limit,
        },
      };
    case "try-commands": {
      const { nowMs, commands, then } = question;
      return {
        case: "tryCommands",
        value: {
          $typeName: "cabildo.store.v1.TryCommands",
          nowMs: toInt64(nowMs),
          commands: commands.map(encodeCommand),
          ...(then && {
            then: { $typeName: "cabildo.store.v1.Query", question: toQuestion(then) },
          }),
        },
      };
    }
    case "list-events":
      return {
        case: "listEvents",
        value: {
          $typeName: "cabildo.store.v1.ListEvents",
          calendars: [...question.calendars],
          pageSize: question.pageSize,
          after: question.after,
          windowStartMs: toInt64(question.windowStartMs),
          windowEndMs: toInt64(question.windowEndMs),
          showDeleted: question.showDeleted,
          conditions: question.conditions.map(toCondition),
          asAgenda: question.asAgenda,
          withGone: question.withGone ?? false,
        },
      };
    default:
      return unreachable(question);
  }
}

export function fromQuestion(question: pb.Query["question"]): Question {
  if (question.case !== "tryCommands") return fromStateQuestion(question);
  const { nowMs, commands, then } = question.value;
  return {
    kind: "try-commands",
    nowMs: toSafeInteger(nowMs),
    commands: commands.map(decodeCommand),
    ...(then && { then: fromStateQuestion(then.question) }),
  };
}

function fromStateQuestion(question: pb.Query["question"]): StateQuestion {
  switch (question.case) {
    case "tryCommands":
      throw new Malformed("commands are tried once");
    case "getUser":
      return { kind: "get-user", user: question.value.user };
    case "findUsers": {
      const { users, email } = question.value;
      return { kind: "find-users", users, email };
    }
    case "listSessions": {
      const { user, pageSize, after } = question.value;
      return { kind: "list-sessions", user, pageSize, after };
    }
    case "getCredentials":
      return { kind: "get-credentials", user: question.value.user };
    case "getSession": {
      const { user, session } = question.value;
      return { kind: "get-session", user, session };
    }
    case "getClusterKeys":
      return { kind: "get-cluster-keys" };
    case "getRangeMap":
      return { kind: "get-range-map" };
    case "listOutbox": {
      const { target, after, pageSize } = question.value;
      return { kind: "list-outbox", target, after: toSafeInteger(after), pageSize };
    }
    case "getLoginThrottle": {
      const { user, address } = question.value;
      return { kind: "get-login-throttle", user, address };
    }
    case "listAudit":
    case "listAuditCheckpoints":
      return audit.fromAuditQuestion(question);
    case "getGroup":
      return { kind: "get-group", group: question.value.group };
    case "getMember": {
      const { group, user } = question.value;
      return { kind: "get-member", group, user };
    }
    case "listGroups": {
      const { pageSize, after } = question.value;
      return { kind: "list-groups", pageSize, after };
    }
    case "getInvitation": {
      const { group, invitation } = question.value;
      return { kind: "get-invitation", group, invitation };
    }
    case "listInvitations": {
      const { group, pageSize, after } = question.value;
      return { kind: "list-invitations", group, pageSize, after };
    }
    case "listMembers": {
      const { group, pageSize, after } = question.value;
      return { kind: "list-members", group, pageSize, after };
    }
    case "getCalendar":
      return { kind: "get-calendar", calendar: question.value.calendar };
    case "listCalendars":
      return { kind: "list-calendars" };
    case "getEvent": {
      const { calendar, event, conflictsFromMs: fromMs } = question.value;
      const from = fromMs === undefined ? {} : { conflictsFromMs: toSafeInteger(fromMs) };
      return { kind: "get-event", calendar, event, ...from };
    }
    case "getEvents": {
      const { calendar, events, ifThere } = question.value;
      return { kind: "get-events", calendar, events, ...(ifThere ? { ifThere } : {}) };
    }
    case "listInstances": {
      const { calendar, event, pageSize, after } = question.value;
      const windowStartMs = toSafeInteger(question.value.windowStartMs);
      const windowEndMs = toSafeInteger(question.value.windowEndMs);
      return {
        kind: "list-instances",
        calendar,
        event,
        pageSize,
        after,
        windowStartMs,
        windowEndMs,
      };
    }
    case "getChannelRight":
      return { kind: "get-channel-right", calendar: question.value.calendar };
    case "getSubscriptions":
      return { kind: "get-subscriptions", user: question.value.user };
    case "listNotifications": {
      const { user, pageSize, after, unreadOnly } = question.value;
      return { kind: "list-notifications", user, pageSize, after, unreadOnly };
    }
    case "freeBusy": {
      const { calendars, ofPeople } = question.value;
      const windowStartMs = toSafeInteger(question.value.windowStartMs);
      const windowEndMs = toSafeInteger(question.value.windowEndMs);
      return { kind: "free-busy", calendars, ofPeople, windowStartMs, windowEndMs };
    }
    case "listDueWork": {
      const { nowMs, limit } = question.value;
      return { kind: "list-due-work", nowMs: toSafeInteger(nowMs), limit };
    }
    case "listEvents": {
      const { calendars, pageSize, after, showDeleted } = question.value;
      const windowStartMs = toSafeInteger(question.value.windowStartMs);
      const windowEndMs = toSafeInteger(question.value.windowEndMs);
      return {
        kind: "list-events",
        calendars,
        pageSize,
        after,
        windowStartMs,
        windowEndMs,
        showDeleted,
        conditions: question.value.conditions.map(fromCondition),
        asAgenda: question.value.asAgenda,
        ...(question.value.withGone ? { withGone: true } : {}),
      };
    }
    case undefined:
      throw new Malformed("question is missing");
    default:
      return unreachable(question);
  }
}

function toCondition(condition: EventCondition): pb.EventCondition {
  return { $typeName: "cabildo.store.v1.EventCondition", ...condition };
}

const CONDITION_FIELDS = ["state", "organizer", "attendee", "group", "label"] as const;

function fromCondition({ field, key, value, negated }: pb.EventCondition): EventCondition {
  const known = CONDITION_FIELDS.find((candidate) => candidate === field);
  if (known === undefined) throw new Malformed(`events have no ${field}`);
  return { field: known, key, value, negated };
}
