import { expect } from "chai";
import { ClusterError } from "../../src/base/index.js";
import type { FeedReadOptions, Store } from "../../src/runtime/index.js";
import {
  append,
  appliedAt,
  applyRound,
  bytes,
  copySnapshot,
  entries,
  failureOf,
  feedRow,
  logOf,
  MEMBERS,
  rowsOf,
  stateOf,
  text,
  WHOLE,
} from "../storage/samples.js";

/** One disk, on which stores are opened one after the other. */
export interface StoreAdapter {
  open(): Promise<Store>;
  dispose(): Promise<void>;
}

const R = 7;
const OTHER = 8;
const page: FeedReadOptions = { channels: [], limit: 100, bytesMax: 1_000_000 };

/** What every store keeps of the port's promises. */
export function describeStore(name: string, createAdapter: () => Promise<StoreAdapter>): void {
  describe(name, () => {
    let adapter: StoreAdapter;
    let store: Store;

    beforeEach(async () => {
      adapter = await createAdapter();
      store = await adapter.open();
    });

    afterEach(async () => {
      await store.close();
      await adapter.dispose();
    });

    const reopen = async () => {
      await store.close();
      store = await adapter.open();
    };

    describe("that was just formatted", () => {
      it("says so once, and keeps its id", async () => {
        const { storeId } = store;
        expect(storeId).to.match(/^[0-9a-f]{32}$/);
        expect(store.fresh).to.equal(true);
        await reopen();
        expect(store.fresh).to.equal(false);
        expect(store.storeId).to.equal(storeId);
      });

      it("counts its boots", async () => {
        expect(store.boot).to.equal(1);
        await reopen();
        await reopen();
        expect(store.boot).to.equal(3);
      });

      it("gives a replica an empty log and the membership that it was told", async () => {
        const opened = await store.openReplica(R, MEMBERS);
        expect(opened.hardState).to.deep.equal({ term: 0, vote: 0, commit: 0 });
        expect(opened.firstIndex).to.equal(1);
        expect(opened.lastIndex).to.equal(0);
        expect(opened.precedingTerm).to.equal(0);
        expect(opened.termRuns).to.deep.equal([]);
        expect(opened.applied.confState).to.deep.equal(MEMBERS);
        expect(opened.applied.firstSequence).to.equal(1);
        expect(opened).not.to.have.property("lost");
      });

      it("says how much room there is", async () => {
        const { freeBytes, storeBytes } = await store.usage();
        expect(freeBytes).to.be.greaterThan(0);
        expect(storeBytes).to.be.greaterThan(0);
      });
    });

    describe("with a log", () => {
      beforeEach(async () => {
        await store.openReplica(R, MEMBERS);
        await append(store, R, entries(1, 1, 1, 2, 2, 2));
      });

      const reopened = async () => {
        await reopen();
        return store.openReplica(R, MEMBERS);
      };

      it("reads entries as they were appended", async () => {
        const odd = { term: 3, index: 6, kind: "conf-change-v2", data: bytes("") } as const;
        await append(store, R, [odd]);
        const [fifth, sixth] = await store.readEntries(R, 5, 7, 1_000);
        expect(text(fifth?.data)).to.equal("entry 5 of term 2");
        expect({ ...sixth, data: text(sixth?.data) }).to.deep.equal({ ...odd, data: "" });
      });

      it("reads at least one entry and no more than the bytes allow", async () => {
        expect(await store.readEntries(R, 1, 6, 0)).to.have.length(1);
        expect(await store.readEntries(R, 1, 6, 40)).to.have.length(2);
      });

      it("replaces everything from the first appended entry on", async () => {
        await append(store, R, entries(3, 3, 3));
        expect(await logOf(store, R, 1, 9)).to.deep.equal(["1/1", "2/1", "3/3", "4/3"]);
        const { lastIndex, termRuns } = await reopened();
        expect(lastIndex).to.equal(4);
        expect(termRuns).to.deep.equal([
          { from: 1, term: 1 },
          { from: 3, term: 3 },
        ]);
      });

      it("does not bring back a truncated entry when the log grows over it", async () => {
        await append(store, R, entries(2, 3));
        await append(store, R, entries(3, 3));
        await reopened();
        await append(store, R, entries(4, 4));
        expect(await logOf(store, R, 1, 9)).to.deep.equal(["1/1", "2/3", "3/3", "4/4"]);
        expect((await reopened()).lastIndex).to.equal(4);
      });

      it("truncates a tail of several slices and grows over it", async () => {
        const long = entries(6, ...Array.from({ length: 2_500 }, () => 2));
        await append(store, R, long);
        await append(store, R, entries(4, 3));
        await append(store, R, entries(5, 3, 3, 4));
        const opened = await reopened();
        expect(opened.lastIndex).to.equal(7);
        expect(opened.lost).to.equal(undefined);
        expect(await logOf(store, R, 4, 9)).to.deep.equal(["4/3", "5/3", "6/3", "7/4"]);
      });

      it("compacts only what was applied, and remembers the term before", async () => {
        await store.write([applyRound(R, 4)], false);
        await store.write([{ replica: R, compactTo: { index: 3, term: 2 } }], true);
        expect(await logOf(store, R, 4, 6)).to.deep.equal(["4/2", "5/2"]);
        const gone = await failureOf(store.readEntries(R, 3, 5, 100));
        expect(gone).to.be.instanceOf(ClusterError).with.property("code", "position-gone");
        const opened = await reopened();
        expect(opened.firstIndex).to.equal(4);
        expect(opened.precedingTerm).to.equal(2);
        expect(opened.termRuns).to.deep.equal([{ from: 4, term: 2 }]);
      });

      it("can be compacted to its end and goes on there", async () => {
        await store.write([{ ...applyRound(R, 5), compactTo: { index: 5, term: 2 } }], true);
        const opened = await reopened();
        expect(opened.firstIndex).to.equal(6);
        expect(opened.lastIndex).to.equal(5);
        expect(opened.precedingTerm).to.equal(2);
        await append(store, R, entries(6, 3));
        expect(await logOf(store, R, 6, 7)).to.deep.equal(["6/3"]);
      });

      it("keeps the hard state", async () => {
        await store.write([{ replica: R, hardState: { term: 9, vote: 3, commit: 4 } }], true);
        expect((await reopened()).hardState).to.deep.equal({ term: 9, vote: 3, commit: 4 });
      });

      it("keeps replicas apart, also those of one write", async () => {
        await store.openReplica(OTHER, MEMBERS);
        await store.write(
          [
            { replica: R, entries: entries(6, 5) },
            { replica: OTHER, entries: entries(1, 4) },
          ],
          true,
        );
        expect(await logOf(store, R, 5, 9)).to.deep.equal(["5/2", "6/5"]);
        expect(await logOf(store, OTHER, 1, 9)).to.deep.equal(["1/4"]);
      });

      it("refuses a gap, and a term that goes back", async () => {
        expect((await failureOf(append(store, R, entries(7, 2)))).name).to.equal(
          "InvariantViolation",
        );
        expect((await failureOf(append(store, R, entries(6, 1)))).name).to.equal(
          "InvariantViolation",
        );
      });

      it("refuses to append or to vote without sync", async () => {
        const entry = { replica: R, entries: entries(6, 2) };
        const vote = { replica: R, hardState: { term: 3, vote: 2, commit: 0 } };
        for (const round of [entry, vote]) {
          expect((await failureOf(store.write([round], false))).name).to.equal(
            "InvariantViolation",
          );
        }
      });
    });

    describe("with applied entries", () => {
      const put = (key: string, value: string) => ({ key, value: bytes(value) });

      beforeEach(async () => {
        await store.openReplica(R, MEMBERS);
        const writes = [put("a", "1"), put("b", "2"), put("b/x", "3"), put("c", "4")];
        const state = appliedAt(3, { sequence: 0 });
        await append(store, R, entries(1, 1, 1, 1, 1));
        await store.write([{ replica: R, applied: { writes, feed: [], state } }], false);
      });

      it("reads keys, present and absent", async () => {
        const result = await store.read(R, ["a", "b/x", "z"], []);
        expect([...result.values].map(([key, value]) => [key, text(value)])).to.deep.equal([
          ["a", "1"],
          ["b/x", "3"],
          ["z", undefined],
        ]);
      });

      it("reads ranges with limits, forwards and backwards", async () => {
        const keysOf = async (start: string, end: string, limit: number, reverse: boolean) => {
          const { ranges } = await store.read(R, [], [{ start, end, limit, reverse }]);
          return (ranges[0] ?? []).map(({ key }) => key).join(" ");
        };
        expect(await keysOf("a", "c", 10, false)).to.equal("a b b/x");
        expect(await keysOf("a", "c", 2, false)).to.equal("a b");
        expect(await keysOf("a", "c", 10, true)).to.equal("b/x b a");
        expect(await keysOf("b", "~", 2, true)).to.equal("c b/x");
        expect(await keysOf("b0", "c", 10, false)).to.equal("");
        expect(await keysOf("c", "a", 10, false)).to.equal("");
        expect(await keysOf("a", "c", 0, false)).to.equal("");
      });

      it("reads many rows in order", async () => {
        const writes = Array.from({ length: 3_000 }, (_, at) =>
          put(`many/${String(at).padStart(5, "0")}`, `${at}`),
        );
        const state = appliedAt(4, { sequence: 0 });
        await store.write([{ replica: R, applied: { writes, feed: [], state } }], false);
        const ends = { start: "many/", end: "many/~", limit: 10_000 };
        const { ranges } = await store.read(R, [], [ends, { ...ends, reverse: true }]);
        const [up, down] = ranges.map((rows) => rows.map(({ value }) => Number(text(value))));
        expect(up).to.deep.equal(Array.from({ length: 3_000 }, (_, at) => at));
        expect(down).to.deep.equal(up?.toReversed());
      });

      it("deletes and overwrites in the order of the writes", async () => {
        const writes = [
          put("a", "first"),
          put("a", "second"),
          { key: "b", value: undefined },
          put("c", "x"),
          { key: "c", value: undefined },
        ];
        const state = appliedAt(4, { sequence: 0 });
        await store.write([{ replica: R, applied: { writes, feed: [], state } }], false);
        expect(await stateOf(store, R)).to.deep.equal(["a=second", "b/x=3"]);
      });

      it("opens with the applied row and the state that belongs to it", async () => {
        const confState = { ...MEMBERS, votersOutgoing: [1, 9], autoLeave: true };
        const state = appliedAt(4, { sequence: 17, firstSequence: 9, epoch: 2, confState });
        await store.write([{ replica: R, applied: { writes: [], feed: [], state } }], true);
        await reopen();
        const { applied } = await store.openReplica(R, MEMBERS);
        const stateHash = new Uint8Array(applied.stateHash);
        expect({ ...applied, stateHash }).to.deep.equal(state);
        expect(await stateOf(store, R)).to.have.length(4);
      });

      it("reads nothing from before a round that had ended, while others go on", async () => {
        const width = 20;
        const keys = Array.from({ length: width }, (_, at) => `w/${String(at).padStart(2, "0")}`);
        let written = 3;
        let running = true;
        const writing = (async () => {
          for (let index = 4; index < 150; index++) {
            const writes = keys.map((key) => put(key, `${index}`));
            const state = appliedAt(index, { sequence: 0 });
            await store.write([{ replica: R, applied: { writes, feed: [], state } }], false);
            written = index;
          }
          running = false;
        })();
        let reads = 0;
        while (running) {
          const least = written;
          const range = { start: "w/", end: "w/~", limit: 100 };
          const result = await store.read(R, keys, [range, { ...range, reverse: true }]);
          const seen = [
            ...result.values.values(),
            ...result.ranges.flat().map(({ value }) => value),
          ];
          for (const value of seen)
            expect(Number(text(value) ?? 3)).to.be.within(least, written + 1);
          if (least > 3) expect(seen).to.have.length(3 * width);
          reads++;
        }
        await writing;
        expect(reads).to.be.greaterThan(5);
      });
    });

    describe("with a feed", () => {
      beforeEach(async () => {
        await store.openReplica(R, MEMBERS);
        await append(store, R, entries(1, ...Array.from({ length: 12 }, () => 1)));
        for (let index = 1; index <= 12; index++) {
          const channels = [`all`, index % 2 === 0 ? "even" : "odd"];
          if (index % 3 === 0) channels.push("thrée");
          await store.write([applyRound(R, index, ...channels)], false);
        }
      });

      const sequences = async (after: number, options: Partial<FeedReadOptions> = {}) => {
        const { rows, upTo } = await store.readFeed(R, after, { ...page, ...options });
        return { rows: rows.map(({ sequence }) => sequence), upTo };
      };
      const on = (...channels: string[]) => ({ channels });

      it("reads what comes after a sequence", async () => {
        const { rows, upTo } = await store.readFeed(R, 10, page);
        expect(upTo).to.equal(12);
        expect(rows.map((row) => ({ ...row, change: text(row.change) }))).to.deep.equal([
          { ...feedRow(11, "all", "odd"), change: "change 11" },
          { ...feedRow(12, "all", "even", "thrée"), change: "change 12" },
        ]);
        expect(await sequences(12)).to.deep.equal({ rows: [], upTo: 12 });
      });

      it("stops at its limits and says how far it looked", async () => {
        expect(await sequences(2, { limit: 2 })).to.deep.equal({ rows: [3, 4], upTo: 4 });
        expect(await sequences(2, { bytesMax: 17 })).to.deep.equal({ rows: [3, 4], upTo: 4 });
        expect(await sequences(2, { bytesMax: 1 })).to.deep.equal({ rows: [3], upTo: 3 });
        expect(await sequences(10, { limit: 2 })).to.deep.equal({ rows: [11, 12], upTo: 12 });
      });

      it("ends a page with a whole entry, by count and by bytes, also where that is more than a page", async () => {
        const index = 13;
        const large = [13, 14, 15, 16].map((sequence) => ({ ...feedRow(sequence, "all"), index }));
        await append(store, R, entries(index, 1));
        const state = appliedAt(index, { sequence: 16 });
        await store.write([{ replica: R, applied: { writes: [], feed: large, state } }], false);
        await append(store, R, entries(14, 1));
        const last = { ...feedRow(17, "all"), index: 14 };
        const then = appliedAt(14, { sequence: 17 });
        await store.write(
          [{ replica: R, applied: { writes: [], feed: [last], state: then } }],
          false,
        );
        const whole = { rows: [12, 13, 14, 15, 16], upTo: 16 };
        for (const channels of [[], ["all"]]) {
          expect(await sequences(11, { channels, limit: 2 })).to.deep.equal(whole);
          expect(await sequences(11, { channels, bytesMax: 20 })).to.deep.equal(whole);
          expect(await sequences(12, { channels, limit: 1 })).to.deep.equal({
            rows: [13, 14, 15, 16],
            upTo: 16,
          });
        }
      });

      it("reads one channel", async () => {
        expect(await sequences(3, on("thrée"))).to.deep.equal({ rows: [6, 9, 12], upTo: 12 });
        expect(await sequences(0, on("nobody"))).to.deep.equal({ rows: [], upTo: 12 });
      });

      it("merges channels in order of sequence, each row once", async () => {
        const both = on("thrée", "odd", "thrée");
        expect((await sequences(0, both)).rows).to.deep.equal([1, 3, 5, 6, 7, 9, 11, 12]);
        expect(await sequences(4, { ...both, limit: 3 })).to.deep.equal({
          rows: [5, 6, 7],
          upTo: 7,
        });
      });

      it("does not take one channel for another that begins alike", async () => {
        expect((await sequences(0, on("al"))).rows).to.deep.equal([]);
      });

      it("refuses to skip what was trimmed", async () => {
        const state = appliedAt(12, { firstSequence: 6 });
        await store.write([{ replica: R, applied: { writes: [], feed: [], state } }], true);
        expect((await sequences(5)).rows).to.deep.equal([6, 7, 8, 9, 10, 11, 12]);
        expect((await sequences(5, on("even"))).rows).to.deep.equal([6, 8, 10, 12]);
        for (const channels of [[], ["even"]]) {
          const gone = await failureOf(store.readFeed(R, 4, { ...page, channels }));
          expect(gone).to.be.instanceOf(ClusterError).with.property("code", "position-gone");
        }
      });

      it("keeps the feed over a restart", async () => {
        await reopen();
        await store.openReplica(R, MEMBERS);
        expect((await sequences(9, on("odd", "even"))).rows).to.deep.equal([10, 11, 12]);
      });
    });

    describe("that gives a snapshot to a replica", () => {
      beforeEach(async () => {
        await store.openReplica(R, MEMBERS);
        await store.openReplica(OTHER, MEMBERS);
        await append(store, R, entries(1, ...Array.from({ length: 60 }, () => 1)));
        await append(store, OTHER, entries(1, 1, 1, 1));
        await store.write([applyRound(OTHER, 2, "old")], false);
        for (let index = 1; index <= 20; index++) {
          await store.write([applyRound(R, index, "even")], false);
        }
      });

      const install = async (between?: () => Promise<void>) => {
        const source = await store.openSnapshot(R);
        const sink = await store.createSnapshotSink(OTHER);
        await copySnapshot(source, sink, between);
        await source.close();
        const hardState = { term: 3, vote: 0, commit: 20 };
        await store.write([{ replica: OTHER, hardState, install: sink }], true);
        return sink;
      };

      it("copies state, feed and applied row as of one round while rounds go on", async () => {
        let index = 20;
        await install(async () => {
          if (index < 60) await store.write([applyRound(R, ++index, "even")], false);
        });
        expect(index).to.be.greaterThan(25);
        const state = await stateOf(store, OTHER);
        expect(state).to.have.length(20);
        expect(state).to.deep.equal((await stateOf(store, R)).slice(0, 20));
        expect((await store.scanState(OTHER)).index).to.equal(20);
        const feed = await store.readFeed(OTHER, 0, { ...page, channels: ["even"] });
        expect(feed.rows.map(({ sequence }) => sequence)).to.have.length(20);
        expect(feed.upTo).to.equal(20);
      });

      it("replaces the whole replica: state, feed, and the log, which begins behind it", async () => {
        await install();
        await reopen();
        const opened = await store.openReplica(OTHER, MEMBERS);
        expect(opened.firstIndex).to.equal(21);
        expect(opened.lastIndex).to.equal(20);
        expect(opened.precedingTerm).to.equal(1);
        expect(opened.hardState).to.deep.equal({ term: 3, vote: 0, commit: 20 });
        expect(opened).not.to.have.property("lost");
        const old = await store.readFeed(OTHER, 0, { ...page, channels: ["old"] });
        expect(old.rows).to.deep.equal([]);
        await append(store, OTHER, entries(21, 3));
        expect(await logOf(store, OTHER, 21, 30)).to.deep.equal(["21/3"]);
      });

      it("can append behind the snapshot and apply in the round that installs it", async () => {
        const source = await store.openSnapshot(R);
        const sink = await store.createSnapshotSink(OTHER);
        await copySnapshot(source, sink);
        const applied = applyRound(OTHER, 21, "new").applied;
        await store.write(
          [{ replica: OTHER, install: sink, entries: entries(21, 4), ...(applied && { applied }) }],
          true,
        );
        expect(await stateOf(store, OTHER)).to.have.length(21);
        expect(await logOf(store, OTHER, 21, 30)).to.deep.equal(["21/4"]);
      });

      it("shows nothing of a snapshot before it is installed, nor after it was discarded", async () => {
        const source = await store.openSnapshot(R);
        const sink = await store.createSnapshotSink(OTHER);
        await copySnapshot(source, sink);
        expect(sink.state?.index).to.equal(20);
        expect(sink.rows).to.equal(1 + 20 + 20 + 20);
        expect(await stateOf(store, OTHER)).to.deep.equal(["key/000002=value 2"]);
        await sink.discard();
        await sink.discard();
        const late = await failureOf(sink.write([{ key: bytes("\u0002x"), value: bytes("") }]));
        expect(late).to.be.instanceOf(ClusterError);
        expect(await stateOf(store, OTHER)).to.deep.equal(["key/000002=value 2"]);
        await install();
        expect(await stateOf(store, OTHER)).to.have.length(20);
      });

      it("reads the state that a snapshot brings while that is being written", async () => {
        const source = await store.openSnapshot(R);
        const sink = await store.createSnapshotSink(OTHER);
        await copySnapshot(source, sink);
        const written = store.write([{ replica: OTHER, install: sink }], true);
        const during = await stateOf(store, OTHER);
        await written;
        expect(during).to.have.length(20);
        expect(during).to.deep.equal(await stateOf(store, OTHER));
      });

      it("keeps the rows when a sink is discarded after it was installed", async () => {
        const sink = await install();
        await sink.discard();
        expect(await stateOf(store, OTHER)).to.have.length(20);
      });

      it("goes on after any row, or from the start, with what it was when it was opened", async () => {
        const source = await store.openSnapshot(R);
        const all = await rowsOf(source);
        await append(store, R, entries(61, 1));
        await store.write([applyRound(R, 21, "later")], false);
        for (const from of [0, 1, 2, 25, 45, all.length - 1, all.length]) {
          await source.seek(all[from - 1]?.key);
          expect(await rowsOf(source), `from ${from}`).to.deep.equal(all.slice(from));
        }
        await source.seek(all[3]?.key);
        const cut = source.next(1);
        await source.seek(all[10]?.key);
        await cut;
        expect(await rowsOf(source)).to.deep.equal(all.slice(11));
        await source.close();
      });

      it("installs a snapshot that came in two halves from two replicas alike", async () => {
        const [one, other] = [await store.openSnapshot(R), await store.openSnapshot(R)];
        const sink = await store.createSnapshotSink(OTHER);
        expect(sink.lastKey).to.equal(undefined);
        const half = (await rowsOf(one)).slice(0, 30);
        await sink.write(half);
        expect(sink.lastKey).to.deep.equal(half.at(-1)?.key);
        await other.seek(sink.lastKey);
        await sink.write(await rowsOf(other));
        await Promise.all([one.close(), other.close()]);
        await store.write([{ replica: OTHER, install: sink }], true);
        expect(await stateOf(store, OTHER)).to.deep.equal(await stateOf(store, R));
        expect(sink.rows).to.equal(1 + 20 + 20 + 20);
      });

      describe("that broke off", () => {
        const ROWS = 30;

        beforeEach(async () => {
          const source = await store.openSnapshot(R);
          const sink = await store.createSnapshotSink(OTHER, "at-20");
          await sink.write((await rowsOf(source)).slice(0, ROWS));
          await source.close();
          await sink.suspend();
        });

        const openAgain = async () => {
          await reopen();
          for (const replica of [R, OTHER]) await store.openReplica(replica, MEMBERS);
        };
        const finish = async () => {
          const sink = await store.createSnapshotSink(OTHER, "at-20");
          const known = sink.rows;
          const source = await store.openSnapshot(R);
          await source.seek(sink.lastKey);
          await copySnapshot(source, sink);
          await source.close();
          await store.write([{ replica: OTHER, install: sink }], true);
          return known;
        };

        it("goes on where it was, and shows nothing before", async () => {
          expect(await stateOf(store, OTHER)).to.deep.equal(["key/000002=value 2"]);
          expect(await finish()).to.equal(ROWS);
          expect(await stateOf(store, OTHER)).to.deep.equal(await stateOf(store, R));
        });

        it("goes on after a restart too, and after another", async () => {
          await openAgain();
          await openAgain();
          expect(await finish()).to.equal(ROWS);
          await openAgain();
          expect(await stateOf(store, OTHER)).to.deep.equal(await stateOf(store, R));
        });

        it("is forgotten where another one comes", async () => {
          await openAgain();
          await (await store.createSnapshotSink(OTHER, "at-21")).discard();
          expect(await finish()).to.equal(0);
        });

        it("is forgotten where the replica gets as far without it", async () => {
          await openAgain();
          await append(store, OTHER, entries(4, ...Array.from({ length: 20 }, () => 1)));
          for (let index = 3; index <= 20; index++) {
            await store.write([applyRound(OTHER, index, "even")], false);
          }
          expect(await finish()).to.equal(0);
        });
      });

      it("takes no rows that are no snapshot's", async () => {
        const sink = await store.createSnapshotSink(OTHER);
        const row = { key: bytes("\u0002key"), value: bytes("") };
        const failure = await failureOf(sink.write([row]));
        expect(failure).to.have.property("code", "invalid-argument");
      });

      it("ends a snapshot that is open when the store closes", async () => {
        const source = await store.openSnapshot(R);
        await source.next(1);
        await store.close();
        expect(await failureOf(source.next(1))).to.be.instanceOf(ClusterError);
        await source.close();
      });
    });

    it("names every replica that was ever opened, over a restart too", async () => {
      const before = store.replicas;
      await store.openReplica(R + 1, MEMBERS);
      await reopen();
      expect(store.replicas).to.have.members([...before, R + 1]);
    });

    describe("asked for facts", () => {
      it("keeps them apart from replicas and over a restart", async () => {
        expect(await store.readFact("peer/1")).to.equal(undefined);
        await store.writeFact("peer/1", bytes("seen"));
        await store.writeFact("peer/2", bytes(""));
        await store.writeFact("peer/1", bytes("seen again"));
        await reopen();
        expect(text(await store.readFact("peer/1"))).to.equal("seen again");
        expect(text(await store.readFact("peer/2"))).to.equal("");
      });
    });

    describe("that turns out to be an older copy", () => {
      it("counts its boots on from what it is told", async () => {
        await store.raiseBoot(9);
        expect(store.boot).to.equal(9);
        await reopen();
        expect(store.boot).to.equal(10);
      });

      it("is lost from then on, until its log came past what others know", async () => {
        const acknowledged = { index: 6, term: 3 };
        await store.openReplica(R, MEMBERS);
        await append(store, R, entries(1, 1, 1, 2));
        await store.noteLost(R, acknowledged);
        await append(store, R, entries(4, 2));
        await reopen();
        const { lost } = await store.openReplica(R, MEMBERS);
        expect(lost).to.include({ index: 6, term: 3, needsSnapshot: false });
        expect(lost?.promised).to.deep.equal(acknowledged);
        await append(store, R, entries(5, 4, 4));
        await reopen();
        expect(await store.openReplica(R, MEMBERS)).not.to.have.property("lost");
      });
    });

    describe("that is scanned", () => {
      it("gives the same hash for the same state, whatever else differs", async () => {
        for (const replica of [R, OTHER]) {
          await store.openReplica(replica, MEMBERS);
          await append(store, replica, entries(1, 1, 1, 1));
          await store.write([applyRound(replica, 1, String(replica))], false);
          await store.write([applyRound(replica, 2)], false);
        }
        const scan = await store.scanState(R);
        expect(scan).to.deep.include({ index: 2, rows: 2, bytes: 34 });
        expect(await store.scanState(OTHER)).to.deep.equal(scan);
        await store.write([applyRound(OTHER, 3)], false);
        expect((await store.scanState(OTHER)).hash).not.to.deep.equal(scan.hash);
      });
    });

    describe("that is closed", () => {
      it("closes once, however often it is told", async () => {
        await Promise.all([store.close(), store.close()]);
        await store.close();
      });

      it("waits for the round that is under way", async () => {
        await store.openReplica(R, MEMBERS);
        const writing = append(store, R, entries(1, 1, 1));
        await store.close();
        await writing;
        store = await adapter.open();
        expect((await store.openReplica(R, MEMBERS)).lastIndex).to.equal(2);
      });

      it("refuses every call", async () => {
        await store.openReplica(R, MEMBERS);
        await store.close();
        const calls = [
          store.write([], true),
          store.read(R, [], [WHOLE]),
          store.readFact("x"),
          store.openSnapshot(R),
        ];
        for (const call of calls) {
          expect(await failureOf(call)).to.have.property("code", "stopping");
        }
      });
    });

    it("cannot be opened a second time while it is open", async () => {
      const failure = await failureOf(adapter.open());
      expect(failure).to.have.property("code", "failed-precondition");
      expect(failure.message).to.match(/another (process|store) uses/);
    });
  });
}
