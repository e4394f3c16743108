import { create } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { expect } from "chai";
import { ClusterStatusSchema } from "../../gen/cabildo/admin/v1/admin_pb.js";
import type { NodeClient } from "../../src/main/client/operator.js";
import { drainNode } from "../../src/main/drain-node.js";

/**
 * One shard on two nodes, led by the first; to hand it over fails as said before it succeeds. What keeps the second from leading
 * it is said for one status after the other.
 */
function clusterThatFails(
  failures: Code[],
  hindrances: { readonly draining?: true; readonly lag?: bigint }[] = [],
) {
  const asked: string[] = [];
  let leader = "node-1";
  const node = {
    drainNode: () => Promise.resolve({}),
    transferLeader: ({ toNode }: { toNode: string }) => {
      const code = failures.shift();
      asked.push(toNode);
      if (code !== undefined) return Promise.reject(new ConnectError("no", code));
      leader = toNode;
      return Promise.resolve({ leader });
    },
  } as unknown as NodeClient;
  const operator = {
    status: () => {
      const { draining = false, lag = 0n } = hindrances.shift() ?? {};
      const replicas = [
        { node: "node-1", reachable: true },
        { node: "node-2", reachable: true, lag },
      ];
      const nodes = [{ name: "node-1" }, { name: "node-2", draining }];
      const shards = [{ name: "users", leader, replicas }];
      return Promise.resolve(create(ClusterStatusSchema, { shards, nodes }));
    },
    atNode: () => Promise.resolve(node),
    atLeader: <T>(_: string, ask: (leads: NodeClient) => Promise<T>) => ask(node),
  };
  return { operator, asked };
}

describe("a node that is drained", () => {
  it("hands over in the end where a handover comes too late at first", async () => {
    const { operator, asked } = clusterThatFails([Code.DeadlineExceeded, Code.Unavailable]);
    expect(await drainNode(operator, "node-1")).to.deep.equal([
      { shard: "users", leader: "node-2" },
    ]);
    expect(asked).to.have.lengthOf(3);
  });

  it("says at once what will not pass", async () => {
    const { operator, asked } = clusterThatFails([Code.PermissionDenied]);
    const failure = await drainNode(operator, "node-1").catch((cause: unknown) => cause);
    expect(failure).to.include({ code: Code.PermissionDenied });
    expect(asked).to.have.lengthOf(1);
  });

  it("is named with what it still leads where no other node can", async () => {
    const { operator, asked } = clusterThatFails([], [{ draining: true }, { draining: true }]);
    const failure = await drainNode(operator, "node-1", 0).catch(String);
    expect(failure).to.contain("node-1 still leads users: no other node can lead it now");
    expect(asked).to.deep.equal([]);
  });

  it("hands over as soon as another node has caught up", async () => {
    const { operator, asked } = clusterThatFails([], [{ lag: 2000n }]);
    expect(await drainNode(operator, "node-1")).to.deep.equal([
      { shard: "users", leader: "node-2" },
    ]);
    expect(asked).to.deep.equal(["node-2"]);
  });
});
