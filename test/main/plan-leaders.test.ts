import { create } from "@bufbuild/protobuf";
import { expect } from "chai";
import { ShardSchema } from "../../gen/cabildo/admin/v1/admin_pb.js";
import type { Shard } from "../../gen/cabildo/admin/v1/admin_pb.js";
import { planLeaders } from "../../src/main/plan-leaders.js";
import { quorumAfter, requireQuorum } from "../../src/main/quorum-after.js";

const NODES = ["node-1", "node-2", "node-3"];

function shard(name: string, leader: string, silent: readonly string[] = []): Shard {
  const replicas = NODES.map((node) => ({ node, reachable: !silent.includes(node) }));
  return create(ShardSchema, { name, leader, replicas });
}

describe("a plan of leaders", () => {
  it("leaves those where they are who are spread already", () => {
    const shards = NODES.map((node, i) => shard(`s${i}`, node));
    expect([...planLeaders({ shards }).values()]).to.deep.equal(NODES);
  });

  it("moves as few as it takes from a node that leads everything", () => {
    const shards = ["a", "b", "c", "d", "e"].map((name) => shard(name, "node-1"));
    const leaders = [...planLeaders({ shards }).values()];
    expect(NODES.map((node) => leaders.filter((one) => one === node).length)).to.deep.equal([
      2, 2, 1,
    ]);
  });

  it("gives nothing to a node that is drained or does not answer", () => {
    const shards = ["a", "b"].map((name) => shard(name, "node-1", ["node-2"]));
    expect([...planLeaders({ shards }, "node-1").values()]).to.deep.equal(["node-3", "node-3"]);
  });
});

describe("taking a replica away", () => {
  it("is refused where no majority of the rest would answer", () => {
    const after = quorumAfter(shard("users", "node-1", ["node-2"]), "node-3", "removed");
    expect(after).to.include({ voters: 2, answering: 1, serves: false });
    expect(() => requireQuorum([after], "node-3")).to.throw("users (1 of 2 votes)");
  });

  it("is planned where one would", () => {
    expect(quorumAfter(shard("users", "node-1"), "node-3", "removed").serves).to.equal(true);
  });

  it("for a while needs a majority of all votes, not of the rest", () => {
    expect(quorumAfter(shard("users", "node-1"), "node-3", "stopped").serves).to.equal(true);
    const alone = quorumAfter(shard("users", "node-1", ["node-2"]), "node-3", "stopped");
    expect(alone).to.include({ voters: 3, answering: 1, serves: false });
  });
});
