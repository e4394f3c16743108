import { expect } from "chai";
import type { IncomingSnapshot, SnapshotSink, Store } from "../../src/runtime/index.js";
import { DEFAULT_LIMITS } from "../../src/runtime/limits.js";
import { SILENT } from "../../src/runtime/observer.js";
import { SnapshotsIn } from "../../src/runtime/snapshots-in.js";
import type { SnapshotReceiver } from "../../src/runtime/snapshots-in.js";
import { RecordingSink } from "../peer/support.js";
import { MEMBERS } from "../storage/samples.js";
import { ManualClock } from "../support/manual-clock.js";

const ROW = { key: Buffer.from("key"), value: Buffer.from("value") };

const incomingTo = (to: number, snapshotId = "1-0-5"): IncomingSnapshot => ({
  ...{ shard: 1, from: 9, to, term: 3, snapshotId, index: 5, indexTerm: 2 },
  confState: MEMBERS,
});

describe("a node to which snapshots are sent", () => {
  let clock: ManualClock;
  let sinks: RecordingSink[];
  let ids: (string | undefined)[];
  let snapshots: SnapshotsIn;
  let isWanted: boolean;
  let declined: string[];
  let install: (sink: SnapshotSink) => Promise<boolean>;

  beforeEach(() => {
    [sinks, declined] = [[], []];
    isWanted = true;
    install = () => Promise.resolve(true);
    ids = [];
    const createSnapshotSink = (_: number, id?: string): Promise<SnapshotSink> => {
      const sink = new RecordingSink([]);
      sinks.push(sink);
      ids.push(id);
      return Promise.resolve(sink);
    };
    const store = { createSnapshotSink } as Partial<Store> as Store;
    clock = new ManualClock();
    const limits = { ...DEFAULT_LIMITS, snapshotsInMax: 2 };
    snapshots = new SnapshotsIn({ clock, store, limits, observer: SILENT });
  });

  const receiver: SnapshotReceiver = {
    wants: () => isWanted,
    decline: ({ snapshotId }) => declined.push(snapshotId),
    install: (_, sink) => install(sink),
  };
  const begin = (to: number, snapshotId?: string): Promise<SnapshotSink | undefined> =>
    snapshots.begin(receiver, incomingTo(to, snapshotId));
  /** A snapshot for replica 1 of which one row came before it broke off. */
  const breakOff = async (isSound: boolean): Promise<void> => {
    const sink = await begin(1);
    if (sink === undefined) throw new Error("one is taken");
    await sink.write([ROW]);
    await snapshots.abandon(incomingTo(1), sink, isSound);
  };

  it("says so of what is not wanted, not of what has no room", async () => {
    await Promise.all([begin(1), begin(2), begin(3)]);
    expect(declined).to.deep.equal([]);
    isWanted = false;
    expect(await begin(4, "1-0-9")).to.equal(undefined);
    expect(declined).to.deep.equal(["1-0-9"]);
  });

  it("takes few at once", async () => {
    const asked = await Promise.all([begin(1), begin(2), begin(3)]);
    expect(asked.map((sink) => sink !== undefined)).to.deep.equal([true, true, false]);
    expect(sinks).to.have.length(2);
  });

  it("takes one at a time for each replica", async () => {
    expect(await begin(1)).not.to.equal(undefined);
    expect(await begin(1)).to.equal(undefined);
  });

  it("has room again once one was installed, or could not be", async () => {
    const [first, second] = await Promise.all([begin(1), begin(2)]);
    if (first === undefined || second === undefined) throw new Error("two are taken");
    expect(await snapshots.finish(receiver, incomingTo(1), first)).to.equal(true);
    install = () => Promise.reject(new Error("disk"));
    const failed = snapshots.finish(receiver, incomingTo(2), second);
    expect(await failed.catch(String)).to.equal("Error: disk");
    expect(await begin(1)).not.to.equal(undefined);
    expect(await begin(2)).not.to.equal(undefined);
  });

  it("leaves what came of a snapshot that broke off to the next sink of it", async () => {
    await breakOff(true);
    expect(sinks[0]).to.include({ suspended: true, discarded: false });
    await begin(1, "1-0-6");
    expect(ids).to.deep.equal(["1-0-5", "1-0-6"]);
  });

  it("deletes what was wrong", async () => {
    await breakOff(false);
    expect(sinks[0]).to.include({ suspended: false, discarded: true });
  });

  it("takes others while it keeps what broke off", async () => {
    await breakOff(true);
    const asked = await Promise.all([begin(2), begin(3)]);
    expect(asked).not.to.include(undefined);
  });
});
