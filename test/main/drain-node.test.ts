import { create } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { expect } from "chai";
import { ClusterStatusSchema } from "../../gen/cabildo/admin/v1/admin_pb.js";
import type { NodeClient } from "../../src/main/client/operator.js";
import { drainNode } from "../../src/main/drain-node.js";

/** One shard on two nodes, led by the first; to hand it over fails as said before it succeeds. */
function clusterThatFails(failures: Code[]) {
  const asked: string[] = [];
  const node = {
    drainNode: () => Promise.resolve({}),
    transferLeader: ({ toNode }: { toNode: string }) => {
      const code = failures.shift();
      asked.push(toNode);
      if (code !== undefined) return Promise.reject(new ConnectError("no", code));
      return Promise.resolve({ leader: toNode });
    },
  } as unknown as NodeClient;
  const replicas = ["node-1", "node-2"].map((name) => ({ node: name, reachable: true }));
  const status = create(ClusterStatusSchema, {
    shards: [{ name: "users", leader: "node-1", replicas }],
    nodes: replicas.map(({ node: name }) => ({ name })),
  });
  const operator = {
    status: () => Promise.resolve(status),
    atNode: () => Promise.resolve(node),
    atLeader: <T>(_: string, ask: (leader: NodeClient) => Promise<T>) => ask(node),
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
});
