import type { JsonValue } from "@bufbuild/protobuf";

const EVENT = {
  name: "calendars/ana/events/e01kb3w8d7h5qz4tn0r2mxvc6fa",
  title: "Lunch",
  location: "Room 12",
  timed: {
    startTime: "2026-12-01T13:00:00Z",
    endTime: "2026-12-01T14:00:00Z",
    timeZone: "America/Havana",
  },
  attendees: [{ user: "users/zoe" }],
};
const USER = { name: "users/ana", displayName: "Ana", timeZone: "America/Havana" };
const GROUP = { name: "groups/choir", displayName: "Choir", kind: "GROUP_KIND_PEER" };
const MEMBER = { name: "groups/choir/members/zoe", user: "users/zoe", role: "MEMBER_ROLE_MEMBER" };
const PASSWORD = "correct horse battery staple";

/** A message of each kind that people send or see, in proto3 JSON, by full name. */
export const EXAMPLES: Readonly<Record<string, JsonValue>> = {
  "cabildo.v1.Event": EVENT,
  "cabildo.v1.ListEventsResponse": { events: [EVENT], position: "p1.4mZ0" },
  "cabildo.v1.User": USER,
  "cabildo.v1.Group": GROUP,
  "cabildo.v1.Member": MEMBER,
  "cabildo.v1.RegisterRequest": { userId: "ana", password: PASSWORD, displayName: "Ana" },
  "cabildo.v1.LoginRequest": { userId: "ana", password: PASSWORD, client: "curl" },
  "cabildo.v1.LoginResponse": {
    user: USER,
    accessToken: "eyJhbGciOiJFZERTQSJ9...",
    accessExpireTime: "2026-12-01T12:05:00Z",
    refreshToken: "0qzv...",
    refreshExpireTime: "2026-12-31T12:00:00Z",
    session: "users/ana/sessions/5f0c",
  },
  "cabildo.v1.WatchChangesResponse": {
    changes: [
      {
        kind: "CHANGE_KIND_CREATED",
        resourceName: EVENT.name,
        time: "2026-11-30T09:30:00Z",
        shard: "events-am",
        sequence: "17",
        position: "p1.4mZ0",
        event: EVENT,
      },
    ],
    position: "p1.4mZ0",
  },
};

export const PARAMETER_EXAMPLES: Readonly<Record<string, string>> = {
  calendar: "ana",
  event: "e01kb3w8d7h5qz4tn0r2mxvc6fa",
  group: "choir",
  member: "zoe",
  user: "ana",
};
