import { hash } from "node:crypto";
import { expect } from "chai";
import { fc } from "../support/properties.js";
import type { Entry } from "../../src/raft/index.js";
import { StateHash } from "../../src/runtime/state-hash.js";
import { DAY_MS } from "../support/agenda.js";
import { anyLog } from "../support/agenda-arbitraries.js";
import type { TimedCommand } from "../support/agenda-arbitraries.js";
import { anyBusyLog } from "../support/agenda-busy-log.js";
import { AgendaHistory, anyHistory } from "../support/agenda-history.js";
import { MACHINE } from "../support/agenda-shard.js";
import { AppliedReplica, entriesOf } from "../support/applied-replica.js";
import { MemoryShard } from "../support/memory-view.js";

/**
 * What people did, as one of the shards has it in its log, and commands that nobody would think of. Now and then the clock of
 * a new leader is behind that of the last one.
 */
const anyAgendaLog: fc.Arbitrary<readonly TimedCommand[]> = fc
  .tuple(anyOrderedLog(), fc.infiniteStream(fc.constantFrom(0, 0, 0, DAY_MS)))
  .map(([log, behind]) =>
    log.map(({ command, timeMs }) => ({
      command,
      timeMs: timeMs - (behind.next().value ?? 0),
    })),
  );

function anyOrderedLog(): fc.Arbitrary<readonly TimedCommand[]> {
  return fc.oneof(
    anyLog,
    anyBusyLog,
    fc.tuple(anyHistory, fc.constantFrom(1, 2, 3)).map(([steps, shard]) => {
      const history = new AgendaHistory();
      for (const step of steps) history.take(step);
      history.cluster.carry();
      return history.cluster.shard(shard).log;
    }),
  );
}

/** How a replica comes along: all of it chance. */
interface Pace {
  /** Of the runs in which it applies the log, and whether what it applied before goes to the disk meanwhile. */
  readonly runs: Iterator<{ readonly entries: number; readonly writes: boolean }, undefined>;
  /** Turns that its disk takes. */
  readonly delays: Iterator<number, undefined>;
}

const anyPace: fc.Arbitrary<Pace> = fc.record({
  runs: fc.infiniteStream(
    fc.record({ entries: fc.integer({ min: 1, max: 20 }), writes: fc.boolean() }),
  ),
  delays: fc.infiniteStream(fc.nat(12)),
});

/** The hashes as one map in memory makes them that applies one command after the other: the first is that of nothing. */
function expectedHashes(log: readonly TimedCommand[]): readonly string[] {
  const shard = new MemoryShard(MACHINE);
  const chain = new StateHash((bytes) => hash("sha256", bytes, "buffer"));
  let state: Uint8Array = new Uint8Array(32);
  const hashes = [Buffer.from(state).toString("hex")];
  let nowMs = 0;
  log.forEach(({ command, timeMs }, i) => {
    nowMs = Math.max(nowMs, timeMs);
    state = Uint8Array.from(chain.next(state, i + 1, shard.apply(command, nowMs).writes));
    hashes.push(Buffer.from(state).toString("hex"));
  });
  return hashes;
}

async function follow(
  replica: AppliedReplica,
  entries: readonly Entry[],
  pace: Pace,
  upTo: number = entries.length,
): Promise<void> {
  while (replica.index < upTo) {
    const step = pace.runs.next().value ?? { entries: 1, writes: true };
    const from = replica.index;
    await replica.apply(entries.slice(from, Math.min(from + step.entries, upTo)), step.writes);
  }
}

function hashesAfter(replica: AppliedReplica, from: number, to: number): (string | undefined)[] {
  return Array.from({ length: to - from }, (_, i) => replica.hashAt(from + i + 1));
}

describe("replicas that apply one log of an agenda", () => {
  const open: AppliedReplica[] = [];
  const start = async ({ delays }: Pace): Promise<AppliedReplica> => {
    const replica = await AppliedReplica.start(() => delays.next().value ?? 0);
    open.push(replica);
    return replica;
  };
  const check = (
    run: (log: readonly TimedCommand[], paces: readonly [Pace, Pace], cut: number) => Promise<void>,
  ): Promise<void> =>
    fc.assert(
      fc.asyncProperty(anyAgendaLog, anyPace, anyPace, fc.nat(), async (log, a, b, cut) => {
        try {
          await run(log, [a, b], cut % (log.length + 1));
        } finally {
          for (const replica of open.splice(0)) await replica.close();
        }
      }),
      // A log that fails would be made smaller for minutes: the seed that is printed does that where it is wanted.
      { numRuns: 30, endOnFailure: true },
    );

  it("have one state hash at every index, in whatever runs they apply it and whenever they write it", () =>
    check(async (log, paces) => {
      const expected = expectedHashes(log);
      const entries = entriesOf(log);
      for (const pace of paces) {
        const replica = await start(pace);
        await follow(replica, entries, pace);
        expect(hashesAfter(replica, 0, log.length)).to.deep.equal(expected.slice(1));
      }
    }));

  it("have one state hash and one state after one of them was restarted in the middle", () =>
    check(async (log, [a, b], cut) => {
      const expected = expectedHashes(log);
      const entries = entriesOf(log);
      const replica = await start(a);
      await follow(replica, entries, a, cut);
      await replica.restart();
      const from = replica.index;
      expect(replica.hashAt(from)).to.equal(expected[from]);
      await follow(replica, entries, b);
      expect(hashesAfter(replica, from, log.length)).to.deep.equal(expected.slice(from + 1));
      await expectSameDisk(replica, await wholeOf(entries, b));
    }));

  it("have one state hash and one state after one of them lagged and was sent a snapshot", () =>
    check(async (log, [a, b], cut) => {
      const expected = expectedHashes(log);
      const entries = entriesOf(log);
      const [replica, other] = [await start(a), await start(b)];
      await follow(replica, entries, a, cut);
      await replica.write();
      await follow(other, entries, b, Math.floor(cut / 2));
      await replica.sendSnapshotTo(other);
      expect(other.index).to.equal(cut);
      expect(other.hashAt(cut)).to.equal(expected[cut]);
      await follow(replica, entries, a);
      await follow(other, entries, b);
      expect(hashesAfter(other, cut, log.length)).to.deep.equal(expected.slice(cut + 1));
      await replica.write();
      await expectSameDisk(other, replica);
    }));

  async function wholeOf(entries: readonly Entry[], pace: Pace): Promise<AppliedReplica> {
    const replica = await start(pace);
    await follow(replica, entries, pace);
    await replica.write();
    return replica;
  }

  async function expectSameDisk(a: AppliedReplica, b: AppliedReplica): Promise<void> {
    await a.write();
    const [one, other] = [await a.scan(), await b.scan()];
    expect(Buffer.from(one.hash).toString("hex")).to.equal(Buffer.from(other.hash).toString("hex"));
    expect(one.rows).to.equal(other.rows);
  }
});
