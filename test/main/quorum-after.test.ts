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
    const after = quorumAfter(shard("users", "node-1", ["node-2"]), {
      kind: "remove",
      node: "node-3",
    });
    expect(after).to.include({ voters: 2, answering: 1, serves: false });
    expect(() => requireQuorum([after])).to.throw("users (1 of 2 votes)");
  });

  it("is planned where one would", () => {
    expect(
      quorumAfter(shard("users", "node-1"), { kind: "remove", node: "node-3" }).serves,
    ).to.equal(true);
  });

  it("for a while needs a majority of all votes, not of the rest", () => {
    expect(quorumAfter(shard("users", "node-1"), { kind: "stop", node: "node-3" }).serves).to.equal(
      true,
    );
    const alone = quorumAfter(shard("users", "node-1", ["node-2"]), {
      kind: "stop",
      node: "node-3",
    });
    expect(alone).to.include({ voters: 3, answering: 1, serves: false });
  });

  it("is planned with whoever comes in its place", () => {
    const change = { kind: "replace", node: "node-3", byNode: "node-4" } as const;
    expect(quorumAfter(shard("users", "node-1", ["node-3"]), change)).to.include({
      ...{ voters: 3, answering: 3 },
    });
  });
});

describe("giving a replica a vote", () => {
  it("is refused where too few would answer then", () => {
    const replicas = [
      ...NODES.map((node) => ({ node, reachable: node !== "node-3" })),
      { node: "node-4", learner: true, reachable: false },
    ];
    const users = create(ShardSchema, { name: "users", leader: "node-1", replicas });
    const after = quorumAfter(users, { kind: "promote", node: "node-4" });
    expect(after).to.include({ voters: 4, answering: 2, serves: false });
    expect(quorumAfter(users, { kind: "add", node: "node-5" }).serves).to.equal(true);
  });
});
