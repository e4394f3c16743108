import { DEFAULT_RANGE_MAP } from "../../../src/placement/index.js";
import { expect } from "chai";
import { fc } from "../../support/properties.js";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { WireType } from "@bufbuild/protobuf/wire";
import {
  CallerSchema,
  ChangeSchema,
  CommandReplySchema,
  CommandSchema,
} from "../../../gen/cabildo/store/v1/commands_pb.js";
import {
  EventConditionSchema,
  GetUserSchema,
  ListEventsSchema,
  QuerySchema,
  TryCommandsSchema,
} from "../../../gen/cabildo/store/v1/queries_pb.js";
import { EventSchema } from "../../../gen/cabildo/store/v1/resources_pb.js";
import {
  ExpirySchema,
  RequestOutcomeSchema,
  RequestUsageSchema,
} from "../../../gen/cabildo/store/v1/rows_pb.js";
import { ClusterError, InvariantViolation } from "../../../src/base/index.js";
import type {
  Attendee,
  Calendar,
  CalendarEvent,
  Change,
  CommandReply,
  Delivery,
  Query,
  QueryReply,
  Resource,
} from "../../../src/domain/index.js";
import {
  createStoreCodec,
  decodeChange,
  decodeCommand,
  decodeQuery,
  decodeQueryReply,
  decodeReply,
  encodeChange,
  encodeCommand,
  encodeQuery,
  encodeQueryReply,
  encodeReply,
} from "../../../src/wire/store/index.js";
import {
  anyCalendarContent,
  anyCaller,
  anyCommand,
  anyContent,
} from "../../support/agenda-arbitraries.js";
import { eventId } from "../../support/agenda.js";

const codec = createStoreCodec();
const anyNatural = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });

const anyAttendee: fc.Arbitrary<Attendee> = fc.record({
  user: fc.string(),
  optional: fc.boolean(),
  response: fc.constantFrom("needs-action", "accepted", "declined", "tentative", "auto-accepted"),
  comment: fc.string(),
  respondTimeMs: anyNatural,
});

const anyEvent: fc.Arbitrary<CalendarEvent> = fc
  .tuple(anyContent, anyNatural, anyNatural, fc.array(anyAttendee, { maxLength: 3 }))
  .map(([{ invitees: _, ...body }, timeMs, revision, attendees]) => ({
    calendar: "ana",
    id: eventId(1),
    ...body,
    organizer: "ana",
    attendees,
    group: "choir",
    rule: "unanimous",
    source: "bea",
    icalUid: "1@elsewhere",
    state: "confirmed",
    sequence: 3,
    createTimeMs: timeMs,
    updateTimeMs: timeMs,
    deleteTimeMs: 0,
    purgeTimeMs: 0,
    revision,
    recurringEvent: "e1",
    originalStartMs: timeMs,
  }));

const anyUser = fc.record({
  id: fc.string(),
  uid: fc.string(),
  displayName: fc.string({ unit: "grapheme" }),
  email: fc.string(),
  timeZone: fc.string(),
  state: fc.constantFrom("active" as const, "disabled" as const),
  clusterRoles: fc.subarray(["admin", "operator", "auditor"] as const),
  defaultVisibility: fc.constantFrom("default", "busy-only"),
  workingHours: fc.array(
    fc.record({
      weekday: fc.integer({ min: 1, max: 7 }),
      startMinute: fc.nat(1439),
      endMinute: fc.nat(1440),
    }),
    { maxLength: 2 },
  ),
  deleteTimeMs: anyNatural,
  purgeTimeMs: anyNatural,
  createTimeMs: anyNatural,
  updateTimeMs: anyNatural,
  revision: anyNatural,
});

const anySession = fc.record({
  user: fc.string(),
  id: fc.string(),
  client: fc.string(),
  refreshHash: fc.string(),
  previousHash: fc.string(),
  previousUntilMs: anyNatural,
  createTimeMs: anyNatural,
  lastUseTimeMs: anyNatural,
  expireTimeMs: anyNatural,
  revokeTimeMs: anyNatural,
});

const anyGroup = fc.record({
  id: fc.string(),
  uid: fc.string(),
  displayName: fc.string(),
  kind: fc.constantFrom("hierarchical" as const, "peer" as const),
  parent: fc.string(),
  deleteTimeMs: anyNatural,
  purgeTimeMs: anyNatural,
  createTimeMs: anyNatural,
  updateTimeMs: anyNatural,
  revision: anyNatural,
});

const anyMember = fc.record({
  group: fc.string(),
  user: fc.string(),
  role: fc.constantFrom("leader", "deputy", "member", "observer"),
  rank: fc.integer({ min: 0, max: 1_000_000 }),
  createTimeMs: anyNatural,
  revision: anyNatural,
  joinRevision: anyNatural,
});

const anyInvitation = fc.record({
  group: fc.string(),
  id: fc.string(),
  invitee: fc.string(),
  inviter: fc.string(),
  role: fc.constantFrom("leader" as const, "observer" as const),
  rank: fc.integer({ min: 0, max: 1_000_000 }),
  state: fc.constantFrom(
    "pending" as const,
    "accepted" as const,
    "declined" as const,
    "revoked" as const,
  ),
  createTimeMs: anyNatural,
  expireTimeMs: anyNatural,
  revision: anyNatural,
});

const anyCalendar: fc.Arbitrary<Calendar> = fc
  .tuple(anyCalendarContent, fc.array(fc.string(), { maxLength: 3 }), anyNatural, anyNatural)
  .map(([content, readers, timeMs, revision]) => ({
    key: "ana.work",
    ...content,
    readers,
    createTimeMs: timeMs,
    updateTimeMs: timeMs,
    deleteTimeMs: timeMs,
    revision,
  }));
const anyNotification = fc.record({
  user: fc.string(),
  id: fc.string(),
  type: fc.string(),
  subject: fc.string(),
  text: fc.string(),
  createTimeMs: anyNatural,
  readTimeMs: anyNatural,
});

const anySubscriptions = fc.record({
  user: fc.string(),
  channels: fc.array(fc.string(), { maxLength: 3 }),
  updateTimeMs: anyNatural,
  revision: anyNatural,
});

const anyResource: fc.Arbitrary<Resource> = fc.oneof(
  anyCalendar.map((calendar): Resource => ({ kind: "calendar", calendar })),
  anyEvent.map((event): Resource => ({ kind: "event", event })),
  anyUser.map((user): Resource => ({ kind: "user", user })),
  anyNotification.map((notification): Resource => ({ kind: "notification", notification })),
  anySubscriptions.map((subscriptions): Resource => ({ kind: "subscriptions", subscriptions })),
  anySession.map((session): Resource => ({ kind: "session", session })),
  anyGroup.map((group): Resource => ({ kind: "group", group })),
  anyMember.map((member): Resource => ({ kind: "member", member })),
  anyInvitation.map((invitation): Resource => ({ kind: "invitation", invitation })),
);

const anyDelivery: fc.Arbitrary<Delivery> = fc.oneof(
  anyGroup.map((group): Delivery => ({ kind: "group", group })),
  anyMember.map((member): Delivery => ({ kind: "member", member })),
  fc.constant<Delivery>({ kind: "user-gone", user: "ana" }),
  anyEvent.map((event): Delivery => ({ kind: "event", event, users: ["bea", "zoe"] })),
  fc
    .tuple(anyEvent, fc.array(fc.maxSafeNat(), { maxLength: 3 }))
    .map(([event, startsMs]): Delivery => {
      const series = { occurrences: { startsMs, untilMs: 7 }, exceptedMs: startsMs };
      return { kind: "event", event, series, users: ["bea"] };
    }),
  anyAttendee.map((attendee): Delivery => {
    return { kind: "answer", calendar: "ana", event: eventId(1), sequence: 2, attendee };
  }),
  fc.constant<Delivery>({ kind: "group-events", group: "choir", left: "ana", after: "ge/choir/1" }),
  fc.constant<Delivery>({ kind: "group-moved", group: "choir", after: "ge/choir/1" }),
  fc.constant<Delivery>({ kind: "left-above", group: "choir", user: "", after: "altos" }),
  fc.constantFrom("default", "private").map((visibility): Delivery => {
    return { kind: "default-visibility", user: "ana", visibility };
  }),
  fc.tuple(fc.string(), fc.string()).map(([subject, text]): Delivery => {
    return { kind: "notice", user: "ana", type: "group-invitation", subject, text };
  }),
  fc.constant<Delivery>({ kind: "member-gone", group: "choir", user: "ana", revision: 7 }),
);

const anyReply: fc.Arbitrary<CommandReply> = fc.oneof(
  fc.record(
    {
      kind: fc.constant("done" as const),
      name: fc.string(),
      revision: anyNatural,
      sequence: anyNatural,
      replayed: fc.boolean(),
      resource: anyResource,
    },
    { requiredKeys: ["kind", "name", "revision", "sequence", "replayed"] },
  ),
  fc.record({
    kind: fc.constant("refused" as const),
    code: fc.constantFrom("not-found" as const, "stale-etag" as const),
    message: fc.string(),
    replayed: fc.boolean(),
  }),
);

const anyChange: fc.Arbitrary<Change> = fc.record({
  kind: fc.constantFrom("created", "updated", "deleted"),
  channel: fc.string(),
  audience: fc.array(fc.string(), { maxLength: 3 }),
  resourceName: fc.string(),
  revision: anyNatural,
  resource: anyResource,
});

const anyCondition = fc.record({
  field: fc.constantFrom(
    "state" as const,
    "organizer" as const,
    "attendee" as const,
    "group" as const,
    "label" as const,
  ),
  key: fc.string(),
  value: fc.string(),
  negated: fc.boolean(),
});

const anyQuery: fc.Arbitrary<Query> = fc.record({
  caller: anyCaller,
  question: fc.oneof(
    fc.record({ kind: fc.constant("get-user" as const), user: fc.string() }),
    fc.record({
      kind: fc.constant("find-users" as const),
      users: fc.array(fc.string(), { maxLength: 3 }),
      email: fc.string(),
    }),
    fc.record({
      kind: fc.constant("list-sessions" as const),
      user: fc.string(),
      pageSize: fc.integer(),
      after: fc.string(),
    }),
    fc.record({ kind: fc.constant("get-credentials" as const), user: fc.string() }),
    fc.record({
      kind: fc.constant("get-session" as const),
      user: fc.string(),
      session: fc.string(),
    }),
    fc.record({ kind: fc.constant("get-cluster-keys" as const) }),
    fc.record({ kind: fc.constant("get-range-map" as const) }),
    fc.record(
      {
        kind: fc.constant("try-commands" as const),
        nowMs: fc.maxSafeInteger(),
        commands: fc.array(anyCommand, { maxLength: 2 }),
        then: fc.record({ kind: fc.constant("get-user" as const), user: fc.string() }),
      },
      { requiredKeys: ["kind", "nowMs", "commands"] },
    ),
    fc.record({
      kind: fc.constant("list-outbox" as const),
      target: fc.nat(5),
      after: anyNatural,
      pageSize: fc.integer(),
    }),
    fc.record({
      kind: fc.constant("list-groups" as const),
      pageSize: fc.integer(),
      after: fc.string(),
    }),
    fc.record({
      kind: fc.constant("get-invitation" as const),
      group: fc.string(),
      invitation: fc.string(),
    }),
    fc.record({
      kind: fc.constant("list-invitations" as const),
      group: fc.string(),
      pageSize: fc.integer(),
      after: fc.string(),
    }),
    fc.record({ kind: fc.constant("get-group" as const), group: fc.string() }),
    fc.record({ kind: fc.constant("get-member" as const), group: fc.string(), user: fc.string() }),
    fc.record({
      kind: fc.constant("list-members" as const),
      group: fc.string(),
      pageSize: fc.integer(),
      after: fc.string(),
    }),
    fc.record({ kind: fc.constant("get-calendar" as const), calendar: fc.string() }),
    fc.record({ kind: fc.constant("list-calendars" as const) }),
    fc.record(
      {
        kind: fc.constant("get-event" as const),
        calendar: fc.string(),
        event: fc.string(),
        conflictsFromMs: anyNatural,
      },
      { requiredKeys: ["kind", "calendar", "event"] },
    ),
    fc.record({
      kind: fc.constant("get-events" as const),
      calendar: fc.string(),
      events: fc.array(fc.string(), { maxLength: 3 }),
    }),
    fc.record({
      kind: fc.constant("list-instances" as const),
      calendar: fc.string(),
      event: fc.string(),
      pageSize: fc.integer(),
      after: fc.string(),
      windowStartMs: fc.maxSafeInteger(),
      windowEndMs: fc.maxSafeInteger(),
    }),
    fc.record({ kind: fc.constant("get-subscriptions" as const), user: fc.string() }),
    fc.record({
      kind: fc.constant("list-notifications" as const),
      user: fc.string(),
      pageSize: fc.integer(),
      after: fc.string(),
      unreadOnly: fc.boolean(),
    }),
    fc.record({
      kind: fc.constant("free-busy" as const),
      ofPeople: fc.boolean(),
      calendars: fc.array(fc.string(), { maxLength: 2 }),
      windowStartMs: fc.maxSafeInteger(),
      windowEndMs: fc.maxSafeInteger(),
    }),
    fc.record({
      kind: fc.constant("list-due-work" as const),
      nowMs: fc.maxSafeInteger(),
      limit: fc.integer(),
    }),
    fc
      .tuple(
        fc.record({
          kind: fc.constant("list-events" as const),
          calendars: fc.array(fc.string(), { maxLength: 3 }),
          conditions: fc.array(anyCondition, { maxLength: 2 }),
          asAgenda: fc.boolean(),
          pageSize: fc.integer(),
          after: fc.string(),
          windowStartMs: fc.maxSafeInteger(),
          windowEndMs: fc.maxSafeInteger(),
          showDeleted: fc.boolean(),
        }),
        fc.boolean(),
      )
      .map(([question, withGone]) => (withGone ? { ...question, withGone } : question)),
  ),
});

const credentials = { user: "ana", passwordHash: "$argon2id$" };
const signingKey = { id: "k", jwk: "{}", sinceMs: 3 };
const keys = {
  current: signingKey,
  next: signingKey,
  previous: signingKey,
  audit: signingKey,
  positionKey: "p",
  positionKeyId: 7,
};
const anyQueryReply: fc.Arbitrary<QueryReply> = fc.oneof(
  fc.constant<QueryReply>({ kind: "refused", code: "not-found", message: "gone" }),
  fc
    .oneof(
      anyUser.map((user) => ({ kind: "user" as const, user })),
      anyUser.map((user) => ({ kind: "credentials" as const, user, credentials })),
      anySession.map((session) => ({ kind: "session" as const, session })),
      fc.array(anyUser, { maxLength: 2 }).map((users) => ({ kind: "users" as const, users })),
      fc.record({
        kind: fc.constant("sessions" as const),
        sessions: fc.array(anySession, { maxLength: 2 }),
        next: fc.string(),
      }),
      fc.constant({ kind: "cluster-keys" as const, keys }),
      anyReply.map((reply) => ({ kind: "tried" as const, reply })),
      fc.constant({ kind: "range-map" as const, map: DEFAULT_RANGE_MAP }),
      anyGroup.map((group) => ({ kind: "group" as const, group })),
      fc.record({
        kind: fc.constant("outbox" as const),
        outbox: fc.record({
          last: anyNatural,
          done: anyNatural,
          entries: fc.array(
            fc.record({ number: anyNatural, timeMs: anyNatural, delivery: anyDelivery }),
            { maxLength: 3 },
          ),
        }),
      }),
      fc.record({
        kind: fc.constant("groups" as const),
        groups: fc.array(anyGroup, { maxLength: 2 }),
        next: fc.string(),
      }),
      anyInvitation.map((invitation) => ({ kind: "invitation" as const, invitation })),
      fc.record({
        kind: fc.constant("invitations" as const),
        invitations: fc.array(anyInvitation, { maxLength: 2 }),
        next: fc.string(),
      }),
      anyMember.map((member) => ({ kind: "member" as const, member })),
      fc.record({
        kind: fc.constant("members" as const),
        members: fc.array(anyMember, { maxLength: 3 }),
        next: fc.string(),
      }),
      anyCalendar.map((calendar) => ({ kind: "calendar" as const, calendar })),
      fc.record({
        kind: fc.constant("event" as const),
        event: anyEvent,
        conflicts: fc.array(
          fc.record({
            calendar: fc.string(),
            event: fc.string(),
            startMs: anyNatural,
            endMs: anyNatural,
          }),
          { maxLength: 3 },
        ),
      }),
      fc.array(anyCalendar, { maxLength: 2 }).map((calendars) => {
        return { kind: "calendars" as const, calendars };
      }),
      anyEvent.map((event) => ({ kind: "event" as const, event })),
      fc.record({
        kind: fc.constant("free-busy" as const),
        calendars: fc.array(
          fc.record({
            calendar: fc.string(),
            spans: fc.array(fc.record({ startMs: anyNatural, endMs: anyNatural })),
            isCut: fc.boolean(),
            isHidden: fc.boolean(),
          }),
          { maxLength: 2 },
        ),
      }),
      fc.record({
        kind: fc.constant("subscriptions" as const),
        subscriptions: anySubscriptions,
      }),
      fc.record({
        kind: fc.constant("notifications" as const),
        notifications: fc.array(anyNotification, { maxLength: 2 }),
        next: fc.string(),
      }),
      fc.record({
        kind: fc.constant("due-work" as const),
        hasReminders: fc.boolean(),
        series: fc.array(
          fc.record(
            {
              calendar: fc.string(),
              id: fc.string(),
              dueMs: anyNatural,
              untilMs: anyNatural,
              event: anyEvent,
            },
            { requiredKeys: ["calendar", "id", "dueMs", "untilMs"] },
          ),
          { maxLength: 2 },
        ),
      }),
      fc.record({
        kind: fc.constant("events" as const),
        events: fc.array(anyEvent, { maxLength: 3 }),
        next: fc.string(),
      }),
      fc.record({
        kind: fc.constant("events" as const),
        events: fc.array(anyEvent, { maxLength: 3 }),
        places: fc.array(fc.string(), { minLength: 1, maxLength: 2 }),
        gone: fc.array(fc.array(anyNatural, { maxLength: 2 }), { minLength: 1, maxLength: 2 }),
        next: fc.string(),
      }),
    )
    .map((answer): QueryReply => ({ kind: "answered", answer })),
);

/** Whether the bytes are those of the generated encoder for what they say. */
function isCanonical(schema: Parameters<typeof toBinary>[0], bytes: Uint8Array): boolean {
  return Buffer.compare(toBinary(schema, fromBinary(schema, bytes)), bytes) === 0;
}

describe("what was encoded", () => {
  it("is the same command again", () => {
    fc.assert(
      fc.property(anyCommand, (command) => {
        expect(decodeCommand(encodeCommand(command))).deep.equals(command);
      }),
    );
  });

  it("is the same reply again", () => {
    fc.assert(
      fc.property(anyReply, (reply) => {
        expect(decodeReply(encodeReply(reply))).deep.equals(reply);
      }),
    );
  });

  it("is the same change again", () => {
    fc.assert(
      fc.property(anyChange, (change) => {
        expect(decodeChange(encodeChange(change))).deep.equals(change);
      }),
    );
  });

  it("is the same query again", () => {
    fc.assert(
      fc.property(anyQuery, (query) => {
        expect(decodeQuery(encodeQuery(query))).deep.equals(query);
      }),
    );
  });

  it("is the same answer again", () => {
    fc.assert(
      fc.property(anyQueryReply, (reply) => {
        expect(decodeQueryReply(encodeQueryReply(reply))).deep.equals(reply);
      }),
    );
  });

  it("is the same event row again", () => {
    fc.assert(
      fc.property(anyEvent, (event) => {
        expect(codec.rows.event.decode(codec.rows.event.encode(event))).deep.equals(event);
      }),
    );
  });
});

describe("an encoding that copies parts", () => {
  it("has the bytes of the generated one", () => {
    fc.assert(
      fc.property(anyReply, anyChange, anyNatural, (reply, change, n) => {
        const { requestOutcome, requestUsage, expiry } = codec.rows;
        expect(isCanonical(CommandReplySchema, encodeReply(reply))).equals(true);
        expect(isCanonical(ChangeSchema, encodeChange(change))).equals(true);
        const outcome = requestOutcome.encode({ fingerprint: "f", reply });
        expect(isCanonical(RequestOutcomeSchema, outcome)).equals(true);
        const usage = requestUsage.encode({ timedBytes: n, opaqueBytes: 0, floorMs: n });
        expect(isCanonical(RequestUsageSchema, usage)).equals(true);
        const expiryRow = expiry.encode({ keys: ["", "a/b"], bytes: n });
        expect(isCanonical(ExpirySchema, expiryRow)).equals(true);
      }),
    );
  });

  it("does not leak into the next where it failed", () => {
    const usage = { timedBytes: 5, opaqueBytes: 0, floorMs: 0 };
    const before = codec.rows.requestUsage.encode(usage);
    const broken = { timedBytes: 5, opaqueBytes: 2 ** 60, floorMs: 0 };
    expect(() => codec.rows.requestUsage.encode(broken)).throws(ClusterError);
    expect(codec.rows.requestUsage.encode(usage)).deep.equals(before);
  });
});

describe("arbitrary bytes", () => {
  const decoders: readonly (readonly [string, (bytes: Uint8Array) => unknown])[] = [
    ["command", decodeCommand],
    ["reply", decodeReply],
    ["query", decodeQuery],
    ["answer", decodeQueryReply],
    ["change", decodeChange],
  ];
  const seeds = fc.oneof(
    anyCommand.map(encodeCommand),
    anyReply.map(encodeReply),
    anyChange.map(encodeChange),
  );
  const damaged = fc
    .tuple(seeds, fc.nat(), fc.integer({ min: 0, max: 255 }), fc.nat())
    .map(([bytes, at, value, cut]) => {
      const copy = Uint8Array.from(bytes);
      if (copy.length > 0) copy[at % copy.length] = value;
      return cut % 3 === 0 ? copy.subarray(0, cut % (copy.length + 1)) : copy;
    });

  for (const [name, decode] of decoders) {
    it(`are a ${name} or a ClusterError`, () => {
      fc.assert(
        fc.property(fc.oneof(fc.uint8Array({ maxLength: 60 }), damaged), (bytes) => {
          try {
            decode(bytes);
          } catch (error) {
            expect(error).instanceOf(ClusterError);
          }
        }),
        { numRuns: 500 },
      );
    });
  }

  it("are no row: corrupt, or of a newer version", () => {
    const rows = Object.values(codec.rows) as readonly { decode(bytes: Uint8Array): unknown }[];
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        for (const row of rows) {
          try {
            row.decode(bytes);
          } catch (error) {
            if (error instanceof InvariantViolation) continue;
            expect(error).instanceOf(ClusterError).with.property("code", "corrupt-storage");
          }
        }
      }),
    );
  });
});

describe("a newer version's", () => {
  const caller = create(CallerSchema, { caller: { case: "system", value: {} } });

  it("operation is unknown", () => {
    const bytes = toBinary(CommandSchema, create(CommandSchema, { caller }));
    // Field 999, a message.
    const newer = Uint8Array.from([...bytes, 0xba, 0x3e, 0x00]);
    expect(decodeCommand(newer).operation).deep.equals({ kind: "unknown" });
    expect(decodeCommand(bytes).operation).deep.equals({ kind: "unknown" });
  });

  it("field in a known operation makes it unknown", () => {
    const message = create(CommandSchema, {
      caller,
      operation: { case: "revokeSession", value: { user: "ana", session: "s1" } },
    });
    expect(decodeCommand(toBinary(CommandSchema, message)).operation.kind).equals("revoke-session");
    const operation = message.operation.value;
    if (operation === undefined) throw new Error("no operation");
    operation.$unknown = [{ no: 99, wireType: WireType.Varint, data: Uint8Array.of(1) }];
    expect(decodeCommand(toBinary(CommandSchema, message)).operation.kind).equals("unknown");
  });

  it("question is refused as such, and not as malformed", () => {
    const bytes = toBinary(QuerySchema, create(QuerySchema, { caller }));
    const newer = Uint8Array.from([...bytes, 0xba, 0x3e, 0x00]);
    expect(() => decodeQuery(newer))
      .throws(ClusterError)
      .property("code", "unimplemented");
    expect(() => decodeQuery(bytes))
      .throws(ClusterError)
      .property("code", "invalid-argument");
  });

  it("field in a known question is not passed over", () => {
    const unknown = [{ no: 99, wireType: WireType.Varint, data: Uint8Array.of(1) }];
    const condition = create(EventConditionSchema, { field: "state", key: "k", value: "v" });
    const value = create(ListEventsSchema, { calendars: ["ana"], conditions: [condition] });
    const message = create(QuerySchema, { caller, question: { case: "listEvents", value } });
    const decoded = () => decodeQuery(toBinary(QuerySchema, message));
    expect(decoded().question.kind).equals("list-events");
    condition.$unknown = unknown;
    expect(decoded).throws(ClusterError).property("code", "unimplemented");
    delete condition.$unknown;
    value.$unknown = unknown;
    expect(decoded).throws(ClusterError).property("code", "unimplemented");
  });

  it("field in what is asked after a trial is not passed over", () => {
    const asked = create(GetUserSchema, { user: "ana" });
    const then = create(QuerySchema, { question: { case: "getUser", value: asked } });
    const value = create(TryCommandsSchema, { then });
    const message = create(QuerySchema, { caller, question: { case: "tryCommands", value } });
    const decoded = () => decodeQuery(toBinary(QuerySchema, message));
    expect(decoded().question.kind).equals("try-commands");
    asked.$unknown = [{ no: 99, wireType: WireType.Varint, data: Uint8Array.of(1) }];
    expect(decoded).throws(ClusterError).property("code", "unimplemented");
  });

  it("row stops the replica", () => {
    const bytes = toBinary(EventSchema, create(EventSchema, { version: 2 }));
    expect(() => codec.rows.event.decode(bytes)).throws(InvariantViolation);
  });
});

describe("a number beyond the exact integers", () => {
  it("is refused, not rounded", () => {
    const change = create(ChangeSchema, { kind: 1, revision: 2n ** 53n });
    expect(() => decodeChange(toBinary(ChangeSchema, change))).throws(ClusterError, "exact");
    const largest = create(ChangeSchema, { kind: 1, revision: 2n ** 53n - 1n });
    expect(() => decodeChange(toBinary(ChangeSchema, largest))).throws(ClusterError, "resource");
  });
});
