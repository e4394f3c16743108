import { create } from "@bufbuild/protobuf";
import { CalendarSchema, ConflictPolicy } from "../../../gen/cabildo/v1/calendars_pb.js";
import type { Calendar } from "../../../gen/cabildo/v1/calendars_pb.js";
import type * as domain from "../../domain/index.js";
import { mapping } from "./enums.js";
import { formatEtag, toTimestamp } from "./times.js";

export const CONFLICT_POLICY = mapping<domain.ConflictPolicy, ConflictPolicy>({
  allow: ConflictPolicy.ALLOW,
  reject: ConflictPolicy.REJECT,
});

/** Its key tells whose it is: `choir.group` is a group's. */
export function calendarToPublic(calendar: domain.Calendar, shard: string): Calendar {
  const { key } = calendar;
  const [id = "", name] = key.split(".");
  return create(CalendarSchema, {
    name: `calendars/${key}`,
    owner: name === "group" ? `groups/${id}` : `users/${id}`,
    displayName: calendar.displayName,
    timeZone: calendar.timeZone,
    conflictPolicy: CONFLICT_POLICY.toPublic(calendar.conflictPolicy),
    public: calendar.public,
    readers: calendar.readers.map((user) => `users/${user}`),
    updateTime: toTimestamp(calendar.updateTimeMs),
    etag: formatEtag(calendar.revision),
    shard,
  });
}

/** All that a person may write of a calendar. */
export function calendarContentFromPublic(calendar: Calendar): domain.CalendarContent {
  return {
    displayName: calendar.displayName,
    timeZone: calendar.timeZone === "" ? "UTC" : calendar.timeZone,
    conflictPolicy: CONFLICT_POLICY.fromPublic(calendar.conflictPolicy) ?? "allow",
    public: calendar.public,
  };
}
