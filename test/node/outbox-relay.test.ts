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

  it("has nothing that waits once another node leads the shard", async () => {
    const shards = new MemoryShards();
    const [source, target] = shards.rangeMap.shards.map(({ number }) => number);
    if (source === undefined || target === undefined) throw new Error("too few shards");
    for (const { number } of shards.rangeMap.shards) shards.away.add(number);
    const shard = new FakeShard(source, ["node-1", "node-2"]);
    const replica = shard.replicaOf("node-1");
    const delivery = { kind: "member-gone", group: "choir", user: "bea", revision: 2 } as const;
    const outbox = { last: 1, done: 0, entries: [{ number: 1, timeMs: 20_000, delivery }] };
    const reply = encodeQueryReply({ kind: "answered", answer: { kind: "outbox", outbox } });
    replica.intercept = () => Promise.resolve({ reply, sequence: 1, epoch: 1 });
    const planned: (() => void)[] = [];
    const clock = {
      wallMs: () => 60_000,
      after: (_: number, run: () => void) => {
        planned.push(run);
        return () => undefined;
      },
    };
    const passes = async (): Promise<void> => {
      for (const run of planned.splice(0)) run();
      await new Promise((resolve) => setImmediate(resolve));
    };
    let seen: { readonly rows: number; readonly oldestSeconds: number } | undefined;
    const observer = {
      delivered: () => undefined,
      cut: () => undefined,
      failed: () => undefined,
      waiting: (_: number, to: number, rows: number, oldestSeconds: number) => {
        if (to === target) seen = { rows, oldestSeconds };
      },
    };
    const relay = new OutboxRelay({ rangeMap: shards.rangeMap, shards, clock, observer });
    relay.start(() => [replica]);
    await passes();
    expect(seen).to.deep.equal({ rows: 1, oldestSeconds: 40 });
    shard.leader = "node-2";
    await passes();
    expect(seen).to.deep.equal({ rows: 0, oldestSeconds: 0 });
    relay.close();
  });
});
