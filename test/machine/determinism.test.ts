import { expect } from "chai";
import { fc } from "../support/properties.js";
import { InvariantViolation } from "../../src/base/index.js";
import type { Command, OperationKind } from "../../src/domain/index.js";
import type { Applied } from "../../src/machine/index.js";
import { standingStarts } from "../../src/machine/instances.js";
import { createStoreCodec, decodeCommand, encodeCommand } from "../../src/wire/store/index.js";
import { anyCommand, anyLog } from "../support/agenda-arbitraries.js";
import type { TimedCommand } from "../support/agenda-arbitraries.js";
import {
  ANONYMOUS,
  command,
  createEvent,
  eventContent,
  eventId,
  HOUR_MS,
  NOW_MS,
  registerUser,
  SYSTEM,
  userCaller,
} from "../support/agenda.js";
import { MACHINE } from "../support/agenda-shard.js";
import { LoadedView, MemoryShard, runLoading } from "../support/memory-view.js";

const codec = createStoreCodec();
const ana = userCaller("ana");

/** Everything that replicas have to agree on, as bytes. */
function encoded({ writes, reply, changes, trimFeedTo }: Applied): unknown {
  const hex = (bytes: Uint8Array | undefined): string | undefined =>
    bytes && Buffer.from(bytes).toString("hex");
  return {
    writes: writes.map(({ key, value }) => [key, hex(value)]),
    reply: hex(codec.encodeReply(reply)),
    changes: changes.map((change) => hex(codec.encodeChange(change))),
    trimFeedTo,
  };
}

/** As it comes out of the log of another replica. */
function fromLog({ command: logged, timeMs }: TimedCommand): TimedCommand {
  return { command: decodeCommand(encodeCommand(logged)), timeMs };
}

describe("the same log", () => {
  it("gives the same bytes, whether it was proposed here or read from the disk", () => {
    fc.assert(
      fc.property(anyLog, (log) => {
        const [a, b] = [new MemoryShard(MACHINE), new MemoryShard(MACHINE)];
        for (const step of log) {
          const other = fromLog(step);
          expect(encoded(a.apply(step.command, step.timeMs))).deep.equals(
            encoded(b.apply(other.command, other.timeMs)),
          );
        }
        expect(a.state.rows()).deep.equals(b.state.rows());
      }),
    );
  });

  it("gives the same, whatever is in memory when a command is applied", () => {
    fc.assert(
      fc.property(anyLog, (log) => {
        const shard = new MemoryShard(MACHINE);
        for (const { command: next, timeMs } of log) {
          const view = new LoadedView(shard.state);
          const context = shard.context(timeMs);
          const { result } = runLoading(view, () => MACHINE.apply(context, next, view));
          expect(encoded(result)).deep.equals(encoded(shard.apply(next, timeMs)));
        }
      }),
    );
  });

  it("makes revisions that are the sequences of the changes", () => {
    fc.assert(
      fc.property(anyLog, (log) => {
        const shard = new MemoryShard(MACHINE);
        for (const { command: next, timeMs } of log) {
          const { sequence } = shard;
          const { changes, reply } = shard.apply(next, timeMs);
          expect(changes.map(({ revision }) => revision)).deep.equals(
            changes.map((_, i) => sequence + i + 1),
          );
          if (reply.kind === "done" && !reply.replayed) {
            expect(reply.sequence).equals(sequence + changes.length);
          }
          if (reply.kind === "refused") expect(changes).deep.equals([]);
        }
      }),
    );
  });

  it("keeps rows, copies and counts in step", () => {
    fc.assert(
      fc.property(anyLog, (log) => {
        const shard = new MemoryShard(MACHINE);
        for (const { command: next, timeMs } of log) shard.apply(next, timeMs);
        const rows = shard.state.rows();
        const count = (prefix: string): number =>
          rows.filter(({ key }) => key.startsWith(`${prefix}/`)).length;
        expect(count("es") + count("ed")).equals(count("ev"));
        expect(count("ep")).equals(count("ed"));
        const standing = rows
          .filter(({ key }) => key.startsWith("er/"))
          .filter(({ key }) => {
            const event = shard.state.get(key.replace("er/", "ev/"));
            return event !== undefined && codec.rows.event.decode(event).deleteTimeMs === 0;
          })
          .map(({ value }) => standingStarts(codec.rows.series.decode(value)).length);
        expect(count("eo")).equals(standing.reduce((sum, n) => sum + n, 0));
        expect(count("sx")).equals(count("ss"));
        expect(count("rx") + count("ry")).equals(count("rq"));
        expect(rows.every(({ key }) => /^[\x20-\x7e]+$/.test(key))).equals(true);
        const usage = shard.state.get("ru");
        const expiries = rows.filter(({ key }) => key.startsWith("rx/") || key.startsWith("ry/"));
        const bytes = expiries.map(({ value }) => codec.rows.expiry.decode(value).bytes);
        const total = bytes.reduce((sum, n) => sum + n, 0);
        const counted = usage && codec.rows.requestUsage.decode(usage);
        expect((counted?.timedBytes ?? 0) + (counted?.opaqueBytes ?? 0)).equals(total);
      }),
    );
  });
});

/** Commands that look further where the state leads: an id that is taken is followed by a look for a free one. */
const LOADS_MAX: Partial<Record<OperationKind, number>> = {
  sweep: 1,
  // What is due, and then the events that it is due of.
  "fire-reminders": 2,
  "register-user": 1,
  // These ask the groups above, and who leads after the last leader.
  "create-group": 3,
  "update-group": 4,
  "set-group-deleted": 3,
  "add-member": 3,
  "update-member": 4,
  "remove-member": 4,
  "create-invitation": 3,
  "settle-invitation": 3,
  // What the caller is to the calendar of someone else goes on from the groups of both.
  "create-calendar": 1,
  "update-calendar": 4,
  "delete-calendar": 1,
  "set-reader": 4,
  // Whom an event concerns, is told of in the lanes of their shards.
  "create-event": 7,
  "create-events": 7,
  "update-event": 7,
  "delete-event": 7,
  "delete-events": 7,
  "undelete-event": 7,
  "cancel-event": 7,
  "respond-event": 2,
  // What it says goes on from what is there.
  deliver: 12,
};

describe("what a command will read", () => {
  const session = { user: "ana", session: "s1" };
  const name = { calendar: "ana", event: eventId(1) };
  const history: readonly Command[] = [
    command(ANONYMOUS, registerUser("ana", { email: "a@x.org", bootstrapHash: "b" })),
    command(SYSTEM, {
      kind: "create-session",
      ...session,
      client: "",
      refreshHash: "h0",
      lifetimeMs: HOUR_MS,
    }),
    command(SYSTEM, {
      kind: "rotate-session",
      ...session,
      presentedHash: "h0",
      nextHash: "h1",
      lifetimeMs: HOUR_MS,
    }),
    command(ana, { kind: "change-password", user: "ana", passwordHash: "p", keepSession: "" }),
    command(ana, { kind: "revoke-session", ...session }),
    command(ana, {
      kind: "create-group",
      group: "choir",
      uid: "",
      displayName: "",
      groupKind: "peer",
      parent: "",
    }),
    command(ana, { kind: "add-member", group: "choir", user: "bea", role: "member", rank: 1 }),
    command(ana, createEvent("ana", eventId(1))),
    command(ana, {
      kind: "update-event",
      ...name,
      content: eventContent({ title: "New" }),
      fields: ["title"],
      etag: "",
    }),
    command(ana, { kind: "delete-event", ...name, etag: "" }),
  ];

  it("is known before, so that the ordinary command runs once", () => {
    const shard = new MemoryShard(MACHINE);
    for (const next of history) {
      const view = new LoadedView(shard.state);
      view.load(MACHINE.reads(next));
      const context = shard.context(NOW_MS);
      const { result, loads } = runLoading(view, () => MACHINE.apply(context, next, view));
      expect(result.reply.kind, next.operation.kind).equals("done");
      expect(loads, next.operation.kind).equals(0);
      shard.apply(next, NOW_MS);
    }
  });

  it("is known of every command but those that go on from what they find", () => {
    fc.assert(
      fc.property(anyLog, anyCommand, (log, last) => {
        const shard = new MemoryShard(MACHINE);
        let timeMs = NOW_MS;
        for (const step of log) {
          shard.apply(step.command, step.timeMs);
          timeMs = step.timeMs;
        }
        const view = new LoadedView(shard.state);
        view.load(MACHINE.reads(last));
        const context = shard.context(timeMs);
        const { loads } = runLoading(view, () => MACHINE.apply(context, last, view));
        expect(loads).at.most(LOADS_MAX[last.operation.kind] ?? 0);
      }),
    );
  });

  it("is nothing where the command is faulty", () => {
    const faulty = command(ana, createEvent("Not a key/", eventId(1)));
    expect(MACHINE.reads(faulty)).deep.equals({ keys: [], ranges: [] });
  });
});

describe("a command of a newer version", () => {
  it("stops the replica", () => {
    const shard = new MemoryShard(MACHINE);
    const newer: Command = { ...command(SYSTEM, { kind: "unknown" }) };
    expect(() => shard.apply(newer, NOW_MS)).throws(InvariantViolation);
  });
});
