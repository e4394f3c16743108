import type * as pb from "../../../gen/cabildo/store/v1/queries_pb.js";
import { unreachable } from "../../base/index.js";
import type { Answer } from "../../domain/index.js";
import { toSafeInteger, toInt64 } from "../int64.js";
import { fromCalendar, toCalendar } from "./calendars.js";
import * as audit from "./audit.js";
import { Malformed, required } from "./decoding.js";
import { fromDelivery, toDelivery } from "./deliveries.js";
import { fromEvent, toEvent } from "./events.js";
import { fromSubscriptions, toSubscriptions } from "./subscriptions.js";
import { fromRangeMap, toRangeMap } from "./range-map.js";
import { decodeReply, encodeReply } from "./replies.js";
import * as resources from "./resources.js";

export function toAnswer(answer: Answer): pb.QueryReply["outcome"] {
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
    case "tried":
      return { case: "tried", value: encodeReply(answer.reply) };
    case "range-map":
      return { case: "rangeMap", value: toRangeMap(answer.map) };
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
    case "event":
      if (answer.conflicts === undefined) return { case: "event", value: toEvent(answer.event) };
      return {
        case: "eventWithConflicts",
        value: {
          $typeName: "cabildo.store.v1.EventWithConflicts",
          event: toEvent(answer.event),
          conflicts: answer.conflicts.map(({ calendar, event, startMs, endMs }) => ({
            $typeName: "cabildo.store.v1.Conflict" as const,
            calendar,
            event,
            startMs: toInt64(startMs),
            endMs: toInt64(endMs),
          })),
        },
      };
    case "events":
      return {
        case: "events",
        value: {
          $typeName: "cabildo.store.v1.EventPage",
          events: answer.events.map(toEvent),
          next: answer.next,
          places: [...(answer.places ?? [])],
          gone: (answer.gone ?? []).map((startsMs) => ({
            $typeName: "cabildo.store.v1.GoneInstances" as const,
            startsMs: startsMs.map(toInt64),
          })),
        },
      };
    case "channel-right":
      return {
        case: "channelRight",
        value: {
          $typeName: "cabildo.store.v1.ChannelRight",
          isOwner: answer.isOwner,
          since: toInt64(answer.since),
          through: [...answer.through],
          asMember: answer.asMember,
          seenSince: toInt64(answer.seenSince),
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
            ...(event === undefined ? {} : { event: toEvent(event) }),
          })),
        },
      };
    default:
      return unreachable(answer);
  }
}

export function fromAnswer(
  outcome: Exclude<pb.QueryReply["outcome"], { case: "refused" }>,
): Answer {
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
    case "tried":
      return { kind: "tried", reply: decodeReply(outcome.value) };
    case "rangeMap":
      return { kind: "range-map", map: fromRangeMap(outcome.value) };
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
    case "eventWithConflicts":
      return {
        kind: "event",
        event: fromEvent(required(outcome.value.event, "event")),
        conflicts: outcome.value.conflicts.map(({ calendar, event, startMs, endMs }) => ({
          calendar,
          event,
          startMs: toSafeInteger(startMs),
          endMs: toSafeInteger(endMs),
        })),
      };
    case "event":
      return { kind: "event", event: fromEvent(outcome.value) };
    case "events": {
      const { events, next, places, gone } = outcome.value;
      return {
        kind: "events",
        events: events.map(fromEvent),
        next,
        ...(places.length === 0 ? {} : { places }),
        ...(gone.length === 0
          ? {}
          : { gone: gone.map(({ startsMs }) => startsMs.map(toSafeInteger)) }),
      };
    }
    case "channelRight": {
      const { isOwner, through, asMember } = outcome.value;
      const since = toSafeInteger(outcome.value.since);
      const seenSince = toSafeInteger(outcome.value.seenSince);
      return { kind: "channel-right", isOwner, since, seenSince, through, asMember };
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
          ...(event === undefined ? {} : { event: fromEvent(event) }),
        })),
      };
    case undefined:
      throw new Malformed("outcome is missing");
    default:
      return unreachable(outcome);
  }
}
