import { expect } from "chai";
import type { Ready } from "../support/up-cluster.js";
import type { Blow } from "./blows.js";
import { ALL_AT_ONCE, Nemesis } from "./nemesis.js";

describe("what strikes a cluster in the soak", () => {
  it("waits for a leader where a shard has none just now", async () => {
    const { nemesis, killed } = striking(["", "node-2"]);
    await nemesis.strike();
    expect(killed).to.deep.equal(["node-2"]);
    expect([...nemesis.done]).to.deep.equal([["kill leader", 1]]);
  });

  it("leaves nothing alive where it strikes all at once", async () => {
    const { nemesis, killed } = striking([]);
    await nemesis.strikeAll();
    expect(killed).to.have.members(["node-1", "node-2", "coordinator-1", "fanout-1"]);
    expect([...nemesis.done]).to.deep.equal([[ALL_AT_ONCE, 1]]);
  });

  /** The leader, alone. */
  function striking(leaders: string[]): { readonly nemesis: Nemesis; readonly killed: string[] } {
    const killed: string[] = [];
    const ready = {
      nodes: [{ name: "node-1" }, { name: "node-2" }],
      coordinators: [{ name: "coordinator-1" }],
      fanouts: [{ name: "fanout-1" }],
    } as unknown as Ready;
    const cluster = {
      current: () => ready,
      healthy: () => Promise.resolve(),
      status: () => Promise.resolve({ shards: [{ leader: leaders.shift() ?? "" }] }),
      kill: (name: string) => Promise.resolve(void killed.push(name)),
      pidOf: () => Promise.resolve(1),
    };
    const next = (): Blow => ({ act: "kill", target: "leader" });
    const blows = { next, dealt: () => undefined, wereDealtOnce: false };
    return { nemesis: new Nemesis(cluster, () => 0.9, blows), killed };
  }
});
