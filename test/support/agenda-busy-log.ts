import { fc } from "./properties.js";
import type { Caller, Operation } from "../../src/domain/index.js";
import {
  command,
  createEvent,
  DAY_MS,
  eventId,
  HOUR_MS,
  NOW_MS,
  registerUser,
  SYSTEM,
  userCaller,
} from "./agenda.js";
import type { TimedCommand } from "./agenda-arbitraries.js";

interface Act {
  readonly caller: Caller;
  readonly operation: Operation;
}

const ana = userCaller("ana");
const BEGINNING: readonly Act[] = [
  { caller: SYSTEM, operation: registerUser("ana") },
  { caller: ana, operation: found("choir", "") },
  { caller: ana, operation: join("bea", "member") },
];

const session = fc.constantFrom("s1", "s2", "s3");
const hash = fc.constantFrom("h1", "h2");
const member = fc.constantFrom("ana", "bea", "carl");
const calendar = fc.constantFrom("ana.a", "ana.b");
const event = fc.integer({ min: 1, max: 4 }).map(eventId);

function by(caller: Caller, operation: fc.Arbitrary<Operation>): fc.Arbitrary<Act> {
  return operation.map((asked) => ({ caller, operation: asked }));
}

const anySessionAct: fc.Arbitrary<Act> = fc.oneof(
  by(
    SYSTEM,
    fc.record({
      kind: fc.constant("create-session" as const),
      user: fc.constant("ana"),
      session,
      client: fc.constant(""),
      refreshHash: hash,
      lifetimeMs: fc.constantFrom(HOUR_MS, 30 * DAY_MS),
    }),
  ),
  by(
    SYSTEM,
    fc.record({
      kind: fc.constant("rotate-session" as const),
      user: fc.constant("ana"),
      session,
      presentedHash: hash,
      nextHash: hash,
      lifetimeMs: fc.constant(30 * DAY_MS),
    }),
  ),
  by(
    ana,
    fc.record({
      kind: fc.constant("change-password" as const),
      user: fc.constant("ana"),
      passwordHash: hash,
      keepSession: session,
    }),
  ),
);

/** What reads ranges of rows, and what writes into the same ranges. */
const act: fc.Arbitrary<Act> = fc.oneof(
  { arbitrary: anySessionAct, weight: 5 },
  by(
    ana,
    fc.tuple(member, fc.constantFrom("leader", "member")).map(([one, role]) => join(one, role)),
  ),
  member.map((user): Act => ({
    caller: userCaller(user),
    operation: { kind: "remove-member", group: "choir", user },
  })),
  by(
    ana,
    fc.constantFrom("duo", "trio").map((id) => found(id, "choir")),
  ),
  by(
    ana,
    fc.record({
      kind: fc.constant("set-group-deleted" as const),
      group: fc.constantFrom("choir", "duo", "trio"),
      deleted: fc.boolean(),
      etag: fc.constant(""),
    }),
  ),
  by(
    ana,
    fc.record({
      kind: fc.constant("create-calendar" as const),
      calendar,
      content: fc.constant({
        displayName: "",
        timeZone: "",
        conflictPolicy: "reject" as const,
        public: false,
      }),
    }),
  ),
  by(
    ana,
    fc.record({
      kind: fc.constant("delete-calendar" as const),
      calendar,
      etag: fc.constant(""),
    }),
  ),
  by(
    ana,
    fc.tuple(calendar, event, fc.nat(3)).map(([key, id, hour]) => {
      const startMs = NOW_MS + hour * HOUR_MS;
      const span = { kind: "timed", startMs, endMs: startMs + HOUR_MS, timeZone: "UTC" } as const;
      return createEvent(key, id, { span, reminderMinutes: [0, 30] });
    }),
  ),
  by(
    ana,
    fc.record({
      kind: fc.constant("delete-event" as const),
      calendar,
      event,
      etag: fc.constant(""),
    }),
  ),
  by(SYSTEM, fc.constant({ kind: "fire-reminders", limit: 2 })),
  by(ana, fc.constant({ kind: "mark-all-notifications-read", user: "ana" })),
  by(SYSTEM, fc.constant({ kind: "sweep", limit: 6, trimFeedTo: 0 })),
);

/**
 * Few people who do the same few things again and again: nearly every command reads a range of rows that another one has just
 * written to.
 */
export const anyBusyLog: fc.Arbitrary<readonly TimedCommand[]> = fc
  .array(fc.tuple(act, fc.constantFrom(0, 0, 1, 5_000, HOUR_MS)), {
    minLength: 20,
    maxLength: 60,
    size: "max",
  })
  .map((acts) => {
    let timeMs = NOW_MS;
    const beginning = BEGINNING.map((first) => [first, 0] as const);
    return [...beginning, ...acts].map(([{ caller, operation }, passedMs]) => ({
      command: command(caller, operation),
      timeMs: (timeMs += passedMs),
    }));
  });

function found(group: string, parent: string): Operation {
  return { kind: "create-group", group, uid: "", displayName: "", groupKind: "peer", parent };
}

function join(user: string, role: "leader" | "member"): Operation {
  return { kind: "add-member", group: "choir", user, role, rank: 50 };
}
