import { expect } from "chai";
import { ClusterError } from "../../src/base/index.js";
import { OutboxRelay } from "../../src/node/index.js";
import { encodeQueryReply } from "../../src/wire/index.js";
import { FakeShard } from "../support/fake-shard.js";
import { MemoryShards } from "../support/memory-shards.js";

describe("the relay of the outboxes", () => {
  it("warns of no leak where a node leads all shards and reads none", async () => {
    const shards = new MemoryShards();
    const replicas = shards.rangeMap.shards.map(({ number }) => {
      const replica = new FakeShard(number, ["node-1"]).replicaOf("node-1");
      replica.intercept = () => Promise.reject(new ClusterError("no-leader", "none"));
      return replica;
    });
    const ignore = (): void => undefined;
    let failures = 0;
    const planned: (() => void)[] = [];
    const clock = {
      wallMs: () => 0,
      after: (_: number, run: () => void) => {
        planned.push(run);
        return ignore;
      },
    };
    const observer = {
      delivered: ignore,
      cut: ignore,
      failed: () => (failures += 1),
      waiting: ignore,
      handedOver: ignore,
    };
    const warnings: string[] = [];
    const heed = ({ name }: Error): void => void warnings.push(name);
    process.on("warning", heed);
    const relay = new OutboxRelay({ rangeMap: shards.rangeMap, shards, clock, observer });
    relay.start(() => replicas);
    planned[0]?.();
    await new Promise((resolve) => setImmediate(resolve));
    await new Promise((resolve) => setImmediate(resolve));
    relay.close();
    process.off("warning", heed);
    expect(failures).to.be.greaterThan(10);
    expect(warnings).to.deep.equal([]);
  });

  describe("of a shard with one delivery that waits", () => {
    const shards = new MemoryShards();
    const [source = 0, target = 0] = shards.rangeMap.shards.map(({ number }) => number);
    for (const { number } of shards.rangeMap.shards) shards.away.add(number);
    const delivery = { kind: "member-gone", group: "choir", user: "bea", revision: 2 } as const;
    const outbox = { last: 1, done: 0, entries: [{ number: 1, timeMs: 20_000, delivery }] };
    const reply = encodeQueryReply({ kind: "answered", answer: { kind: "outbox", outbox } });
    let planned: (() => void)[];
    let seen: { readonly rows: number; readonly oldestSeconds: number } | undefined;
    let relay: OutboxRelay;

    beforeEach(() => {
      planned = [];
      seen = undefined;
      const clock = {
        wallMs: () => 60_000,
        after: (_: number, run: () => void) => {
          planned.push(run);
          return () => undefined;
        },
      };
      const observer = {
        delivered: () => undefined,
        cut: () => undefined,
        failed: () => undefined,
        waiting: (_: number, to: number, rows: number, oldestSeconds: number) => {
          if (to === target) seen = { rows, oldestSeconds };
        },
        handedOver: (_: number, to: number) => {
          if (to === target) seen = undefined;
        },
      };
      relay = new OutboxRelay({ rangeMap: shards.rangeMap, shards, clock, observer });
    });
    afterEach(() => relay.close());

    const replicaOf = (shard: FakeShard) => {
      const replica = shard.replicaOf("node-1");
      replica.intercept = () => Promise.resolve({ reply, sequence: 1, epoch: 1 });
      return replica;
    };
    const passes = async (): Promise<void> => {
      for (const run of planned.splice(0)) run();
      await new Promise((resolve) => setImmediate(resolve));
    };

    it("says so as long as its node leads, and nothing from then on", async () => {
      const shard = new FakeShard(source, ["node-1", "node-2"]);
      const replica = replicaOf(shard);
      relay.start(() => [replica]);
      await passes();
      expect(seen).to.deep.equal({ rows: 1, oldestSeconds: 40 });
      shard.leader = "node-2";
      await passes();
      expect(seen).to.equal(undefined);
    });

    it("goes on with another replica of it, where the first was taken out of the shard", async () => {
      const without = new FakeShard(source, ["node-2", "node-1"]);
      let replica = replicaOf(without);
      relay.start(() => [replica]);
      await passes();
      expect(seen).to.equal(undefined);
      replica = replicaOf(new FakeShard(source, ["node-1", "node-2"]));
      await passes();
      expect(seen).to.deep.equal({ rows: 1, oldestSeconds: 40 });
    });
  });
});
