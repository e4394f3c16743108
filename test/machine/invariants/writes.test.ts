import { expect } from "chai";
import { fc } from "../../support/properties.js";
import { DETAIL_FIELDS } from "../../../src/domain/index.js";
import type { CommandReply, Operation } from "../../../src/domain/index.js";
import { chainHash, formatEtag, KEYS } from "../../../src/machine/index.js";
import type { Write } from "../../../src/machine/index.js";
import { createStoreCodec } from "../../../src/wire/store/index.js";
import {
  command,
  createEvent,
  DAY_MS,
  eventContent,
  eventId,
  HOUR_MS,
  registerUser,
  SYSTEM,
  userCaller,
} from "../../support/agenda.js";
import { anyContent, anyLog } from "../../support/agenda-arbitraries.js";
import type { TimedCommand } from "../../support/agenda-arbitraries.js";
import { anyBusyLog } from "../../support/agenda-busy-log.js";
import { AgendaHistory, anyHistory } from "../../support/agenda-history.js";
import { AgendaShard } from "../../support/agenda-shard.js";

const codec = createStoreCodec();
const ana = userCaller("ana");
const WORK = { displayName: "Work", timeZone: "", conflictPolicy: "allow", public: false } as const;

/** What is written where nobody else wrote meanwhile: for each kind of resource, its creation and a write of it. */
const RESOURCES: readonly (readonly [Operation, (value: string, etag: string) => Operation])[] = [
  [
    createEvent("ana", eventId(1)),
    (value, etag) => {
      const content = eventContent({ title: value });
      const named = { calendar: "ana", event: eventId(1), etag };
      return { kind: "update-event", ...named, content, fields: ["title"] };
    },
  ],
  [
    { kind: "create-calendar", calendar: "ana.work", content: WORK },
    (value, etag) => {
      const content = { ...WORK, displayName: value };
      const named = { calendar: "ana.work", etag };
      return { kind: "update-calendar", ...named, content, fields: ["displayName"] };
    },
  ],
  [
    registerUser("ana"),
    (value, etag) => {
      const over = { email: "", timeZone: "", defaultVisibility: "default" } as const;
      const content = { ...over, displayName: value, workingHours: [] };
      return { kind: "update-user", user: "ana", content, fields: ["displayName"], etag };
    },
  ],
  [
    { ...named("create-group"), groupKind: "peer", parent: "" },
    (value, etag) => {
      const changed = { displayName: value, parent: "", fields: ["displayName"] as const };
      return { kind: "update-group", group: "choir", ...changed, etag };
    },
  ],
];

function named<Kind extends string>(kind: Kind) {
  return { kind, group: "choir", uid: "", displayName: "" } as const;
}

/** Of the state, without what is remembered of requests. */
function rowsOf(shard: AgendaShard) {
  return shard.memory.state.rows().filter(({ key }) => !/^r[quxy](\/|$)/.test(key));
}

describe("invariant 8: a write", () => {
  it("takes effect where its etag is the one that stands, or where it names none; any other one changes nothing", () => {
    const step = fc.record({
      resource: fc.nat(RESOURCES.length - 1),
      etag: fc.constantFrom("none", "current", "former", "foreign"),
    });
    fc.assert(
      fc.property(fc.array(step, { minLength: 4, maxLength: 30, size: "max" }), (steps) => {
        const shard = new AgendaShard();
        const etags = RESOURCES.map(([create]) => [formatEtag(shard.done(ana, create).revision)]);
        for (const [i, { resource, etag }] of steps.entries()) {
          const known = etags[resource] ?? [];
          const foreign = etags[(resource + 1) % etags.length]?.at(-1) ?? "";
          const current = known.at(-1) ?? "";
          const shown = { none: "", current, former: known.at(-2) ?? "", foreign }[etag];
          const write = RESOURCES[resource]?.[1];
          if (write === undefined) continue;
          const before = rowsOf(shard);
          const { reply } = shard.run(ana, write(`written ${i}`, shown));
          if (shown === "" || shown === current) {
            expect(reply.kind, etag).equals("done");
            if (reply.kind === "done") known.push(formatEtag(reply.revision));
            continue;
          }
          expect(reply).to.include({ kind: "refused", code: "stale-etag" });
          expect(rowsOf(shard)).deep.equals(before);
        }
      }),
      { numRuns: 20 },
    );
  });

  it("changes the fields that it names, all of them if it names all, and no other one", () => {
    const write = fc.tuple(
      anyContent,
      fc.oneof(fc.subarray([...DETAIL_FIELDS]), fc.constant([...DETAIL_FIELDS])),
    );
    fc.assert(
      fc.property(anyContent, fc.array(write, { maxLength: 6 }), (first, writes) => {
        const shard = new AgendaShard();
        let expected = { ...first, invitees: [] };
        const event = { calendar: "ana", event: eventId(1) };
        shard.done(ana, { kind: "create-event", ...event, content: expected });
        for (const [content, fields] of writes) {
          shard.run(ana, { kind: "update-event", ...event, content, fields, etag: "" });
          const written = Object.fromEntries(fields.map((field) => [field, content[field]]));
          expected = { ...expected, ...written };
          const { event: found } = shard.ask(ana, { kind: "get-event", ...event }, "event");
          for (const field of DETAIL_FIELDS) {
            expect(found[field as keyof typeof found], field).deep.equals(expected[field]);
          }
        }
      }),
      { numRuns: 20 },
    );
  });
});

describe("invariant 9: a request id", () => {
  it("gets its first answer again for a day, and takes effect once; with another request it is refused", () => {
    const request = fc.record({
      kind: fc.constant("request" as const),
      user: fc.constantFrom("ana", "bea"),
      id: fc.constantFrom("first", "second", "third"),
      body: fc.constantFrom("a", "b"),
      hours: fc.constantFrom(0, 0, 1, 9),
    });
    const sweep = fc.record({ kind: fc.constant("sweep" as const) });
    const steps = fc.array(fc.oneof({ arbitrary: request, weight: 5 }, sweep), {
      maxLength: 40,
      size: "max",
    });
    const seen = new Set<string>();
    fc.assert(
      fc.property(steps, (asked) => {
        const shard = new AgendaShard();
        const first = new Map<string, { body: string; reply: CommandReply; atMs: number }>();
        let made = 0;
        for (const [n, step] of asked.entries()) {
          if (step.kind === "sweep") {
            shard.run(SYSTEM, { kind: "sweep", limit: 500, trimFeedTo: 0 });
            for (const [key, { atMs }] of first) {
              if (shard.nowMs > atMs + DAY_MS) first.delete(key);
            }
            continue;
          }
          shard.nowMs += step.hours * HOUR_MS;
          const { user, id: requestId, body: fingerprint } = step;
          // Each try has made an id of its own; every other one asks for what is refused.
          const calendar = fingerprint === "a" ? user : "nora";
          const create = createEvent(calendar, eventId(n));
          const once = command(userCaller(user), create, { requestId, fingerprint });
          const { reply } = shard.apply(once);
          const key = `${user} ${requestId}`;
          const known = first.get(key);
          if (known === undefined) {
            expect(reply.replayed).equals(false);
            first.set(key, { body: fingerprint, reply, atMs: shard.nowMs });
            if (reply.kind === "done") made++;
          } else if (known.body === fingerprint) {
            expect(reply).deep.equals({ ...known.reply, replayed: true });
          } else expect(reply).to.include({ kind: "refused", code: "request-id-reused" });
          seen.add(known === undefined ? "new" : known.body === fingerprint ? "again" : "other");
          const events = shard.memory.state.rows().filter((row) => row.key.startsWith("ev/"));
          expect(events).to.have.lengthOf(made);
        }
      }),
      { numRuns: 20 },
    );
    expect(seen.size).equals(3);
  });
});

/** What decides who somebody is, who may do what, and what is gone. A session that goes on is no news. */
const CRITICAL = new Set<string>([
  ...["register-user", "change-password", "reset-password", "issue-reset-code"],
  ...["set-cluster-roles", "set-user-standing", "create-session", "revoke-session"],
  ...[
    "record-login-failure",
    "create-cluster-keys",
    "rotate-cluster-keys",
    "prune-audit",
    "publish-range-map",
  ],
  ...["create-group", "set-group-deleted", "add-member", "update-member", "remove-member"],
  ...["transfer-leadership", "create-invitation", "settle-invitation", "delete-calendar"],
  ...["set-reader", "delete-event", "delete-events", "undelete-event", "cancel-event"],
]);

function isCritical(operation: Operation): boolean {
  switch (operation.kind) {
    case "update-group":
      return operation.fields.includes("parent");
    case "deliver":
      return operation.delivery.kind === "user-gone";
    default:
      return CRITICAL.has(operation.kind);
  }
}

/** Beside what is remembered of the request. */
function hasEffect(writes: readonly Write[]): boolean {
  return writes.some(({ key }) => !/^(r[quxy]|a[uh])(\/|$)/.test(key));
}

describe("invariant 14: what is critical", () => {
  const anyPast: fc.Arbitrary<readonly TimedCommand[]> = fc.oneof(
    anyLog,
    { arbitrary: anyBusyLog, weight: 3 },
    anyHistory.map((steps) => {
      const history = new AgendaHistory();
      for (const step of steps) history.take(step);
      history.cluster.carry();
      return history.cluster.shard(3).log;
    }),
  );

  it("has one entry in the trail, written with it and chained to the one before; nothing else has", () => {
    let entries = 0;
    fc.assert(
      fc.property(anyPast, (log) => {
        const shard = new AgendaShard();
        let hash: Uint8Array = new Uint8Array(32);
        let last = 0;
        for (const [i, { command: asked, timeMs }] of log.entries()) {
          shard.nowMs = Math.max(shard.nowMs, timeMs);
          const { writes, reply } = shard.apply(asked);
          const audited = writes.filter(({ key }) => key.startsWith("au/"));
          const isRotation = asked.operation.kind === "rotate-session" && reply.kind === "refused";
          const isOne = (isCritical(asked.operation) || isRotation) && !reply.replayed;
          const isDone = reply.kind === "done" || hasEffect(writes);
          expect(audited.length, asked.operation.kind).equals(isOne && isDone ? 1 : 0);
          const [row] = audited;
          if (row?.value === undefined) continue;
          const chained = codec.rows.audit.decode(row.value);
          expect(row.key).equals(KEYS.audit(++last));
          expect(chained.entry.index).equals(i + 1);
          expect(chained.entry.requestId).equals(asked.requestId);
          hash = chainHash(codec, hash, chained.entry);
          expect(chained.hash).deep.equals(Uint8Array.from(hash));
          entries++;
        }
      }),
      { numRuns: 20 },
    );
    expect(entries).greaterThan(10);
  });
});
