import { expect } from "chai";
import type { Command, CommandReply } from "../../src/domain/index.js";
import { KEYS, prefixRange } from "../../src/machine/index.js";
import { createStoreCodec } from "../../src/wire/store/index.js";
import { uuidV7 } from "../support/agenda-arbitraries.js";
import {
  ANONYMOUS,
  command,
  createEvent,
  DAY_MS,
  eventId,
  HOUR_MS,
  NOW_MS,
  registerUser,
  SYSTEM,
  userCaller,
} from "../support/agenda.js";
import { AgendaShard } from "../support/agenda-shard.js";

const ana = userCaller("ana");
const { rows } = createStoreCodec();
const MIB = 1024 * 1024;

function createOnce(requestId: string, over: Partial<Command> = {}): Command {
  return { ...command(ana, createEvent("ana", eventId(1))), requestId, ...over };
}

function outcomes(shard: AgendaShard): number {
  return shard.memory.state.range(prefixRange("rq", 1_000)).length;
}

describe("a repeated request id", () => {
  it("gets the first answer, after other writes too, and changes nothing", () => {
    const shard = new AgendaShard();
    const { reply: first } = shard.apply(createOnce("r1"));
    shard.done(ana, {
      kind: "delete-event",
      calendar: "ana",
      event: eventId(1),
      etag: "",
    });
    shard.done(ana, createEvent("ana", eventId(2)));
    shard.nowMs += HOUR_MS;
    // Another try of the same request has another id for the event.
    const again = shard.apply(createOnce("r1", { operation: createEvent("ana", eventId(9)) }));
    expect(again.reply).deep.equals({ ...first, replayed: true });
    expect(again.writes).deep.equals([]);
    expect(again.changes).deep.equals([]);
  });

  it("gets the first refusal, though it would be done by now", () => {
    const shard = new AgendaShard();
    const title = (requestId: string): Command => ({
      ...createOnce(requestId),
      operation: { kind: "delete-event", calendar: "ana", event: eventId(1), etag: "" },
    });
    const { reply: first } = shard.apply(title("r1"));
    expect(first).to.include({ kind: "refused", code: "not-found", replayed: false });
    shard.apply(createOnce("r2"));
    expect(shard.apply(title("r1")).reply).deep.equals({ ...first, replayed: true });
    expect(shard.apply(title("r3")).reply.kind).equals("done");
  });

  it("with another request is refused", () => {
    const shard = new AgendaShard();
    shard.apply(createOnce("r1"));
    const { reply, writes } = shard.apply(createOnce("r1", { fingerprint: "0".repeat(64) }));
    expect(reply).to.include({ kind: "refused", code: "request-id-reused" });
    expect(writes).deep.equals([]);
  });

  it("of someone else is another", () => {
    const shard = new AgendaShard();
    shard.apply(createOnce("r1"));
    const bea = userCaller("bea");
    const { reply } = shard.apply({
      ...createOnce("r1", { caller: bea }),
      operation: createEvent("bea", eventId(1)),
    });
    expect(reply).to.include({ kind: "done", replayed: false });
  });

  it("of nobody in particular is told apart by what it does to whom", () => {
    const shard = new AgendaShard();
    const register = (user: string): CommandReply =>
      shard.apply({ ...command(ANONYMOUS, registerUser(user)), requestId: "r1" }).reply;
    expect(register("ana")).to.include({ kind: "done", replayed: false });
    expect(register("bea")).to.include({ kind: "done", replayed: false });
    expect(register("ana")).to.include({ kind: "done", replayed: true });
  });

  it("is needed of everyone but the cluster", () => {
    const shard = new AgendaShard();
    const { reply } = shard.apply(createOnce(""));
    expect(reply).to.include({ kind: "refused", code: "invalid-argument" });
    for (const requestId of ["a b", "ñ", "x".repeat(65)]) {
      const refused = shard.apply(createOnce(requestId)).reply;
      expect(refused).to.include({ kind: "refused", code: "invalid-argument" });
    }
    expect(outcomes(shard)).equals(0);
  });
});

describe("a remembered answer", () => {
  it("holds the resource where that fits 1 KiB", () => {
    const shard = new AgendaShard();
    const { reply } = shard.apply(createOnce("r1"));
    const again = shard.apply(createOnce("r1")).reply;
    expect(reply.kind === "done" && reply.resource).not.equals(undefined);
    expect(again).deep.equals({ ...reply, replayed: true });
  });

  it("leaves out a larger one", () => {
    const shard = new AgendaShard();
    const large = createOnce("r1", {
      operation: createEvent("ana", eventId(1), { description: "x".repeat(2_000) }),
    });
    const { reply } = shard.apply(large);
    expect(reply.kind === "done" && reply.resource).not.equals(undefined);
    const again = shard.apply(large).reply;
    expect(again).to.include({ kind: "done", replayed: true, revision: 1, sequence: 1 });
    expect(again).not.to.have.property("resource");
  });

  it("never takes more than 1 KiB, nor holds a secret", () => {
    const shard = new AgendaShard();
    const longest = "x".repeat(64);
    shard.apply({
      ...createOnce(longest, { operation: createEvent("ana", eventId(1)) }),
      operation: createEvent("ana", eventId(1), { title: "🎵".repeat(255) }),
    });
    shard.apply({ ...command(ANONYMOUS, registerUser("ana")), requestId: "r2" });
    shard.apply({
      ...command(SYSTEM, {
        kind: "create-session",
        user: "ana",
        session: "s1",
        client: "x",
        refreshHash: "refresh-hash",
        lifetimeMs: HOUR_MS,
      }),
      requestId: "r3",
    });
    const stored = shard.memory.state.range(prefixRange("rq", 10));
    expect(stored).to.have.lengthOf(3);
    for (const { value } of stored) {
      expect(value.length).at.most(1_024);
      expect(Buffer.from(value).toString("latin1")).not.match(/refresh-hash|argon2id/);
    }
  });
});

describe("a request id that tells its time", () => {
  it("is refused once it is older than the window", () => {
    const shard = new AgendaShard();
    const old = shard.apply(createOnce(uuidV7(NOW_MS - DAY_MS - 1))).reply;
    expect(old).to.include({ kind: "refused", code: "request-expired" });
    const young = shard.apply(createOnce(uuidV7(NOW_MS - DAY_MS))).reply;
    expect(young.kind).equals("done");
  });

  it("never takes effect twice, however late it comes again", () => {
    for (const ahead of [-HOUR_MS, 0, 5_000, HOUR_MS, 23 * HOUR_MS]) {
      const edges = [DAY_MS, DAY_MS + ahead].flatMap((ms) => [ms - 1, ms, ms + 1, ms + 2]);
      for (const lateMs of [0, HOUR_MS, ...edges, 60 * HOUR_MS]) {
        const shard = new AgendaShard();
        const toRepeat = createOnce(uuidV7(NOW_MS + ahead));
        expect(shard.apply(toRepeat).reply.kind).equals("done");
        shard.nowMs += lateMs;
        shard.run(SYSTEM, { kind: "sweep", limit: 100, trimFeedTo: 0 });
        const again = { ...toRepeat, operation: createEvent("ana", eventId(2)) };
        expect(shard.apply(again).changes, `${ahead} ${lateMs}`).deep.equals([]);
      }
    }
  });
});

describe("too many remembered answers", () => {
  function withUsage(timedBytes: number, opaqueBytes: number): AgendaShard {
    const shard = new AgendaShard();
    const value = rows.requestUsage.encode({ timedBytes, opaqueBytes, floorMs: 0 });
    shard.memory.state.write([{ key: KEYS.requestUsage, value }]);
    return shard;
  }

  it("refuse new ids that can be repeated at any time, and not those that tell their time", () => {
    const shard = withUsage(0, 16 * MIB);
    const refused = shard.apply(createOnce("r1"));
    expect(refused.reply).to.include({ kind: "refused", code: "overloaded" });
    expect(refused.writes).deep.equals([]);
    expect(shard.apply(createOnce(uuidV7(NOW_MS))).reply.kind).equals("done");
  });

  it("refuse the others at 64 MiB", () => {
    const shard = withUsage(64 * MIB, 0);
    const refused = shard.apply(createOnce(uuidV7(NOW_MS)));
    expect(refused.reply).to.include({ kind: "refused", code: "overloaded" });
  });

  it("are kept where the id is ahead of time, so that nobody else is refused", () => {
    const shard = withUsage(48 * MIB + 1, 0);
    shard.apply(createOnce(uuidV7(NOW_MS + HOUR_MS)));
    shard.run(SYSTEM, { kind: "sweep", limit: 100, trimFeedTo: 0 });
    const now = createOnce(uuidV7(NOW_MS), { operation: createEvent("ana", eventId(2)) });
    expect(shard.apply(now).reply.kind).equals("done");
  });

  it("are forgotten early by a sweep, oldest first, and their ids refused from then on", () => {
    const shard = withUsage(48 * MIB, 0);
    const ids = [0, 1, 2].map((i) => uuidV7(NOW_MS + i * 1_000));
    const creates = ids.map((id, i) =>
      createOnce(id, { operation: createEvent("ana", eventId(i)) }),
    );
    for (const create of creates) {
      expect(shard.apply(create).reply.kind).equals("done");
      shard.nowMs += 1_000;
    }
    shard.run(SYSTEM, { kind: "sweep", limit: 4, trimFeedTo: 0 });
    const codes = creates.map((create) => {
      const { reply } = shard.apply(create);
      return reply.kind === "done" ? `replayed ${reply.replayed}` : reply.code;
    });
    expect(codes).deep.equals(["request-expired", "request-expired", "replayed true"]);
    const fresh = createOnce(uuidV7(shard.nowMs, "000000000001"), {
      operation: createEvent("ana", eventId(7)),
    });
    expect(shard.apply(fresh).reply.kind).equals("done");
  });
});
