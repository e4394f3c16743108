import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { Agent, get } from "node:https";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { eventually } from "../support/eventually.js";
import { CABILDO, isAlive, UpCluster } from "../support/up-cluster.js";

const pidsOf = ({ ready }: UpCluster): readonly number[] =>
  [...ready.nodes, ...ready.coordinators, ...ready.fanouts].map(({ pid }) => pid);

/** Ends what should have been refused, and runs. */
const START_MS = 60_000;

interface Ended {
  readonly code: number | null;
  readonly err: string;
}

const up = (...args: readonly string[]): Ended => run("up", ...args);

function run(...args: readonly string[]): Ended {
  const { status, stderr } = spawnSync(process.execPath, [CABILDO, ...args], {
    encoding: "utf8",
    timeout: START_MS,
  });
  return { code: status, err: stderr };
}

describe("a cluster that runs in a directory", function () {
  this.timeout(120_000);
  let dataDir: string;
  let cluster: UpCluster | undefined;
  before(() => {
    dataDir = mkdtempSync(join(tmpdir(), "supervision-"));
  });
  after(async () => {
    await cluster?.stop();
    rmSync(dataDir, { recursive: true });
  });

  it("is the same one after it was stopped, and after its supervisor was killed", async () => {
    const first = await UpCluster.start({ dataDir });
    const ana = await first.person("ana");
    const group = { displayName: "Choir" };
    const { name } = await ana.groups.createGroup({ groupId: "choir", group });
    expect(await first.stop()).to.equal(0);

    const second = await UpCluster.start({ dataDir, extra: ["--no-restart"] });
    expect(second.ready.clusterId).to.equal(first.ready.clusterId);
    process.kill(second.pid, "SIGKILL");
    await eventually(() => !pidsOf(second).some(isAlive), { what: "its processes to end with it" });

    cluster = await UpCluster.start({ dataDir, basePort: second.basePort });
    const again = await cluster.person("ana").then(
      () => "",
      (cause: unknown) => String(cause),
    );
    expect(again).to.contain("already_exists");
    const anew = await cluster.signIn("ana");
    expect((await anew.groups.getGroup({ name })).displayName).to.equal("Choir");
  });

  const startNode2 = (clusterFile: string) =>
    run(
      ...["node", "--name", "node-2", "--cluster", clusterFile],
      ...["--certs", join(dataDir, "certs"), "--data", join(dataDir, "node-2")],
    );

  it("lets nobody else run it, and names the ports that it holds", () => {
    const basePort = String(cluster?.basePort);
    const other = mkdtempSync(join(tmpdir(), "supervision-"));
    try {
      const sameDirectory = up("--data", dataDir, "--base-port", basePort);
      expect(sameDirectory).to.include({ code: 1 });
      expect(sameDirectory.err).to.contain(`process ${cluster?.pid} already runs the cluster`);
      const samePorts = up("--data", other, "--base-port", basePort);
      expect(samePorts).to.include({ code: 1 });
      expect(samePorts.err).to.contain(`${basePort} (for coordinator-1)`);
    } finally {
      rmSync(other, { recursive: true });
    }
  });

  it("does not let a node vote whose directory was emptied", async () => {
    const basePort = String(cluster?.basePort);
    await cluster?.stop();
    rmSync(join(dataDir, "node-2"), { recursive: true });
    const { code, err } = up("--data", dataDir, "--base-port", basePort);
    expect(code).to.equal(1);
    expect(err).to.contain("node-2 holds no data, but node-2 has served before");
  });

  it("does not take what a new file system has in it for the data of a node", () => {
    mkdirSync(join(dataDir, "node-2", "lost+found"), { recursive: true });
    const { code, err } = startNode2(join(dataDir, "cluster.json"));
    expect(code).to.equal(1);
    expect(err).to.contain("node-2 has served before");
  });

  it("knows by a time in the cluster file that it has served, where that cannot be written down", () => {
    const path = join(dataDir, "unchangeable.json");
    const file: unknown = JSON.parse(readFileSync(join(dataDir, "cluster.json"), "utf8"));
    const until = { formed: false, formUntil: new Date(Date.now() - 1000).toISOString() };
    writeFileSync(path, JSON.stringify(Object.assign({}, file, until)));
    const { code, err } = startNode2(path);
    expect(code).to.equal(1);
    expect(err).to.contain("node-2 has served before");
  });
});

describe("a cluster on an address that other machines reach", function () {
  this.timeout(120_000);
  const outward = Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    .find(({ internal, family }) => !internal && family === "IPv4")?.address;

  it("shows nothing in clear, and keeps its secrets to its owner", async function () {
    if (outward === undefined) this.skip(); // this machine has loopback alone
    const cluster = await UpCluster.start({ extra: ["--host", outward] });
    try {
      const { api, metrics, ca, adminCredential, operatorKey } = cluster.ready;
      expect(new URL(api).hostname).to.equal(outward);
      const agent = new Agent({ ca: readFileSync(ca) });
      for (const url of [`${api}/livez`, ...metrics.map((one) => one.url)]) {
        expect(new URL(url).protocol).to.equal("https:");
        expect(await statusOf(url, agent), url).to.equal(200);
      }
      for (const secret of [adminCredential, operatorKey]) {
        expect(statSync(secret).mode & 0o777, secret).to.equal(0o600);
      }
      for (const { name } of cluster.ready.nodes) {
        const directory = join(cluster.ready.dataDir, name);
        expect(statSync(directory).mode & 0o777, directory).to.equal(0o700);
      }
    } finally {
      await cluster.stop();
    }
  });
});

function statusOf(url: string, agent: Agent): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    get(url, { agent }, (response) => {
      response.resume();
      resolve(response.statusCode);
    }).on("error", reject);
  });
}
