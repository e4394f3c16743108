import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create } from "@bufbuild/protobuf";
import { expect } from "chai";
import { ClusterStatusSchema } from "../../gen/cabildo/admin/v1/admin_pb.js";
import { hostsOf } from "../../src/main/certificates.js";
import { readClusterFile } from "../../src/main/cluster-file.js";
import { replaceInClusterFile } from "../../src/main/replace-in-cluster-file.js";
import { addToSwarm } from "../../src/main/swarm/add-to-swarm.js";
import { planSwarm } from "../../src/main/swarm/plan-swarm.js";
import { stackFile } from "../../src/main/swarm/stack-file.js";
import { processesAround } from "../../src/main/swarm/swarm-processes.js";

const RAFT = { host: "users-4.raft", port: 7000 };
const REPLICAS = [
  { shard: 4, replica: 4 * 65_536 + 4 },
  { shard: 5, replica: 5 * 65_536 + 4 },
];

describe("what a Swarm is given", function () {
  // Dozens of keys are made.
  this.timeout(60_000);
  let dir: string;
  const plan = (publicHosts: readonly string[] = []) =>
    planSwarm({ dataDir: dir, replicas: undefined, publicHosts, formMs: 60_000 });
  const clusterFile = () => readClusterFile(join(dir, "cluster.json"));
  const names = async () => (await clusterFile()).nodes.map(({ name }) => name);

  before(async () => {
    dir = await mkdtemp(join(tmpdir(), "plan-swarm-"));
  });
  after(() => rm(dir, { recursive: true }));

  it("names the hosts by which clients reach the doors as long as nobody says others", async () => {
    expect((await plan()).publicHosts).to.deep.equal([]);
    expect((await plan(["agenda.example.org"])).publicHosts).to.deep.equal(["agenda.example.org"]);
    await plan(["agenda.example.org", "10.0.0.1"]);
    const certs = join(dir, "certs");
    await rm(join(certs, "server-key.pem"));
    const { publicHosts } = await plan();
    expect(publicHosts).to.have.members(["agenda.example.org", "10.0.0.1"]);
    for (const name of ["server", "grafana"]) {
      expect(await hostsOf(certs, name), name).to.include.members(publicHosts);
    }
  });

  it("has a node that takes the place of another one, also where it is planned again", async () => {
    const before = await names();
    expect(await addToSwarm(dir, "users-4", "users-2")).to.deep.equal(["users", "system"]);
    expect(await addToSwarm(dir, "users-4", "users-2")).to.deep.equal(["users", "system"]);
    await plan();
    expect(await names()).to.deep.equal([...before, "users-4"]);
    const { formed, nodes } = await clusterFile();
    expect(formed, "an empty disk of another node would have been formed with it").to.equal(true);
    expect(nodes.at(-1)).to.deep.include({ host: "users-4.api", raft: RAFT, replicas: [] });
    expect(await hostsOf(join(dir, "certs"), "users-4")).to.include("users-4.raft");
    expect(await readFile(join(dir, "prometheus.yml"), "utf8")).to.contain("- users-4.api:9100");
    expect(await readFile(join(dir, "ready.json"), "utf8")).to.contain("users-4.api:7100");

    const stack = stackFile(processesAround(nodes), { only: "users-4", join: ["users", "system"] });
    expect(stack).to.contain("      - --join\n      - users\n      - system\n    deploy:");
    expect(stack).to.contain("node.labels.cabildo.users-4 == true");
  });

  it("has the new node alone once that is in the shards", async () => {
    const before = (await names()).filter((name) => name !== "users-4");
    const status = create(ClusterStatusSchema, {
      nodes: [{ name: "users-4", address: "users-4.api:7100" }],
      shards: REPLICAS.map(({ shard, replica }) => ({
        number: shard,
        replicas: [{ id: replica, node: "users-4" }],
      })),
    });
    await replaceInClusterFile(dir, status, "users-2", "users-4");
    await replaceInClusterFile(dir, status, "users-2", "users-4");
    const after = before.map((name) => (name === "users-2" ? "users-4" : name));
    expect(await names()).to.deep.equal(after);
    const joined = (await clusterFile()).nodes.find(({ name }) => name === "users-4");
    expect(joined).to.deep.include({ raft: RAFT, replicas: REPLICAS });
    expect(await addToSwarm(dir, "users-4", "users-2")).to.deep.equal(["users", "system"]);
  });

  it("gives no name twice", async () => {
    const refused = async (name: string) =>
      addToSwarm(dir, name, "users-1").then(
        () => "added",
        (cause: unknown) => String(cause),
      );
    expect(await refused("users-4")).to.contain("there is a users-4 already");
    expect(await refused("grafana")).to.contain("there is a grafana already");
    expect(await refused("Users 9")).to.contain("is no name of a node");
  });
});
