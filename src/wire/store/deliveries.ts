import type * as pb from "../../../gen/cabildo/store/v1/deliveries_pb.js";
import { InvariantViolation, unreachable } from "../../base/index.js";
import type { Delivery } from "../../domain/index.js";
import { toInt64, toSafeInteger } from "../int64.js";
import { required } from "./decoding.js";
import { VISIBILITY } from "./enums.js";
import {
  fromAttendee,
  fromEvent,
  fromOccurrences,
  toAttendee,
  toEvent,
  toOccurrences,
} from "./events.js";
import { fromGroup, fromMember, toGroup, toMember } from "./resources.js";

export function toDelivery(delivery: Delivery): pb.Delivery {
  return { $typeName: "cabildo.store.v1.Delivery", news: toNews(delivery) };
}

function toNews(delivery: Delivery): pb.Delivery["news"] {
  switch (delivery.kind) {
    case "group":
      return { case: "group", value: toGroup(delivery.group) };
    case "member":
      return { case: "member", value: toMember(delivery.member) };
    case "member-gone": {
      const { group, user } = delivery;
      const revision = toInt64(delivery.revision);
      return {
        case: "memberGone",
        value: { $typeName: "cabildo.store.v1.MemberGone", group, user, revision },
      };
    }
    case "user-gone":
      return {
        case: "userGone",
        value: { $typeName: "cabildo.store.v1.UserGone", user: delivery.user },
      };
    case "left-above": {
      const { group, user, after } = delivery;
      return {
        case: "leftAbove",
        value: { $typeName: "cabildo.store.v1.LeftAbove", group, user, after },
      };
    }
    case "group-moved": {
      const { group, after } = delivery;
      return {
        case: "groupMoved",
        value: { $typeName: "cabildo.store.v1.GroupMoved", group, after },
      };
    }
    case "notice": {
      const { user, type, subject, text } = delivery;
      return {
        case: "notice",
        value: { $typeName: "cabildo.store.v1.Notice", user, type, subject, text },
      };
    }
    case "default-visibility": {
      const { user } = delivery;
      const visibility = VISIBILITY.encode(delivery.visibility);
      return {
        case: "defaultVisibility",
        value: { $typeName: "cabildo.store.v1.DefaultVisibility", user, visibility },
      };
    }
    case "event": {
      const { event, users, series } = delivery;
      return {
        case: "eventNews",
        value: {
          $typeName: "cabildo.store.v1.EventNews",
          event: toEvent(event),
          users: [...users],
          exceptedMs: (series?.exceptedMs ?? []).map(toInt64),
          ...(series === undefined ? {} : { occurrences: toOccurrences(series.occurrences) }),
        },
      };
    }
    case "answer": {
      const { calendar, event, sequence } = delivery;
      const attendee = toAttendee(delivery.attendee);
      return {
        case: "eventAnswer",
        value: { $typeName: "cabildo.store.v1.EventAnswer", calendar, event, sequence, attendee },
      };
    }
    case "group-events": {
      const { group, left, after } = delivery;
      return {
        case: "groupEvents",
        value: { $typeName: "cabildo.store.v1.GroupEvents", group, left, after },
      };
    }
    default:
      return unreachable(delivery);
  }
}

/** Throws an InvariantViolation for news of a newer version: to pass over them would let shards drift apart. */
export function fromDelivery({ news }: pb.Delivery): Delivery {
  switch (news.case) {
    case "group":
      return { kind: "group", group: fromGroup(news.value) };
    case "member":
      return { kind: "member", member: fromMember(news.value) };
    case "memberGone": {
      const { group, user, revision } = news.value;
      return { kind: "member-gone", group, user, revision: toSafeInteger(revision) };
    }
    case "userGone":
      return { kind: "user-gone", user: news.value.user };
    case "leftAbove": {
      const { group, user, after } = news.value;
      return { kind: "left-above", group, user, after };
    }
    case "groupMoved": {
      const { group, after } = news.value;
      return { kind: "group-moved", group, after };
    }
    case "notice": {
      const { user, type, subject, text } = news.value;
      return { kind: "notice", user, type, subject, text };
    }
    case "defaultVisibility": {
      const { user, visibility } = news.value;
      return { kind: "default-visibility", user, visibility: VISIBILITY.decode(visibility) };
    }
    case "eventNews": {
      const { event, users, occurrences, exceptedMs } = news.value;
      const series = occurrences && {
        occurrences: fromOccurrences(occurrences),
        exceptedMs: exceptedMs.map(toSafeInteger),
      };
      return {
        kind: "event",
        event: fromEvent(required(event, "event")),
        users,
        ...(series === undefined ? {} : { series }),
      };
    }
    case "eventAnswer": {
      const { calendar, event, sequence } = news.value;
      const attendee = fromAttendee(required(news.value.attendee, "attendee"));
      return { kind: "answer", calendar, event, sequence, attendee };
    }
    case "groupEvents": {
      const { group, left, after } = news.value;
      return { kind: "group-events", group, left, after };
    }
    case undefined:
      throw new InvariantViolation("a delivery of a newer version: this replica must be upgraded");
    default:
      return unreachable(news);
  }
}
