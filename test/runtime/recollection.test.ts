import { expect } from "chai";
import { Recollection } from "../../src/runtime/recollection.js";
import type { KnownNode, KnownReplica, Store } from "../../src/runtime/index.js";
import { MemoryDisk, openMemoryStore } from "../../src/storage/index.js";

const LIFE = 77;
const WAIT_MS = 300;

describe("a node that starts", () => {
  let disk: MemoryDisk;
  let store: Store;
  let timers: { delayMs: number; run: () => void; cancelled: boolean }[];
  let settled: number;
  let reminded: (readonly [KnownReplica, boolean])[];

  beforeEach(async () => {
    disk = new MemoryDisk();
    await (await openMemoryStore({ disk })).close();
    store = await openMemoryStore({ disk });
    timers = [];
    settled = 0;
    reminded = [];
  });

  const begin = (voters: readonly string[] = ["bo", "carla"]) => {
    const recollection = new Recollection({
      store,
      clock: {
        monotonicMs: () => 0,
        wallMs: () => 0,
        soon: (run) => run(),
        after: (delayMs, run) => {
          const timer = { delayMs, run, cancelled: false };
          timers.push(timer);
          return () => (timer.cancelled = true);
        },
      },
      life: LIFE,
      waitMs: WAIT_MS,
      voters,
      replicas: () => [
        { replica: 7, remind: (known, isOldCopy) => reminded.push([known, isOldCopy]) },
      ],
      settled: () => settled++,
      failed: (error) => {
        throw error;
      },
    });
    recollection.begin();
    return recollection;
  };

  const seen = { replica: 7, term: 3, acknowledged: { index: 9, term: 2 } };
  const known = (change: Partial<KnownNode> = {}): KnownNode => ({
    ...{ boot: 1, life: 5, replicas: [seen] },
    ...change,
  });

  it("may vote when every voter said what it remembers, and not before", () => {
    const recollection = begin();
    recollection.hear("bo", undefined);
    recollection.hear("bo", known());
    recollection.hear("dora", known());
    expect(settled).to.equal(0);
    recollection.hear("carla", known());
    recollection.hear("carla", known());
    expect(settled).to.equal(1);
    expect(timers[0]?.cancelled).to.equal(true);
  });

  it("waits no longer than an election timeout for those who say nothing", () => {
    begin();
    expect(timers).to.have.length(1);
    expect(timers[0]?.delayMs).to.equal(WAIT_MS);
    timers[0]?.run();
    expect(settled).to.equal(1);
  });

  it("waits for nobody where it was formatted just now, or votes alone", async () => {
    begin([]);
    expect(settled).to.equal(1);
    store = await openMemoryStore();
    begin();
    expect(settled).to.equal(2);
  });

  it("reminds its replicas of what others heard", () => {
    begin().hear("bo", known());
    expect(reminded).to.deep.equal([[seen, false]]);
  });

  for (const [what, change] of [
    ["a later boot", { boot: 5 }],
    ["another life of the same boot", { boot: 2, life: 8 }],
  ] as const) {
    it(`takes itself for an older copy where others know ${what}, once`, () => {
      const recollection = begin();
      recollection.hear("bo", known({ ...change, replicas: [] }));
      expect(reminded).to.have.length(1);
      expect(reminded[0]?.[1]).to.equal(true);
      expect(store.boot).to.equal(change.boot + 1);
      recollection.hear("carla", known({ ...change, replicas: [] }));
      expect(reminded).to.have.length(1);
    });
  }

  it("takes itself for the newest where others know this life or earlier ones", () => {
    const recollection = begin();
    recollection.hear("bo", known({ boot: 2, life: LIFE }));
    recollection.hear("carla", known({ boot: 1, life: 8 }));
    expect(reminded.some(([, isOldCopy]) => isOldCopy)).to.equal(false);
  });
});
