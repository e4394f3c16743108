import { expect } from "chai";
import { ClusterError } from "../../src/base/index.js";
import { OutboxRelay } from "../../src/node/index.js";
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
});
