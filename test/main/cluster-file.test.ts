import { mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { DEFAULT_RANGE_MAP } from "../../src/placement/index.js";
import {
  findClusterFile,
  parseClusterFile,
  raftAddressOf,
  readClusterFile,
  writeClusterFile,
} from "../../src/main/cluster-file.js";
import type { ClusterFile } from "../../src/main/cluster-file.js";
import { writeFileAtomic } from "../../src/main/files.js";

const CLUSTER: ClusterFile = {
  clusterId: "c1",
  name: "cabildo",
  formed: false,
  bootstrapHash: "ab",
  rangeMap: DEFAULT_RANGE_MAP,
  nodes: [
    {
      name: "node-1",
      host: "127.0.0.1",
      port: 7453,
      metricsPort: 7493,
      replicas: [{ shard: 1, replica: 65_537 }],
    },
  ],
};

describe("the cluster file", () => {
  let dir: string;
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), "cluster-file-"));
  });
  afterEach(() => rm(dir, { recursive: true }));

  it("is read as it was written", async () => {
    const path = join(dir, "cluster.json");
    expect(await findClusterFile(path)).to.equal(undefined);
    await writeClusterFile(path, CLUSTER);
    expect(await readClusterFile(path)).to.deep.equal(CLUSTER);
  });

  it("may set Raft apart, and end by itself the time when empty nodes form it", async () => {
    const path = join(dir, "cluster.json");
    const raft = { host: "node-1.raft", port: 7000 };
    const nodes = CLUSTER.nodes.map((node) => ({ ...node, raft }));
    const cluster = { ...CLUSTER, nodes, formUntil: "2026-12-01T00:00:00.000Z" };
    await writeClusterFile(path, cluster);
    expect(await readClusterFile(path)).to.deep.equal(cluster);
    expect(nodes.map(raftAddressOf)).to.deep.equal(["node-1.raft:7000"]);
    expect(CLUSTER.nodes.map(raftAddressOf)).to.deep.equal(["127.0.0.1:7453"]);
    const broken = JSON.stringify({ ...cluster, formUntil: "soon" });
    expect(() => parseClusterFile(broken, "c.json")).to.throw("formUntil is not a time");
  });

  it("says what to do where there is none", async () => {
    let message = "";
    await readClusterFile(join(dir, "none.json")).catch((cause: unknown) => {
      message = String(cause);
    });
    expect(message).to.contain("cabildo up");
  });

  it("names the field that somebody broke", () => {
    const broken = JSON.stringify({ ...CLUSTER, formed: "yes" });
    expect(() => parseClusterFile(broken, "c.json")).to.throw("c.json: formed is neither true");
    expect(() => parseClusterFile("{", "c.json")).to.throw("c.json is not JSON");
    const port = JSON.stringify({ ...CLUSTER, nodes: [{ ...CLUSTER.nodes[0], port: "x" }] });
    expect(() => parseClusterFile(port, "c.json")).to.throw("port is not a whole number");
  });

  it("is replaced without leaving anything beside it", async () => {
    const path = join(dir, "secret");
    await writeFileAtomic(path, "one", 0o600);
    await writeFileAtomic(path, "two", 0o600);
    expect(await readdir(dir)).to.deep.equal(["secret"]);
    expect((await stat(path)).mode & 0o777).to.equal(0o600);
  });
});
