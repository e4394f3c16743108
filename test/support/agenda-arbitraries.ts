import { DEFAULT_RANGE_MAP } from "../../src/placement/index.js";
import { fc } from "./properties.js";
import { EVENT_FIELDS } from "../../src/domain/index.js";
import type {
  CalendarContent,
  Caller,
  Command,
  Delivery,
  EventBody,
  EventContent,
  EventSpan,
  Operation,
  Visibility,
} from "../../src/domain/index.js";
import { instanceId } from "../../src/machine/index.js";
import { DAY_MS, eventId, HOUR_MS, NOW_MS } from "./agenda.js";

const USERS = ["ana", "bea", "carl"];
const SESSIONS = ["s1", "s2", "s3"];
const HASHES = ["h1", "h2", "h3", "h4"];

const user = fc.constantFrom(...USERS);
const session = fc.constantFrom(...SESSIONS);
const hash = fc.constantFrom(...HASHES);
const group = fc.constantFrom("choir", "board");
const calendar = fc.constantFrom("ana", "ana.work", "bea", "choir.group");
const event = fc.integer({ min: 1, max: 12 }).map(eventId);
const invitation = fc.integer({ min: 1, max: 4 }).map((n) => `i${String(n).padStart(26, "0")}`);
const anyRole = fc.constantFrom(
  "leader" as const,
  "deputy" as const,
  "member" as const,
  "observer" as const,
);
const lifetimeMs = fc.constantFrom(HOUR_MS, 30 * DAY_MS);
const anySigningKey = fc.record({
  id: fc.constantFrom("k1", "k2", "k3"),
  jwk: fc.constant("{}"),
  sinceMs: fc.constant(0),
});
const etag = fc.constantFrom("", "", '"r1"', '"r5"');

const timed: fc.Arbitrary<EventSpan> = fc
  .tuple(
    fc.integer({ min: -400 * 24, max: 400 * 24 }),
    fc.oneof(
      fc.integer({ min: 1, max: 24 }),
      fc.integer({ min: 1, max: 40 * 24 }),
      fc.integer({ min: 1, max: 900 * 24 }),
    ),
    fc.constantFrom("", "Europe/Madrid"),
  )
  .map(([start, hours, timeZone]) => ({
    kind: "timed" as const,
    startMs: NOW_MS + start * HOUR_MS,
    endMs: NOW_MS + (start + hours) * HOUR_MS,
    timeZone,
  }));

const allDay: fc.Arbitrary<EventSpan> = fc
  .tuple(
    fc.integer({ min: 2024, max: 2028 }),
    fc.integer({ min: 1, max: 12 }),
    fc.integer({ min: 1, max: 27 }),
  )
  .map(([year, month, day]) => ({
    kind: "all-day" as const,
    start: { year, month, day },
    end: { year, month, day: day + 1 },
  }));

export const anySpan: fc.Arbitrary<EventSpan> = fc.oneof(
  { arbitrary: timed, weight: 3 },
  { arbitrary: allDay, weight: 1 },
);

const labels = fc
  .uniqueArray(fc.constantFrom("a", "b", "ñ", "🎵"), { maxLength: 3 })
  .map((keys) => [...keys].sort().map((key) => ({ key, value: `${key}-value` })));

export const anyContent: fc.Arbitrary<EventContent> = fc.record({
  title: fc.string({ unit: "grapheme", minLength: 1, maxLength: 20 }),
  description: fc.oneof(fc.string({ maxLength: 20 }), fc.constant("long ".repeat(300))),
  location: fc.string({ maxLength: 5 }),
  span: anySpan,
  visibility: fc.constantFrom("default", "public", "private", "busy-only"),
  transparency: fc.constantFrom("opaque", "transparent"),
  labels,
  reminderMinutes: fc.array(fc.integer({ min: 0, max: 40_320 }), { maxLength: 5 }),
  recurrence: fc.constant([]),
  invitees: fc.uniqueArray(fc.record({ user, optional: fc.boolean() }), {
    selector: (invitee) => invitee.user,
    maxLength: 3,
  }),
});

export const anyCalendarContent: fc.Arbitrary<CalendarContent> = fc.record({
  displayName: fc.constantFrom("", "Work"),
  timeZone: fc.constant("UTC"),
  conflictPolicy: fc.constantFrom("allow", "reject"),
  public: fc.boolean(),
});

/** Whole seconds, as occurrences have to be. */
const firstDay = NOW_MS - (NOW_MS % DAY_MS);

/** An event that repeats daily for some days, and one that does not, with what was worked out for it. */
const anyNewContent = fc
  .tuple(anyContent, fc.integer({ min: 0, max: 8 }), fc.integer({ min: -3, max: 3 }), fc.boolean())
  .map(([content, days, offset, endless]) => {
    if (days === 0) return { content };
    const startMs = firstDay + offset * DAY_MS;
    const span = { kind: "timed" as const, startMs, endMs: startMs + HOUR_MS, timeZone: "UTC" };
    const startsMs = Array.from({ length: days }, (_, day) => startMs + day * DAY_MS);
    return {
      content: { ...content, span, recurrence: ["RRULE:FREQ=DAILY"] },
      occurrences: { startsMs, untilMs: endless ? startMs + days * DAY_MS : 0 },
    };
  });

/** Of an event, or of an instance that there may be. */
const anyInstance = fc
  .tuple(event, fc.integer({ min: -3, max: 8 }), fc.boolean())
  .map(([id, day, own]) => (own ? id : instanceId(id, firstDay + day * DAY_MS)));

const fields = fc.subarray([...EVENT_FIELDS]);

const anyAttendee = fc.record({
  user,
  optional: fc.boolean(),
  response: fc.constantFrom(
    "needs-action" as const,
    "accepted" as const,
    "declined" as const,
    "auto-accepted" as const,
  ),
  comment: fc.constant(""),
  respondTimeMs: fc.nat(3),
});

function bodyOf({ invitees: _, ...body }: EventContent): EventBody {
  return body;
}

/** An event of another shard, for calendars of this one. */
const anyEventNews: fc.Arbitrary<Delivery> = fc
  .record({
    id: anyInstance,
    made: anyNewContent,
    attendees: fc.uniqueArray(anyAttendee, { selector: (one) => one.user, maxLength: 3 }),
    state: fc.constantFrom("pending" as const, "confirmed" as const, "cancelled" as const),
    deleteTimeMs: fc.constantFrom(0, 0, NOW_MS),
    users: fc.subarray([...USERS], { minLength: 1 }),
  })
  .map(({ id, made, users, ...over }) => {
    const [recurringEvent = ""] = id.includes("_") ? id.split("_") : [""];
    const event = {
      ...bodyOf(made.content),
      ...over,
      calendar: "zoe",
      id,
      organizer: "zoe",
      group: "",
      rule: "organizer" as const,
      source: "",
      icalUid: "",
      sequence: 0,
      createTimeMs: NOW_MS,
      updateTimeMs: NOW_MS,
      purgeTimeMs: 0,
      revision: 1,
      recurringEvent,
      originalStartMs: 0,
    };
    const { occurrences } = made;
    if (occurrences === undefined) return { kind: "event", event, users };
    if (recurringEvent !== "") return { kind: "event", event: { ...event, recurrence: [] }, users };
    return { kind: "event", event, users, series: { occurrences, exceptedMs: [] } };
  });

const anyDelivery: fc.Arbitrary<Delivery> = fc.oneof(
  anyEventNews,
  fc.record({
    kind: fc.constant("answer" as const),
    calendar,
    event: anyInstance,
    sequence: fc.nat(1),
    attendee: anyAttendee,
  }),
  fc.record({
    kind: fc.constant("group" as const),
    group: fc.record({
      id: group,
      uid: fc.constant(""),
      displayName: fc.constant(""),
      kind: fc.constantFrom("hierarchical" as const, "peer" as const),
      parent: fc.constant(""),
      createTimeMs: fc.constant(NOW_MS),
      updateTimeMs: fc.constant(NOW_MS),
      deleteTimeMs: fc.constantFrom(0, 0, 0, NOW_MS),
      purgeTimeMs: fc.constant(0),
      revision: fc.nat(100),
    }),
  }),
  fc.record({
    kind: fc.constant("member-gone" as const),
    group,
    user,
    revision: fc.nat(100),
  }),
  fc.record({ kind: fc.constant("user-gone" as const), user }),
  fc.record({
    kind: fc.constant("left-above" as const),
    group,
    user: fc.oneof(user, fc.constant("")),
    after: fc.constantFrom("", "a"),
  }),
  fc.record({ kind: fc.constant("group-moved" as const), group, after: fc.constant("") }),
  fc.record({
    kind: fc.constant("notice" as const),
    user,
    type: fc.constant("group-invitation"),
    subject: fc.constantFrom("", "groups/choir"),
    text: fc.constantFrom("", "The choir"),
  }),
  fc.record({
    kind: fc.constant("group-events" as const),
    group,
    left: user,
    after: fc.constant(""),
  }),
  fc.record({
    kind: fc.constant("default-visibility" as const),
    user,
    visibility: fc.constantFrom<Visibility>("default", "public", "private", "busy-only"),
  }),
  fc.record({
    kind: fc.constant("member" as const),
    member: fc.record({
      group,
      user,
      role: anyRole,
      rank: fc.nat(100),
      createTimeMs: fc.constant(NOW_MS),
      revision: fc.nat(100),
      joinRevision: fc.nat(100),
    }),
  }),
);

export const anyOperation: fc.Arbitrary<Exclude<Operation, { kind: "unknown" }>> = fc.oneof(
  fc.record({
    kind: fc.constant("register-user" as const),
    user,
    uid: fc.constant("uid"),
    displayName: fc.constantFrom("", "Ana Ñ"),
    email: fc.constantFrom("", "Ana@example.org", "ana@EXAMPLE.org"),
    timeZone: fc.constant("UTC"),
    passwordHash: fc.constant("$argon2id$"),
    bootstrapHash: fc.constantFrom("", "b1"),
  }),
  fc.record({
    kind: fc.constant("change-password" as const),
    user,
    passwordHash: hash,
    keepSession: fc.constantFrom("", ...SESSIONS),
  }),
  fc.record({
    kind: fc.constant("create-session" as const),
    user,
    session,
    client: fc.constant("firefox"),
    refreshHash: hash,
    lifetimeMs,
  }),
  fc.record({
    kind: fc.constant("rotate-session" as const),
    user,
    session,
    presentedHash: hash,
    nextHash: hash,
    lifetimeMs,
  }),
  fc.record({ kind: fc.constant("revoke-session" as const), user, session }),
  fc.record({
    kind: fc.constant("update-user" as const),
    user,
    content: fc.record({
      displayName: fc.constantFrom("", "Ana Ñ"),
      email: fc.constantFrom("", "ana@example.org", "bea@example.org"),
      timeZone: fc.constant("UTC"),
      defaultVisibility: fc.constantFrom("default", "public", "private", "busy-only"),
      workingHours: fc.array(
        fc.record({
          weekday: fc.integer({ min: 1, max: 7 }),
          startMinute: fc.integer({ min: 0, max: 700 }),
          endMinute: fc.integer({ min: 701, max: 1440 }),
        }),
        { maxLength: 3 },
      ),
    }),
    fields: fc.subarray(
      ["displayName", "email", "timeZone", "defaultVisibility", "workingHours"] as const,
      { minLength: 1 },
    ),
    etag,
  }),
  fc.record({
    kind: fc.constant("set-user-standing" as const),
    user,
    act: fc.constantFrom(
      "disable" as const,
      "enable" as const,
      "delete" as const,
      "undelete" as const,
    ),
    etag,
  }),
  fc.record({
    kind: fc.constant("create-cluster-keys" as const),
    keys: fc.record({
      current: anySigningKey,
      next: anySigningKey,
      audit: anySigningKey,
      positionKey: fc.constant("cGs"),
      positionKeyId: fc.integer({ min: 1, max: 5 }),
    }),
  }),
  fc.record({
    kind: fc.constant("rotate-cluster-keys" as const),
    expected: fc.constantFrom("k1", "k2"),
    next: anySigningKey,
  }),
  fc.record({
    kind: fc.constant("publish-range-map" as const),
    map: fc.record({
      version: fc.integer({ min: 1, max: 4 }),
      shards: fc.constant(DEFAULT_RANGE_MAP.shards),
    }),
  }),
  fc.record({
    kind: fc.constant("record-login-failure" as const),
    user,
    address: fc.constantFrom("203.0.113.7", "unknown"),
  }),
  fc.record({
    kind: fc.constant("issue-reset-code" as const),
    user,
    codeHash: fc.constantFrom("c1", "c2"),
    lifetimeMs,
  }),
  fc.record({
    kind: fc.constant("reset-password" as const),
    user,
    codeHash: fc.constantFrom("c1", "c2"),
    passwordHash: fc.constant("$argon2id$"),
  }),
  fc.record({
    kind: fc.constant("set-cluster-roles" as const),
    user,
    roles: fc.subarray(["admin" as const, "operator" as const, "auditor" as const]),
    etag,
  }),
  fc.record({
    kind: fc.constant("create-group" as const),
    group,
    uid: fc.constant("uid"),
    displayName: fc.constant("Choir"),
    groupKind: fc.constantFrom("hierarchical" as const, "peer" as const),
    parent: fc.constantFrom("", "", "choir", "board"),
  }),
  fc.record({
    kind: fc.constant("update-group" as const),
    group,
    displayName: fc.constantFrom("", "New"),
    parent: fc.constantFrom("", "choir", "board"),
    fields: fc.subarray(["displayName", "parent"] as const, { minLength: 1 }),
    etag,
  }),
  fc.record({
    kind: fc.constant("set-group-deleted" as const),
    group,
    deleted: fc.boolean(),
    etag,
  }),
  fc.record({
    kind: fc.constant("update-member" as const),
    group,
    user,
    role: anyRole,
    rank: fc.integer({ min: 0, max: 120 }),
    fields: fc.subarray(["role", "rank"] as const),
    etag,
  }),
  fc.record({ kind: fc.constant("remove-member" as const), group, user }),
  fc.record({ kind: fc.constant("transfer-leadership" as const), group, successor: user }),
  fc.record({
    kind: fc.constant("create-invitation" as const),
    group,
    invitation,
    invitee: user,
    role: anyRole,
    rank: fc.integer({ min: 0, max: 120 }),
    lifetimeMs: fc.constantFrom(HOUR_MS, 14 * DAY_MS),
    tells: fc.boolean(),
  }),
  fc.record({
    kind: fc.constant("settle-invitation" as const),
    group,
    invitation,
    state: fc.constantFrom("accepted" as const, "declined" as const, "revoked" as const),
  }),
  fc.record({
    kind: fc.constant("add-member" as const),
    group,
    user,
    role: fc.constantFrom("leader" as const, "deputy" as const, "member" as const),
    rank: fc.integer({ min: 0, max: 120 }),
  }),
  fc.record({
    kind: fc.constantFrom("create-calendar" as const),
    calendar,
    content: anyCalendarContent,
  }),
  fc.record({
    kind: fc.constant("update-calendar" as const),
    calendar,
    content: anyCalendarContent,
    fields: fc.subarray(["displayName", "timeZone", "conflictPolicy", "public"] as const),
    etag,
  }),
  fc.record({ kind: fc.constant("delete-calendar" as const), calendar, etag }),
  fc.record({
    kind: fc.constant("set-reader" as const),
    calendar,
    reader: user,
    reads: fc.boolean(),
  }),
  fc
    .record({
      kind: fc.constant("create-event" as const),
      calendar,
      event,
      made: anyNewContent,
      group: fc.constantFrom(undefined, undefined, "choir", "board"),
    })
    .map(({ made, group: of, ...operation }) => ({
      ...operation,
      ...made,
      ...(of === undefined ? {} : { group: of }),
    })),
  fc
    .record({
      kind: fc.constant("update-event" as const),
      calendar,
      event: anyInstance,
      made: anyNewContent,
      fields,
      etag,
    })
    .map(({ made, ...operation }) => ({ ...operation, ...made })),
  fc.record({ kind: fc.constant("delete-event" as const), calendar, event: anyInstance, etag }),
  fc.record({ kind: fc.constant("cancel-event" as const), calendar, event: anyInstance, etag }),
  fc.record({
    kind: fc.constant("respond-event" as const),
    calendar,
    event: anyInstance,
    response: fc.constantFrom("accepted" as const, "declined" as const, "tentative" as const),
    comment: fc.constantFrom("", "with pleasure"),
  }),
  fc.record({ kind: fc.constant("undelete-event" as const), calendar, event: anyInstance }),
  fc.record({
    kind: fc.constant("fire-reminders" as const),
    limit: fc.integer({ min: 1, max: 3 }),
  }),
  fc.record({
    kind: fc.constant("mark-notification-read" as const),
    user,
    notification: fc.integer({ min: 1, max: 30 }).map((n) => `n${String(n).padStart(16, "0")}`),
  }),
  fc.record({ kind: fc.constant("mark-all-notifications-read" as const), user }),
  fc.record({
    kind: fc.constant("set-subscriptions" as const),
    user,
    channels: fc.subarray(["calendars/ana", "groups/choir", "users/bea"]),
    etag,
  }),
  fc.record({
    kind: fc.constant("extend-series" as const),
    calendar,
    event,
    dueMs: fc.constant(NOW_MS),
    afterMs: fc.integer({ min: -3, max: 16 }).map((day) => firstDay + day * DAY_MS),
    occurrences: fc.integer({ min: 9, max: 20 }).map((day) => ({
      startsMs: [firstDay + day * DAY_MS],
      untilMs: 0,
    })),
  }),
  fc.record({
    kind: fc.constant("create-events" as const),
    calendar,
    events: fc.uniqueArray(
      fc.tuple(event, anyNewContent).map(([id, made]) => ({ event: id, ...made })),
      { selector: (item) => item.event, maxLength: 4 },
    ),
  }),
  fc.record({
    kind: fc.constant("delete-events" as const),
    calendar,
    events: fc.array(event, { maxLength: 3 }),
  }),
  fc.record({
    kind: fc.constant("deliver" as const),
    source: fc.constantFrom(3, 4),
    epoch: fc.constant(1),
    number: fc.integer({ min: 1, max: 4 }),
    delivery: anyDelivery,
  }),
  fc.record({
    kind: fc.constant("settle-outbox" as const),
    target: fc.constantFrom(1, 2, 3),
    upTo: fc.integer({ min: 0, max: 10 }),
  }),
  fc.record({
    kind: fc.constant("sweep" as const),
    limit: fc.integer({ min: 1, max: 5 }),
    trimFeedTo: fc.integer({ min: 0, max: 10 }),
  }),
);

export const anyCaller: fc.Arbitrary<Caller> = fc.oneof(
  { arbitrary: fc.constant<Caller>({ kind: "system" }), weight: 3 },
  { arbitrary: fc.constant<Caller>({ kind: "anonymous" }), weight: 1 },
  {
    arbitrary: fc.record({
      kind: fc.constant("user" as const),
      user,
      sessionId: session,
      roles: fc.subarray(["admin", "operator", "auditor"] as const),
    }),
    weight: 5,
  },
);

/** UUIDv7 of a time, and another kind of id. */
const anyRequestId = fc.oneof(
  fc.integer({ min: 1, max: 40 }).map((n) => `request-${n}`),
  fc.integer({ min: -2 * DAY_MS, max: 2 * DAY_MS }).map((offset) => uuidV7(NOW_MS + offset)),
);

export const anyCommand: fc.Arbitrary<Command> = fc
  .record({
    caller: anyCaller,
    requestId: anyRequestId,
    fingerprint: fc.constantFrom("f1", "f1", "f2"),
    operation: anyOperation,
  })
  .map((command) =>
    command.operation.kind === "sweep"
      ? { ...command, caller: { kind: "system" }, requestId: "" }
      : command,
  );

export interface TimedCommand {
  readonly command: Command;
  readonly timeMs: number;
}

/** A log: time goes on in small and large steps, past every expiry. */
export const anyLog: fc.Arbitrary<readonly TimedCommand[]> = fc
  .array(fc.tuple(anyCommand, fc.constantFrom(0, 1, 5_000, HOUR_MS, 25 * HOUR_MS, 16 * DAY_MS)), {
    minLength: 1,
    maxLength: 60,
  })
  .map((steps) => {
    let timeMs = NOW_MS;
    return steps.map(([command, passedMs]) => ({ command, timeMs: (timeMs += passedMs) }));
  });

export function uuidV7(timeMs: number, tail = "000000000000"): string {
  const hex = timeMs.toString(16).padStart(12, "0");
  return `${hex.slice(0, 8)}-${hex.slice(8)}-7000-8000-${tail}`;
}
