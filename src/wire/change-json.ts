import { create, toJson } from "@bufbuild/protobuf";
import type { Timestamp } from "@bufbuild/protobuf/wkt";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import {
  EventSchema,
  EventState,
  Transparency,
  Visibility,
} from "../../gen/cabildo/v1/events_pb.js";
import type { Event } from "../../gen/cabildo/v1/events_pb.js";
import { GroupKind, GroupSchema, MemberRole, MemberSchema } from "../../gen/cabildo/v1/groups_pb.js";
import type { Group, Member } from "../../gen/cabildo/v1/groups_pb.js";
import { ChangeKind, ChangeSchema } from "../../gen/cabildo/v1/sync_pb.js";
import type { Change as PublicChange } from "../../gen/cabildo/v1/sync_pb.js";
import type * as domain from "../domain/index.js";
import { toUint64 } from "./int64.js";

/** Where a change stands, as its feed and its shard's name say. */
export interface ChangePlace {
  readonly sequence: number;
  readonly timeMs: number;
  /** Name of the shard. */
  readonly shard: string;
  readonly position: string;
}

const KINDS: Record<domain.ChangeKind, ChangeKind> = {
  created: ChangeKind.CREATED,
  updated: ChangeKind.UPDATED,
  deleted: ChangeKind.DELETED,
};

const STATES: Record<domain.EventState, EventState> = {
  pending: EventState.PENDING,
  confirmed: EventState.CONFIRMED,
  rejected: EventState.REJECTED,
  cancelled: EventState.CANCELLED,
};

const VISIBILITIES: Record<domain.Visibility, Visibility> = {
  default: Visibility.DEFAULT,
  public: Visibility.PUBLIC,
  private: Visibility.PRIVATE,
  "busy-only": Visibility.BUSY_ONLY,
};

const TRANSPARENCIES: Record<domain.Transparency, Transparency> = {
  opaque: Transparency.OPAQUE,
  transparent: Transparency.TRANSPARENT,
};

const GROUP_KINDS: Record<domain.GroupKind, GroupKind> = {
  hierarchical: GroupKind.HIERARCHICAL,
  peer: GroupKind.PEER,
};

const ROLES: Record<domain.MemberRole, MemberRole> = {
  leader: MemberRole.LEADER,
  deputy: MemberRole.DEPUTY,
  member: MemberRole.MEMBER,
  observer: MemberRole.OBSERVER,
};

/** Proto3 JSON of `cabildo.v1.Change`, without `previousSequence`. */
export function changeToJson(change: domain.Change, place: ChangePlace): string {
  const message = changeToPublic(change, place);
  return JSON.stringify(toJson(ChangeSchema, message));
}

function changeToPublic(change: domain.Change, place: ChangePlace): PublicChange {
  return create(ChangeSchema, {
    kind: KINDS[change.kind],
    resourceName: change.resourceName,
    etag: formatEtag(change.revision),
    time: timestampFromMs(place.timeMs),
    shard: place.shard,
    sequence: toUint64(place.sequence),
    position: place.position,
    resource: resourceToPublic(change.resource, place),
  });
}

/** Of users and sessions only the name goes out: who may see what of them is decided where they are read. */
function resourceToPublic(resource: domain.Resource, place: ChangePlace): PublicChange["resource"] {
  switch (resource.kind) {
    case "event":
      return { case: "event", value: eventToPublic(resource.event, place) };
    case "group":
      return { case: "group", value: groupToPublic(resource.group) };
    case "member":
      return { case: "member", value: memberToPublic(resource.member) };
    case "user":
    case "session":
      return { case: undefined };
  }
}

function eventToPublic(event: domain.CalendarEvent, place: ChangePlace): Event {
  return create(EventSchema, {
    name: `calendars/${event.calendar}/events/${event.id}`,
    icalUid: `${event.id}@cabildo`,
    sequence: event.sequence,
    title: event.title,
    description: event.description,
    location: event.location,
    organizer: `users/${event.organizer}`,
    span:
      event.span.kind === "timed"
        ? {
            case: "timed",
            value: {
              $typeName: "cabildo.v1.TimedSpan",
              startTime: timestampFromMs(event.span.startMs),
              endTime: timestampFromMs(event.span.endMs),
              timeZone: event.span.timeZone,
            },
          }
        : {
            case: "allDay",
            value: {
              $typeName: "cabildo.v1.AllDaySpan",
              startDate: { $typeName: "google.type.Date", ...event.span.start },
              endDate: { $typeName: "google.type.Date", ...event.span.end },
            },
          },
    visibility: VISIBILITIES[event.visibility],
    transparency: TRANSPARENCIES[event.transparency],
    state: STATES[event.state],
    labels: Object.fromEntries(event.labels.map(({ key, value }) => [key, value])),
    reminders: event.reminderMinutes.map((minutesBefore) => ({ minutesBefore })),
    createTime: timestampFromMs(event.createTimeMs),
    updateTime: timestampFromMs(event.updateTimeMs),
    ...given("deleteTime", event.deleteTimeMs),
    ...given("purgeTime", event.purgeTimeMs),
    etag: formatEtag(event.revision),
    shard: place.shard,
    position: place.position,
  });
}

function groupToPublic(group: domain.Group): Group {
  return create(GroupSchema, {
    name: `groups/${group.id}`,
    uid: group.uid,
    displayName: group.displayName,
    kind: GROUP_KINDS[group.kind],
    calendar: `calendars/${group.id}.group`,
    createTime: timestampFromMs(group.createTimeMs),
    updateTime: timestampFromMs(group.updateTimeMs),
    etag: formatEtag(group.revision),
  });
}

function memberToPublic(member: domain.Member): Member {
  return create(MemberSchema, {
    name: `groups/${member.group}/members/${member.user}`,
    user: `users/${member.user}`,
    role: ROLES[member.role],
    rank: member.rank,
    createTime: timestampFromMs(member.createTimeMs),
    etag: formatEtag(member.revision),
  });
}

function given<Name extends string>(name: Name, ms: number): { [key in Name]?: Timestamp } {
  const fields: { [key in Name]?: Timestamp } = {};
  if (ms !== 0) fields[name] = timestampFromMs(ms);
  return fields;
}

function formatEtag(revision: number): string {
  return `"r${revision}"`;
}
