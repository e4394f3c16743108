import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { RetryingWriter } from "../../support/retrying-writer.js";
import { CABILDO, type UpCluster } from "../../support/up-cluster.js";

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

    it("moves leaders, and is not let to lose a majority", async () => {
      expect((await operate("leader", "transfer", "groups", "--to", "node-2")).out).to.equal(
        "node-2 leads groups\n",
      );
      const drained = (await json("replica", "drain", "node-2")) as { moved: { leader: string }[] };
      expect(drained.moved.map(({ leader }) => leader)).not.to.include("node-2");
      const { shards } = await cluster.status();
      expect(shards.map(({ leader }) => leader)).not.to.include("node-2");
      expect((await operate("leader", "balance")).code).to.equal(0);
      const kept = (await cluster.status()).shards.map(({ leader }) => leader);
      expect(kept, "a drained node").not.to.include("node-2");
      expect((await operate("replica", "drain", "node-2", "--undo")).out).to.contain("may lead");
      expect((await operate("leader", "balance")).code).to.equal(0);
      const spread = (await cluster.status()).shards.map(({ leader }) => leader);
      expect(new Set(spread).size).to.equal(3);
      const dry = await operate("replica", "remove", "groups", "node-2", "--dry-run");
      expect(dry.out).to.match(/ groups +│ 2 +│ 2 /u);
      const unknown = await operate("replica", "remove", "groups", "node-9", "--dry-run");
      expect(unknown.err).to.contain("node-9 holds no replica of groups");
      expect((await operate("shard", "hash", "users", "--index", "999999")).code).to.equal(1);
    });

    it("looks after users and groups", async () => {
      const login = (user: string, ...more: readonly string[]): Promise<Ran> =>
        run(
          [
            "login",
            user,
            "--register",
            "--password-stdin",
            "--data",
            cluster.ready.dataDir,
            ...more,
          ],
          "a rather long password\n",
        );
      expect((await login("ben")).code).to.equal(0);
      const admin = await login("root", "--admin-credential", cluster.ready.adminCredential);
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
      expect(rolled).to.deep.equal({ restarted: ["node-1", "node-2", "node-3"] });
      expect(writers.flatMap(({ failures }) => failures)).to.deep.equal([]);
      const pids = cluster.current().nodes.map(({ pid }) => pid);
      for (const pid of before) expect(pids).not.to.include(pid);
      const written = writers.reduce((sum, writer) => sum + writer.written.length, 0);
      const retries = writers.reduce((sum, writer) => sum + writer.retries, 0);
      const wait = Math.max(...writers.map(({ longestWaitMs }) => longestWaitMs));
      console.log(`      ${written} writes, ${retries} retries, longest ${Math.round(wait)} ms`);
    });
  });
}
