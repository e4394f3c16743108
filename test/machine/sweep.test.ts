import { expect } from "chai";
import type { Operation } from "../../src/domain/index.js";
import { KEYS, prefixRange, SWEEP_MORE } from "../../src/machine/index.js";
import { createStoreCodec } from "../../src/wire/store/index.js";
import { uuidV7 } from "../support/agenda-arbitraries.js";
import {
  ANONYMOUS,
  command,
  createEvent,
  DAY_MS,
  eventId,
  HOUR_MS,
  registerUser,
  SYSTEM,
  userCaller,
} from "../support/agenda.js";
import { AgendaShard } from "../support/agenda-shard.js";

const ana = userCaller("ana");
const { rows } = createStoreCodec();

function sweep(limit = 100, trimFeedTo = 0): Operation {
  return { kind: "sweep", limit, trimFeedTo };
}

function count(shard: AgendaShard, prefix: string): number {
  return shard.memory.state.range(prefixRange(prefix, 10_000)).length;
}

describe("a sweep", () => {
  let shard: AgendaShard;
  beforeEach(() => {
    shard = new AgendaShard();
    shard.done(ANONYMOUS, registerUser("ana"));
  });

  it("is the cluster's own", () => {
    shard.refused(ana, sweep(), "permission-denied");
  });

  it("that finds nothing writes nothing", () => {
    const { writes, reply } = shard.run(SYSTEM, sweep());
    expect(writes).deep.equals([]);
    expect(reply).to.include({ kind: "done", name: "sweep/done" });
  });

  it("forgets request ids after a day of log time, and counts what that frees", () => {
    for (let i = 0; i < 5; i++) shard.done(ana, createEvent("ana", eventId(i)));
    shard.nowMs += DAY_MS;
    shard.run(SYSTEM, sweep());
    expect([count(shard, "rq"), count(shard, "ry")]).deep.equals([6, 6]);
    shard.nowMs += 1;
    const { changes } = shard.run(SYSTEM, sweep());
    expect(changes).deep.equals([]);
    expect([count(shard, "rq"), count(shard, "ry")]).deep.equals([0, 0]);
    const usage = shard.memory.state.get(KEYS.requestUsage);
    expect(usage && rows.requestUsage.decode(usage)).to.include({ opaqueBytes: 0, timedBytes: 0 });
  });

  it("forgets sessions when they expire, as last prolonged", () => {
    const open: Operation = {
      kind: "create-session",
      user: "ana",
      session: "s1",
      client: "",
      refreshHash: "h0",
      lifetimeMs: HOUR_MS,
    };
    shard.done(SYSTEM, open);
    shard.nowMs += HOUR_MS / 2;
    shard.done(SYSTEM, {
      kind: "rotate-session",
      user: "ana",
      session: "s1",
      presentedHash: "h0",
      nextHash: "h1",
      lifetimeMs: HOUR_MS,
    });
    shard.nowMs += HOUR_MS / 2;
    shard.run(SYSTEM, sweep());
    expect([count(shard, "ss"), count(shard, "sx")]).deep.equals([1, 1]);
    shard.nowMs += HOUR_MS / 2;
    shard.run(SYSTEM, sweep());
    expect([count(shard, "ss"), count(shard, "sx")]).deep.equals([0, 0]);
  });

  it("purges events 30 days after they were deleted, from every index", () => {
    shard.done(ana, createEvent("ana", eventId(1)));
    shard.done(ana, createEvent("ana", eventId(2)));
    shard.done(ana, { kind: "delete-event", calendar: "ana", event: eventId(1), etag: "" });
    shard.nowMs += 30 * DAY_MS - 1;
    shard.run(SYSTEM, sweep());
    expect(["ev", "es", "ed", "ep"].map((p) => count(shard, p))).deep.equals([2, 1, 1, 1]);
    shard.nowMs += 1;
    shard.run(SYSTEM, sweep());
    expect(["ev", "es", "ed", "ep"].map((p) => count(shard, p))).deep.equals([1, 1, 0, 0]);
  });

  it("takes no more than its limit, and says whether there is more", () => {
    for (let i = 0; i < 9; i++) shard.done(ana, createEvent("ana", eventId(i)));
    shard.nowMs += 2 * DAY_MS;
    const names: string[] = [];
    const left: number[] = [];
    for (let i = 0; i < 4; i++) {
      // Two rows each.
      names.push(shard.done(SYSTEM, sweep(7)).name);
      left.push(count(shard, "rq"));
    }
    expect(left).deep.equals([7, 4, 1, 0]);
    expect(names).deep.equals([SWEEP_MORE, SWEEP_MORE, SWEEP_MORE, "sweep/done"]);
  });

  it("touches at most a thousand rows, whatever the limit", () => {
    for (let i = 0; i < 700; i++) shard.done(ana, createEvent("ana", eventId(i)));
    shard.nowMs += 2 * DAY_MS;
    const { writes, reply } = shard.run(SYSTEM, sweep(1_000_000));
    expect(writes.length).within(990, 1_000);
    expect(reply).to.include({ name: SWEEP_MORE });
  });

  it("does not walk over what former ones took away", () => {
    for (let i = 0; i < 5; i++) shard.done(ana, createEvent("ana", eventId(i)));
    shard.nowMs += 2 * DAY_MS;
    shard.run(SYSTEM, sweep());
    const bounds = shard.memory.state.get(KEYS.sweepBounds);
    const [, opaque] = bounds === undefined ? [] : rows.sweepBounds.decode(bounds).starts;
    expect(opaque).match(/^ry\/[0-9]{15}\/u\.ana\//);
    shard.done(ana, createEvent("ana", eventId(9)));
    shard.nowMs += DAY_MS + 1;
    shard.run(SYSTEM, sweep());
    expect(count(shard, "rq")).equals(0);
  });

  it("comes back for what is written after outcomes went early", () => {
    const usage = { timedBytes: 48 * 1024 * 1024, opaqueBytes: 0, floorMs: 0 };
    const writeUsage = (row: typeof usage): void => {
      const value = rows.requestUsage.encode(row);
      shard.memory.state.write([{ key: KEYS.requestUsage, value }]);
    };
    const create = (n: number, idMs: number): void => {
      const operation = createEvent("ana", eventId(n));
      shard.apply({ ...command(ana, operation), requestId: uuidV7(idMs) });
    };
    writeUsage(usage);
    create(1, shard.nowMs + 9_000);
    shard.run(SYSTEM, sweep());
    expect(count(shard, "rx")).equals(0);
    writeUsage({ ...usage, timedBytes: 0 });
    shard.nowMs += 1_000;
    create(2, shard.nowMs);
    expect(count(shard, "rx")).equals(1);
    shard.nowMs += 25 * HOUR_MS;
    shard.run(SYSTEM, sweep());
    expect(count(shard, "rx")).equals(0);
  });

  it("hands on how far the feed may go", () => {
    expect(shard.run(SYSTEM, sweep(1, 7)).trimFeedTo).equals(7);
    expect(shard.run(SYSTEM, sweep(1, 0))).not.to.have.property("trimFeedTo");
    expect(shard.run(ana, sweep(1, 7))).not.to.have.property("trimFeedTo");
  });
});
