import { create } from "@bufbuild/protobuf";
import { expect } from "chai";
import { ShardSchema } from "../../gen/cabildo/admin/v1/admin_pb.js";
import type { Shard } from "../../gen/cabildo/admin/v1/admin_pb.js";
import { quorumAfter, requireQuorum } from "../../src/main/quorum-after.js";

const NODES = ["node-1", "node-2", "node-3"];

function shard(name: string, leader: string, silent: readonly string[] = []): Shard {
  const replicas = NODES.map((node) => ({ node, reachable: !silent.includes(node) }));
  return create(ShardSchema, { name, leader, replicas });
}

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
