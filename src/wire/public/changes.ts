import { create } from "@bufbuild/protobuf";
import { ChangeSchema } from "../../../gen/cabildo/v1/sync_pb.js";
import type { Change as PublicChange } from "../../../gen/cabildo/v1/sync_pb.js";
import type * as domain from "../../domain/index.js";
import { toUint64 } from "../int64.js";
import { PUBLIC_CHANGE_KIND } from "./enums.js";
import { eventToPublic } from "./events.js";
import type { EventPlace } from "./events.js";
import { notificationToPublic } from "./notifications.js";
import { groupToPublic, invitationToPublic, memberToPublic } from "./people.js";
import { subscriptionsToPublic } from "./subscriptions.js";
import { formatEtag, toTimestamp } from "./times.js";

/** Where a change stands, as its feed and its shard's name say. */
export interface ChangePlace extends EventPlace {
  readonly sequence: number;
  readonly timeMs: number;
  /** Sequence of the change before on the same channel; 0 if none is known. */
  readonly previousSequence?: number;
  /** Nothing of the resource goes out but its name. */
  readonly nameOnly?: boolean;
}

export function changeToPublic(change: domain.Change, place: ChangePlace): PublicChange {
  return create(ChangeSchema, {
    kind: PUBLIC_CHANGE_KIND.toPublic(change.kind),
    resourceName: change.resourceName,
    etag: formatEtag(change.revision),
    time: toTimestamp(place.timeMs),
    shard: place.shard,
    sequence: toUint64(place.sequence),
    previousSequence: toUint64(place.previousSequence ?? 0),
    position: place.position,
    resource:
      place.nameOnly === true ? { case: undefined } : resourceToPublic(change.resource, place),
  });
}

/** Of users and sessions only the name goes out: who may see what of them is decided where they are read. */
function resourceToPublic(resource: domain.Resource, place: ChangePlace): PublicChange["resource"] {
  switch (resource.kind) {
    case "event":
      return { case: "event", value: eventToPublic(resource.event, place) };
    case "notification":
      return { case: "notification", value: notificationToPublic(resource.notification) };
    case "group":
      return { case: "group", value: groupToPublic(resource.group) };
    case "member":
      return { case: "member", value: memberToPublic(resource.member) };
    case "invitation":
      return { case: "invitation", value: invitationToPublic(resource.invitation, place.timeMs) };
    case "subscriptions":
      return { case: "subscriptions", value: subscriptionsToPublic(resource.subscriptions) };
    case "user":
    case "calendar":
    case "session":
      return { case: undefined };
  }
}
