import { expect } from "chai";
import type { Message, ReplicaId } from "../../src/raft/index.js";
import { DEFAULT_LIMITS } from "../../src/runtime/limits.js";
import { SILENT } from "../../src/runtime/observer.js";
import type { OutgoingSnapshot } from "../../src/runtime/index.js";
import { SnapshotsOut } from "../../src/runtime/snapshots-out.js";
import { MemoryDisk, openMemoryStore } from "../../src/storage/index.js";
import { MEMBERS } from "../storage/samples.js";
import { ManualClock } from "../support/manual-clock.js";

interface Sending {
  readonly node: string;
  readonly snapshot: OutgoingSnapshot;
  readonly end: (installed: boolean) => void;
}

const OWN = 1;
const settled = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));

describe("a node that sends snapshots", () => {
  let clock: ManualClock;
  let sending: Sending[];
  let told: string[];
  let failures: unknown[];
  let out: SnapshotsOut;
  let firstIndex: number;

  beforeEach(async () => {
    clock = new ManualClock();
    [sending, told, failures] = [[], [], []];
    firstIndex = 1;
    const store = await openMemoryStore({
      disk: new MemoryDisk(),
      onFatal: (error) => failures.push(error),
    });
    await store.openReplica(OWN, MEMBERS);
    out = new SnapshotsOut({
      ...{ clock, store, observer: SILENT },
      limits: { ...DEFAULT_LIMITS, snapshotsOutMax: 2, snapshotBytesPerSecondMax: 1000 },
      send: (node, snapshot) =>
        new Promise((end) => {
          sending.push({ node, snapshot, end });
        }),
      failed: (error) => failures.push(error),
    });
  });

  afterEach(() => {
    expect(failures).to.deep.equal([]);
  });

  const send = async (to: ReplicaId, node: string): Promise<void> => {
    const snapshotSent = (replica: ReplicaId, installed: boolean) =>
      told.push(`${replica} ${installed}`);
    const message = { kind: "snapshot", from: OWN, to, term: 3 } as Message;
    out.send({ shard: 1, replica: OWN, firstIndex, snapshotSent }, node, message);
    await settled();
  };
  const nodes = (): readonly string[] => sending.map(({ node }) => node);

  it("sends few at once, and answers for the others that they failed", async () => {
    await send(2, "b");
    await send(3, "c");
    await send(4, "d");
    expect(nodes()).to.deep.equal(["b", "c"]);
    expect(told).to.deep.equal(["4 false"]);
    sending[0]?.end(true);
    await settled();
    await send(4, "d");
    expect(nodes()).to.deep.equal(["b", "c", "d"]);
    expect(told).to.deep.equal(["4 false", "2 true"]);
  });

  it("sends one at a time to each node", async () => {
    await send(2, "b");
    await send(3, "b");
    expect(nodes()).to.deep.equal(["b"]);
    expect(told).to.deep.equal(["3 false"]);
  });

  it("waits for a while after a failure, with that replica alone", async () => {
    await send(2, "b");
    sending[0]?.end(false);
    await settled();
    await send(2, "b");
    expect(told).to.deep.equal(["2 false", "2 false"]);
    await send(3, "b");
    sending[1]?.end(true);
    await settled();
    await clock.turn(DEFAULT_LIMITS.snapshotRetryMs);
    await send(2, "b");
    expect(nodes()).to.deep.equal(["b", "b", "b"]);
  });

  it("lets all transfers together send no more than so many bytes a second", async () => {
    await send(2, "b");
    await send(3, "c");
    const left: string[] = [];
    const leave = (at: number, bytes: number): void => {
      void sending[at]?.snapshot.pace(bytes).then(() => left.push(`${at}: ${bytes}`));
    };
    leave(0, 500);
    leave(1, 300);
    leave(0, 100);
    await settled();
    expect(left).to.deep.equal(["0: 500"]);
    await clock.turn(499);
    expect(left).to.deep.equal(["0: 500"]);
    await clock.turn(1);
    await settled();
    expect(left).to.deep.equal(["0: 500", "1: 300"]);
    await clock.turn(300);
    await settled();
    expect(left).to.deep.equal(["0: 500", "1: 300", "0: 100"]);
  });

  it("does not save up what it did not send", async () => {
    await send(2, "b");
    await clock.turn(60_000);
    let left = 0;
    for (let n = 0; n < 3; n++) void sending[0]?.snapshot.pace(1000).then(() => left++);
    await settled();
    expect(left).to.equal(1);
  });

  it("offers the same state again after a transfer broke off, and lets go of it after a while", async () => {
    await send(2, "b");
    const first = sending[0]?.snapshot;
    await first?.pace(10);
    sending[0]?.end(false);
    await settled();
    await clock.turn(DEFAULT_LIMITS.snapshotRetryMs);
    await send(2, "b");
    expect(sending[1]?.snapshot.source).to.equal(first?.source);
    sending[1]?.end(false);
    await settled();
    await clock.turn(DEFAULT_LIMITS.snapshotKeptMs);
    await send(2, "b");
    expect(sending[2]?.snapshot.source).not.to.equal(first?.source);
    expect(await first?.source.seek(undefined).catch(String)).to.match(/closed/u);
  });

  it("takes the present state where the log no longer goes on from the one that broke off", async () => {
    await send(2, "b");
    const first = sending[0]?.snapshot;
    await first?.pace(10);
    sending[0]?.end(false);
    await settled();
    await clock.turn(DEFAULT_LIMITS.snapshotRetryMs);
    firstIndex = (first?.source.state.index ?? 0) + 2;
    await send(2, "b");
    expect(sending[1]?.snapshot.source).not.to.equal(first?.source);
    expect(await first?.source.seek(undefined).catch(String)).to.match(/closed/u);
  });

  it("does not hold on to a state of which nobody took anything", async () => {
    await send(2, "b");
    sending[0]?.end(false);
    await settled();
    expect(await sending[0]?.snapshot.source.seek(undefined).catch(String)).to.match(/closed/u);
  });

  it("does not offer again what was sent to its end and not installed", async () => {
    await send(2, "b");
    const first = sending[0]?.snapshot;
    await first?.pace(10);
    while ((await first?.source.next(1000)) !== undefined);
    sending[0]?.end(false);
    await settled();
    await clock.turn(DEFAULT_LIMITS.snapshotRetryMs);
    await send(2, "b");
    expect(sending[1]?.snapshot.source).not.to.equal(first?.source);
    expect(await first?.source.seek(undefined).catch(String)).to.match(/closed/u);
  });
});
