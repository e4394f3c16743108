import { expect } from "chai";
import { planCluster } from "../../src/main/cluster-plan.js";
import type { ClusterWish } from "../../src/main/cluster-plan.js";

const WISH: ClusterWish = {
  layout: undefined,
  basePort: 7443,
  host: "127.0.0.1",
  coordinators: 1,
  fanouts: 1,
};

describe("the plan of a cluster on this machine", () => {
  it("is three nodes with a replica of every shard, unless somebody wants more", () => {
    const { cluster, coordinators, fanouts } = planCluster(undefined, "ab", WISH);
    expect(cluster.nodes.map(({ name }) => name)).to.deep.equal(["node-1", "node-2", "node-3"]);
    expect(cluster.nodes.map(({ replicas }) => replicas.length)).to.deep.equal([5, 5, 5]);
    expect(cluster.formed).to.equal(false);
    expect(coordinators).to.deep.equal([{ name: "coordinator-1", port: 7443, metricsPort: 7496 }]);
    expect(fanouts).to.deep.equal([{ name: "fanout-1", port: 7444, metricsPort: 7497 }]);
  });

  it("is twelve nodes in the seed layout", () => {
    const { cluster } = planCluster(undefined, "ab", { ...WISH, layout: "seed" });
    expect(cluster.nodes).to.have.length(12);
    expect(cluster.nodes.at(-1)).to.include({ name: "users-3", port: 7464, metricsPort: 7504 });
  });

  it("keeps who a cluster is when everything moves to other ports", () => {
    const first = planCluster(undefined, "ab", WISH).cluster;
    const second = planCluster({ ...first, formed: true }, "ab", {
      ...WISH,
      basePort: 8443,
    }).cluster;
    expect(second.clusterId).to.equal(first.clusterId);
    expect(second.formed).to.equal(true);
    expect(second.nodes[0]).to.deep.equal({ ...first.nodes[0], port: 8453, metricsPort: 8493 });
  });

  it("does not turn one layout into the other", () => {
    const { cluster } = planCluster(undefined, "ab", WISH);
    expect(() => planCluster(cluster, "ab", { ...WISH, layout: "seed" })).to.throw("3 nodes");
  });
});
