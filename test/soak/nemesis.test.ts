import { expect } from "chai";
import type { Ready } from "../support/up-cluster.js";
import { Nemesis } from "./nemesis.js";

describe("what strikes a cluster in the soak", () => {
  it("waits for a leader where a shard has none just now", async () => {
    // A leader; the shard, twice; no second blow; and it is killed.
    const chances = [0.9, 0, 0, 0.9, 0.1];
    const leaders = ["", "node-2"];
    const killed: string[] = [];
    const cluster = {
      current: () => ({ nodes: [], coordinators: [], fanouts: [] }) as unknown as Ready,
      healthy: () => Promise.reject(new Error("not asked here")),
      status: () => Promise.resolve({ shards: [{ leader: leaders.shift() ?? "" }] }),
      kill: (name: string) => Promise.resolve(void killed.push(name)),
      pidOf: () => Promise.reject(new Error("not asked here")),
    };
    const nemesis = new Nemesis(cluster, () => chances.shift() ?? 0);
    await nemesis.strike().catch(() => undefined);
    expect(killed).to.deep.equal(["node-2"]);
  });
});
