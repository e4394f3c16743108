import { expect } from "chai";
import { ClusterError } from "../../src/base/index.js";
import { eventually } from "../support/eventually.js";
import { getQuery, setCommand, valuesOf } from "../support/register-machine.js";
import { RuntimeCluster } from "../support/runtime-cluster.js";

const READ = { timeoutMs: 5000, minSequence: 0, maxStalenessMs: 0 };

/** https://github.com/hashicorp/raft/issues/503: heartbeats do not depend on the disk, so nobody else ever leads. */
describe("a leader whose disk hangs", function () {
  this.timeout(60_000);
  let cluster: RuntimeCluster;

  afterEach(async () => {
    await cluster.stop();
    expect(cluster.failures).to.deep.equal([]);
  });

  it("refuses commands with the reason, and takes them again when its disk is back", async () => {
    cluster = await RuntimeCluster.start({ diskStalledMs: 60_000 });
    await cluster.set(1, "k", "before");
    const { node, replica } = await cluster.leader(1);
    cluster.stallDisk(node);
    const refusal = await eventually(
      () =>
        replica.execute(setCommand("k", "during"), { timeoutMs: 50 }).then(
          () => undefined,
          (error: unknown) =>
            error instanceof ClusterError && error.code === "disk-slow" ? error : undefined,
        ),
      { what: "a refusal for the disk's sake" },
    );
    expect(refusal.details.outcome).to.equal("not_applied");
    cluster.resumeDisk(node);
    await eventually(() => replica.execute(setCommand("k", "after"), { timeoutMs: 1000 }));
  });

  it("is followed by another one, and leads nothing until its disk is back", async () => {
    cluster = await RuntimeCluster.start();
    await cluster.set(1, "k", "before");
    const { node } = await cluster.leader(1);
    cluster.stallDisk(node);
    // It has something to write, so it notices.
    cluster
      .replica(node, 1)
      .execute(setCommand("k", "lost or not"), { timeoutMs: 100 })
      .catch(() => undefined);
    const next = await eventually(
      () =>
        cluster.nodes.find(
          (name) => name !== node && cluster.replica(name, 1).status().role === "leader",
        ),
      { what: "another leader" },
    );
    await eventually(() =>
      cluster.replica(next, 1).execute(setCommand("k", "after"), { timeoutMs: 1000 }),
    );
    expect(cluster.replica(node, 1).status().role).to.not.equal("leader");
    cluster.resumeDisk(node);
    const values = await eventually(async () => {
      const { reply } = await cluster.replica(node, 1).read(getQuery("k"), READ);
      return valuesOf(reply);
    });
    expect(values[0]).to.equal("before");
    expect(values.at(-1)).to.equal("after");
  });
});
