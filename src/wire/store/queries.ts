import { toBinary } from "@bufbuild/protobuf";
import * as pb from "../../../gen/cabildo/store/v1/queries_pb.js";
import { unreachable } from "../../base/index.js";
import type { Answer, EventCondition, Query, QueryReply, Question } from "../../domain/index.js";
import { toSafeInteger, toInt64 } from "../int64.js";
import { fromCalendar, toCalendar } from "./calendars.js";
import * as audit from "./audit.js";
import { fromCaller, toCaller } from "./caller.js";
import { decode, Malformed, required } from "./decoding.js";
import { fromDelivery, toDelivery } from "./deliveries.js";
import { fromRefused, toRefused } from "./replies.js";
import { fromSubscriptions, toSubscriptions } from "./subscriptions.js";
import * as resources from "./resources.js";

export function encodeQuery(query: Query): Uint8Array {
  return toBinary(pb.QuerySchema, {
    $typeName: "cabildo.store.v1.Query",
    caller: toCaller(query.caller),
    question: toQuestion(query.question),
  });
}

/** A question that this version does not know is refused: unlike a command, it changes nothing. */
export function decodeQuery(bytes: Uint8Array): Query {
  return decode(pb.QuerySchema, bytes, "invalid-argument", ({ caller, question }) => ({
    caller: fromCaller(caller),
    question: fromQuestion(question),
  }));
}

export function encodeQueryReply(reply: QueryReply): Uint8Array {
  return toBinary(pb.QueryReplySchema, {
    $typeName: "cabildo.store.v1.QueryReply",
    outcome:
      reply.kind === "refused"
        ? { case: "refused", value: toRefused(reply.code, reply.message) }
        : toAnswer(reply.answer),
  });
}

export function decodeQueryReply(bytes: Uint8Array): QueryReply {
  return decode(pb.QueryReplySchema, bytes, "internal", ({ outcome }) =>
    outcome.case === "refused"
      ? { kind: "refused", ...fromRefused(outcome.value) }
      : { kind: "answered", answer: fromAnswer(outcome) },
  );
}

function toQuestion(question: Question): pb.Query["question"] {
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
    case "list-conflicts": {
      const { calendar, event } = question;
      const fromMs = toInt64(question.fromMs);
      return {
        case: "listConflicts",
        value: { $typeName: "cabildo.store.v1.ListConflicts", calendar, event, fromMs },
      };
    }
    case "get-event": {
      const { calendar, event } = question;
      return {
        case: "getEvent",
        value: { $typeName: "cabildo.store.v1.GetEvent", calendar, event },
      };
    }
    case "get-events": {
      const { calendar, events } = question;
      return {
        case: "getEvents",
        value: { $typeName: "cabildo.store.v1.GetEvents", calendar, events: [...events] },
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

function fromQuestion(question: pb.Query["question"]): Question {
  switch (question.case) {
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
    case "listConflicts": {
      const { calendar, event, fromMs } = question.value;
      return { kind: "list-conflicts", calendar, event, fromMs: toSafeInteger(fromMs) };
    }
    case "getEvent": {
      const { calendar, event } = question.value;
      return { kind: "get-event", calendar, event };
    }
    case "getEvents": {
      const { calendar, events } = question.value;
      return { kind: "get-events", calendar, events };
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

function toAnswer(answer: Answer): pb.QueryReply["outcome"] {
  switch (answer.kind) {
    case "user":
      return { case: "user", value: resources.toUser(answer.user) };
    case "credentials":
      return {
        case: "credentials",
        value: {
          $typeName: "cabildo.store.v1.UserCredentials",
          user: resources.toUser(answer.user),
          credentials: resources.toCredentials(answer.credentials),
        },
      };
    case "users":
      return {
        case: "users",
        value: {
          $typeName: "cabildo.store.v1.UserPage",
          users: answer.users.map(resources.toUser),
        },
      };
    case "sessions":
      return {
        case: "sessions",
        value: {
          $typeName: "cabildo.store.v1.SessionPage",
          sessions: answer.sessions.map(resources.toSession),
          next: answer.next,
        },
      };
    case "session":
      return { case: "session", value: resources.toSession(answer.session) };
    case "cluster-keys":
      return { case: "clusterKeys", value: resources.toClusterKeys(answer.keys) };
    case "outbox":
      return {
        case: "outbox",
        value: {
          $typeName: "cabildo.store.v1.OutboxPage",
          last: toInt64(answer.outbox.last),
          done: toInt64(answer.outbox.done),
          entries: answer.outbox.entries.map(({ number, timeMs, delivery }) => ({
            $typeName: "cabildo.store.v1.OutboxEntry" as const,
            number: toInt64(number),
            timeMs: toInt64(timeMs),
            delivery: toDelivery(delivery),
          })),
        },
      };
    case "login-throttle":
      return {
        case: "loginThrottle",
        value: { $typeName: "cabildo.store.v1.LoginThrottle", untilMs: toInt64(answer.untilMs) },
      };
    case "audit":
    case "audit-checkpoints":
      return audit.toAuditAnswer(answer);
    case "group":
      return { case: "group", value: resources.toGroup(answer.group) };
    case "groups":
      return {
        case: "groups",
        value: {
          $typeName: "cabildo.store.v1.GroupPage",
          groups: answer.groups.map(resources.toGroup),
          next: answer.next,
        },
      };
    case "invitation":
      return { case: "invitation", value: resources.toInvitation(answer.invitation) };
    case "invitations":
      return {
        case: "invitations",
        value: {
          $typeName: "cabildo.store.v1.InvitationPage",
          invitations: answer.invitations.map(resources.toInvitation),
          next: answer.next,
        },
      };
    case "member":
      return { case: "member", value: resources.toMember(answer.member) };
    case "members":
      return {
        case: "members",
        value: {
          $typeName: "cabildo.store.v1.MemberPage",
          members: answer.members.map(resources.toMember),
          next: answer.next,
        },
      };
    case "calendar":
      return { case: "calendar", value: toCalendar(answer.calendar) };
    case "calendars":
      return {
        case: "calendars",
        value: {
          $typeName: "cabildo.store.v1.CalendarPage",
          calendars: answer.calendars.map(toCalendar),
        },
      };
    case "conflicts":
      return {
        case: "conflicts",
        value: {
          $typeName: "cabildo.store.v1.Conflicts",
          conflicts: answer.conflicts.map(({ calendar, event, startMs, endMs }) => ({
            $typeName: "cabildo.store.v1.Conflict" as const,
            calendar,
            event,
            startMs: toInt64(startMs),
            endMs: toInt64(endMs),
          })),
        },
      };
    case "event":
      return { case: "event", value: resources.toEvent(answer.event) };
    case "events":
      return {
        case: "events",
        value: {
          $typeName: "cabildo.store.v1.EventPage",
          events: answer.events.map(resources.toEvent),
          next: answer.next,
          places: [...(answer.places ?? [])],
          gone: (answer.gone ?? []).map((startsMs) => ({
            $typeName: "cabildo.store.v1.GoneInstances" as const,
            startsMs: startsMs.map(toInt64),
          })),
        },
      };
    case "subscriptions":
      return { case: "subscriptions", value: toSubscriptions(answer.subscriptions) };
    case "notifications":
      return {
        case: "notifications",
        value: {
          $typeName: "cabildo.store.v1.NotificationPage",
          notifications: answer.notifications.map(resources.toNotification),
          next: answer.next,
        },
      };
    case "free-busy":
      return {
        case: "freeBusy",
        value: {
          $typeName: "cabildo.store.v1.BusyCalendars",
          calendars: answer.calendars.map(({ calendar, spans, isCut, isHidden }) => ({
            $typeName: "cabildo.store.v1.CalendarBusy" as const,
            calendar,
            spans: spans.map(({ startMs, endMs }) => ({
              $typeName: "cabildo.store.v1.BusySpan" as const,
              startMs: toInt64(startMs),
              endMs: toInt64(endMs),
            })),
            isCut,
            isHidden,
          })),
        },
      };
    case "due-work":
      return {
        case: "dueWork",
        value: {
          $typeName: "cabildo.store.v1.DueWork",
          hasReminders: answer.hasReminders,
          series: answer.series.map(({ calendar, id, dueMs, untilMs, event }) => ({
            $typeName: "cabildo.store.v1.SeriesEnd" as const,
            calendar,
            id,
            dueMs: toInt64(dueMs),
            untilMs: toInt64(untilMs),
            ...(event === undefined ? {} : { event: resources.toEvent(event) }),
          })),
        },
      };
    default:
      return unreachable(answer);
  }
}

function fromAnswer(outcome: Exclude<pb.QueryReply["outcome"], { case: "refused" }>): Answer {
  switch (outcome.case) {
    case "user":
      return { kind: "user", user: resources.fromUser(outcome.value) };
    case "credentials": {
      const { user, credentials } = outcome.value;
      return {
        kind: "credentials",
        user: resources.fromUser(required(user, "user")),
        credentials: resources.fromCredentials(required(credentials, "credentials")),
      };
    }
    case "users":
      return { kind: "users", users: outcome.value.users.map(resources.fromUser) };
    case "sessions": {
      const { sessions, next } = outcome.value;
      return { kind: "sessions", sessions: sessions.map(resources.fromSession), next };
    }
    case "session":
      return { kind: "session", session: resources.fromSession(outcome.value) };
    case "clusterKeys":
      return { kind: "cluster-keys", keys: resources.fromClusterKeys(outcome.value) };
    case "outbox":
      return {
        kind: "outbox",
        outbox: {
          last: toSafeInteger(outcome.value.last),
          done: toSafeInteger(outcome.value.done),
          entries: outcome.value.entries.map(({ number, timeMs, delivery }) => ({
            number: toSafeInteger(number),
            timeMs: toSafeInteger(timeMs),
            delivery: fromDelivery(required(delivery, "delivery")),
          })),
        },
      };
    case "loginThrottle":
      return { kind: "login-throttle", untilMs: toSafeInteger(outcome.value.untilMs) };
    case "audit":
    case "auditCheckpoints":
      return audit.fromAuditAnswer(outcome);
    case "group":
      return { kind: "group", group: resources.fromGroup(outcome.value) };
    case "groups": {
      const { groups, next } = outcome.value;
      return { kind: "groups", groups: groups.map(resources.fromGroup), next };
    }
    case "invitation":
      return { kind: "invitation", invitation: resources.fromInvitation(outcome.value) };
    case "invitations": {
      const { invitations, next } = outcome.value;
      return { kind: "invitations", invitations: invitations.map(resources.fromInvitation), next };
    }
    case "member":
      return { kind: "member", member: resources.fromMember(outcome.value) };
    case "members": {
      const { members, next } = outcome.value;
      return { kind: "members", members: members.map(resources.fromMember), next };
    }
    case "calendar":
      return { kind: "calendar", calendar: fromCalendar(outcome.value) };
    case "calendars":
      return { kind: "calendars", calendars: outcome.value.calendars.map(fromCalendar) };
    case "conflicts":
      return {
        kind: "conflicts",
        conflicts: outcome.value.conflicts.map(({ calendar, event, startMs, endMs }) => ({
          calendar,
          event,
          startMs: toSafeInteger(startMs),
          endMs: toSafeInteger(endMs),
        })),
      };
    case "event":
      return { kind: "event", event: resources.fromEvent(outcome.value) };
    case "events": {
      const { events, next, places, gone } = outcome.value;
      return {
        kind: "events",
        events: events.map(resources.fromEvent),
        next,
        ...(places.length === 0 ? {} : { places }),
        ...(gone.length === 0
          ? {}
          : { gone: gone.map(({ startsMs }) => startsMs.map(toSafeInteger)) }),
      };
    }
    case "subscriptions":
      return { kind: "subscriptions", subscriptions: fromSubscriptions(outcome.value) };
    case "notifications": {
      const { notifications, next } = outcome.value;
      return {
        kind: "notifications",
        notifications: notifications.map(resources.fromNotification),
        next,
      };
    }
    case "freeBusy":
      return {
        kind: "free-busy",
        calendars: outcome.value.calendars.map(({ calendar, spans, isCut, isHidden }) => ({
          calendar,
          spans: spans.map(({ startMs, endMs }) => ({
            startMs: toSafeInteger(startMs),
            endMs: toSafeInteger(endMs),
          })),
          isCut,
          isHidden,
        })),
      };
    case "dueWork":
      return {
        kind: "due-work",
        hasReminders: outcome.value.hasReminders,
        series: outcome.value.series.map(({ calendar, id, dueMs, untilMs, event }) => ({
          calendar,
          id,
          dueMs: toSafeInteger(dueMs),
          untilMs: toSafeInteger(untilMs),
          ...(event === undefined ? {} : { event: resources.fromEvent(event) }),
        })),
      };
    case undefined:
      throw new Malformed("outcome is missing");
    default:
      return unreachable(outcome);
  }
}
