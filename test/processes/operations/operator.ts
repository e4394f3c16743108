import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect } from "chai";
import { eventually } from "../../support/eventually.js";
import { isInstalled, TOOLS_PATH } from "../../support/tools.js";
import { RetryingWriter } from "../../support/retrying-writer.js";
import { CABILDO, passwordOf, type UpCluster } from "../../support/up-cluster.js";

/** Of a plan of leaders. */
interface Lead {
  readonly shard: string;
  readonly from: string;
  readonly to: string;
}

interface Ran {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

export function operatorAtTheCommandLine(running: () => UpCluster): void {
  describe("an operator at the command line", function () {
    this.timeout(180_000);
    let cluster: UpCluster;
    let home: string;

    before(() => {
      home = mkdtempSync(join(tmpdir(), "operator-"));
      cluster = running();
    });
    after(() => rmSync(home, { recursive: true }));

    function run(args: readonly string[], input = ""): Promise<Ran> {
      const env = { ...process.env, CABILDO_CONFIG: join(home, "context.json") };
      return new Promise((resolve) => {
        const child = execFile(process.execPath, [CABILDO, ...args], { env }, (_error, out, err) =>
          resolve({ code: child.exitCode, out, err }),
        );
        child.stdin?.on("error", () => undefined);
        child.stdin?.end(input);
      });
    }
    const operate = (...args: readonly string[]): Promise<Ran> =>
      run([...args, "--data", cluster.ready.dataDir]);
    const json = async (...args: readonly string[]): Promise<unknown> => {
      const { code, out, err } = await operate(...args, "-o", "json");
      expect(code, err).to.equal(0);
      return JSON.parse(out);
    };

    const leaderOf = async (shard: string): Promise<string | undefined> =>
      (await cluster.status()).shards.find(({ name }) => name === shard)?.leader;

    it("sees who leads, what happens, and that replicas agree", async () => {
      await cluster.healthy();
      const shards = (await json("shard", "list")) as { shard: string; voters: string[] }[];
      expect(shards.map(({ shard }) => shard)).to.include("events-am");
      expect(shards[0]?.voters).to.have.members(["node-1", "node-2", "node-3"]);
      const top = await operate("shard", "top", "--interval", "1", "--count", "1");
      expect(top.out).to.contain("entries/s");
      expect(await json("shard", "hash", "users")).to.include({ equal: true });
      const route = await operate("route", "explain", "calendars/zora");
      expect(route.out).to.match(/calendars\/zora is in events-nz, led by node-\d/u);
      expect((await operate("shard", "hash", "nothing")).err).to.contain(
        "there is no shard nothing",
      );
    });

    it("sees every replica, and what would be, and is refused what cannot be", async () => {
      const [replicas, plan, voter, unknown, keys] = await Promise.all([
        json("replica", "list") as Promise<{ votes: boolean }[]>,
        json("rollout", "--dry-run") as Promise<{ node: string }[]>,
        operate("replica", "add", "groups", "node-1"),
        operate("replica", "add", "groups", "node-9", "--dry-run"),
        operate("keys", "rotate"),
      ]);
      const { shards } = await cluster.status();
      expect(replicas).to.have.lengthOf(3 * shards.length);
      expect(replicas.every(({ votes }) => votes)).to.equal(true);
      expect(plan.map(({ node }) => node)).to.deep.equal(["node-1", "node-2", "node-3"]);
      expect(voter.out).to.equal("node-1 votes in groups already\n");
      expect(unknown).to.include({ code: 1, out: "" });
      expect(unknown.err).to.contain("no node node-9 is known");
      expect(keys.code).to.equal(1);
      expect(keys.err).to.contain("the keys were rotated less than 10 minutes ago: wait");
    });

    it("moves leaders, and is not let to lose a majority", async () => {
      expect((await operate("leader", "transfer", "groups", "--to", "node-2")).out).to.equal(
        "node-2 leads groups\n",
      );
      const planned = (await json("leader", "balance", "--dry-run")) as Lead[];
      expect(planned.find(({ shard }) => shard === "groups")).to.include({ from: "node-2" });
      expect(await leaderOf("groups"), "only planned").to.equal("node-2");
      const drained = (await json("replica", "drain", "node-2")) as { moved: { leader: string }[] };
      expect(drained.moved.map(({ leader }) => leader)).not.to.include("node-2");
      const { shards } = await cluster.status();
      expect(shards.map(({ leader }) => leader)).not.to.include("node-2");
      expect((await operate("leader", "balance")).code).to.equal(0);
      const kept = (await cluster.status()).shards.map(({ leader }) => leader);
      expect(kept, "a drained node").not.to.include("node-2");
      expect((await operate("replica", "drain", "node-2", "--undo")).out).to.contain("may lead");
      // By what each has had to do lately, which on a busy machine can be anything for a while.
      await eventually(
        async () => {
          expect((await operate("leader", "balance")).code).to.equal(0);
          const spread = (await cluster.status()).shards.map(({ leader }) => leader);
          return new Set(spread).size === 3;
        },
        { what: "every node to lead something", pauseMs: 500 },
      );
      const dry = await operate("replica", "remove", "groups", "node-2", "--dry-run");
      expect(dry.out).to.match(/ groups +│ 2 +│ 2 /u);
      const unknown = await operate("replica", "remove", "groups", "node-9", "--dry-run");
      expect(unknown.err).to.contain("node-9 holds no replica of groups");
      const misspelt = await operate("replica", "replace", "nod-1", "node-2");
      expect(misspelt).to.include({ code: 1, out: "" });
      expect(misspelt.err).to.contain("no node nod-1 is known");
      expect((await operate("shard", "hash", "users", "--index", "999999")).code).to.equal(1);
    });

    const login = (password: string, user: string, ...more: readonly string[]): Promise<Ran> =>
      run(
        ["login", user, "--password-stdin", "--data", cluster.ready.dataDir, ...more],
        `${password}\n`,
      );

    const ADMIN = "cabildo.admin.v1.ClusterService";

    it("calls a node with grpcurl and the operator's certificate", async function () {
      if (!(await isInstalled("grpcurl", "-version"))) this.skip(); // a program of its own
      const { ca, operatorCert, operatorKey, nodes } = cluster.current();
      const keys = ["-cacert", ca, "-cert", operatorCert, "-key", operatorKey];
      const grpcurl = async (...args: readonly string[]): Promise<string> =>
        (await promisify(execFile)("grpcurl", [...keys, ...args], { env: { PATH: TOOLS_PATH } }))
          .stdout;
      const at = nodes[0]?.address ?? "";
      const services = (await grpcurl(at, "list")).split("\n");
      expect(services).to.include.members([ADMIN, "cabildo.admin.v1.AuditService"]);
      expect(await grpcurl(at, "describe", ADMIN)).to.contain("rpc GetStatus (");
      const { shards } = JSON.parse(await grpcurl(at, `${ADMIN}/GetStatus`)) as {
        readonly shards: readonly unknown[];
      };
      expect(shards).to.have.lengthOf((await cluster.status()).shards.length);
      expect(await grpcurl(at, "grpc.health.v1.Health/Check")).to.contain("SERVING");
    });

    it("calls a node with buf curl", async function () {
      const buf = "node_modules/.bin/buf";
      if (!(await isInstalled(buf, "--version"))) this.skip(); // a binary
      const { ca, operatorCert, operatorKey, nodes } = cluster.current();
      const { stdout } = await promisify(execFile)(buf, [
        ...["curl", "--protocol", "grpc", "--cacert", ca],
        ...["--cert", operatorCert, "--key", operatorKey],
        `https://${nodes[0]?.address}/${ADMIN}/GetStatus`,
      ]);
      expect(JSON.parse(stdout)).to.have.property("clusterId", cluster.ready.clusterId);
    });

    it("looks after users and groups", async () => {
      const old = "a rather long password";
      expect((await login(old, "ben", "--register")).code).to.equal(0);
      const credential = ["--admin-credential", cluster.ready.adminCredential];
      const admin = await login(passwordOf("root"), "root", "--register", ...credential);
      expect(admin.code, admin.err).to.equal(0);
      expect((await run(["user", "disable", "ben"])).out).to.contain("disabled");
      expect((await run(["user", "enable", "ben", "-o", "json"])).out).to.contain('"users/ben"');
      expect((await run(["group", "create", "choir", "--name", "The choir"])).out).to.equal(
        "created groups/choir, calendars/choir.group\n",
      );
      expect((await run(["group", "list"])).out).to.contain("The choir");
      expect((await run(["group", "add", "choir", "ben", "--rank", "3"])).out).to.contain("ben");
      expect((await run(["group", "members", "choir"])).out).to.match(/root.*leader/u);
      expect((await run(["group", "remove", "choir", "ben"])).code).to.equal(0);
      expect((await run(["group", "add", "choir", "ben", "--role", "king"])).code).to.equal(2);
    });

    it("lets somebody in again who forgot the password", async () => {
      const { resetCode } = (await json("user", "reset-code", "ben")) as { resetCode: string };
      const code = join(home, "code");
      writeFileSync(code, `${resetCode}\n`);
      expect((await login("another long password", "ben", "--reset-code", code)).code).to.equal(0);
      expect((await login("a rather long password", "ben")).code, "the old one").to.equal(1);
    });

    it("restarts every node while people write, and no call fails", async () => {
      const alf = await cluster.person("alf");
      const zora = await cluster.person("zora");
      const before = cluster.current().nodes.map(({ pid }) => pid);
      const writers = [alf, zora].map(
        (person) => new RetryingWriter(person, person.user, [], 30_000),
      );
      for (const writer of writers) writer.start();
      const rolled = await json("rollout");
      await Promise.all(writers.map((writer) => writer.stop()));
      const restarted = ["node-1", "node-2", "node-3"];
      expect(rolled).to.deep.equal({ restarted, unchanged: [] });
      expect(writers.flatMap(({ failures }) => failures)).to.deep.equal([]);
      const pids = cluster.current().nodes.map(({ pid }) => pid);
      for (const pid of before) expect(pids).not.to.include(pid);
      const written = writers.reduce((sum, writer) => sum + writer.written.length, 0);
      const retries = writers.reduce((sum, writer) => sum + writer.retries, 0);
      const wait = Math.max(...writers.map(({ longestWaitMs }) => longestWaitMs));
      console.log(`      ${written} writes, ${retries} retries, longest ${Math.round(wait)} ms`);
    });

    it("says of nodes that a rollout left as they were that they are unchanged, and lets them lead again", async () => {
      const rolled = await json("rollout", "--exec", "true {}", "--grace", "1");
      const { nodes } = await cluster.status();
      expect(nodes.filter(({ draining }) => draining)).to.deep.equal([]);
      expect(rolled).to.deep.equal({ restarted: [], unchanged: ["node-1", "node-2", "node-3"] });
    });
  });
}
