import { execFile, spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { expect } from "chai";
import { AuthService } from "../../../gen/cabildo/v1/auth_pb.js";
import { LiveClient, errorCode } from "../../fanout/support/live-client.js";
import { eventually } from "../../support/eventually.js";
import { CABILDO, type UpCluster } from "../../support/up-cluster.js";
import { EXPECTED_BOUNDS, EXPECTED_METRICS } from "../../support/expected-metrics.js";
import { toldBounds, toldMetrics, watchedMetrics } from "../../support/watched-metrics.js";

const PASSWORD = "a rather long password\n";

interface Outcome {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

export function commandLine(running: () => UpCluster): void {
  describe("from a new cluster to the first push, by the command line", function () {
    this.timeout(120_000);
    let cluster: UpCluster;
    let home: string;
    let env: NodeJS.ProcessEnv;

    before(() => {
      home = mkdtempSync(join(tmpdir(), "command-line-"));
      env = { ...process.env, CABILDO_CONFIG: join(home, "context.json") };
      cluster = running();
    });
    after(() => rmSync(home, { recursive: true }));

    function run(
      command: string,
      args: readonly string[],
      input = "",
      environment = env,
    ): Promise<Outcome> {
      return new Promise((resolve) => {
        const child = execFile(command, args, { env: environment }, (_error, out, err) =>
          resolve({ code: child.exitCode, out, err }),
        );
        // It may end without having read anything.
        child.stdin?.on("error", () => undefined);
        child.stdin?.end(input);
      });
    }
    const cabildo = (args: readonly string[], input?: string): Promise<Outcome> =>
      run(process.execPath, [CABILDO, ...args], input);
    /** As a person at a shell would write it. */
    const shell = (script: string): Promise<Outcome> =>
      run("sh", ["-c", `eval "$('${process.execPath}' '${CABILDO}' env)"; ${script}`]);

    const login = async (user: string, ...more: readonly string[]): Promise<Outcome> =>
      await cabildo(
        ["login", user, "--password-stdin", "--data", cluster.ready.dataDir, ...more],
        PASSWORD,
      );

    it("registers a user and keeps the session", async () => {
      const { code, err } = await login("ana", "--register", "--time-zone", "Europe/Madrid");
      expect(err).to.contain("logged in as ana");
      expect(code).to.equal(0);
    });

    it("says in a line why a login fails", async () => {
      const { code, err } = await cabildo(
        ["login", "ana", "--password-stdin", "--data", cluster.ready.dataDir],
        "not the password\n",
      );
      expect(code).to.equal(1);
      expect(err.trim().split("\n")).to.have.length(1);
      expect(err).to.match(/^cabildo: /u);
    });

    it("shows an event on a watching terminal when it is created on another", async () => {
      const watcher: ChildProcess = spawn(process.execPath, [CABILDO, "watch", "ana"], { env });
      const heard: string[] = [];
      for (const stream of [watcher.stdout, watcher.stderr]) {
        if (stream !== null) {
          createInterface({ input: stream }).on("line", (line) => heard.push(line));
        }
      }
      try {
        await eventually(() => heard.some((line) => line.startsWith("watching")));
        const created = await cabildo(["event", "create", "Lunch", "--start", "2026-12-01T13:00"]);
        expect(created.err).to.equal("");
        expect(created.out).to.contain("2026-12-01 13:00 - 14:00  Lunch");
        expect(created.out).to.contain("in events-am");
        const push = await eventually(() => heard.find((line) => line.includes("Lunch")));
        expect(push).to.match(/created {2}2026-12-01 13:00 - 14:00 {2}Lunch/u);
      } finally {
        watcher.kill("SIGINT");
      }
    });

    it("ends where there is nothing to watch", async () => {
      const { code, err } = await cabildo(["watch", "nobody-there"]);
      expect(err).to.match(/^cabildo: calendars\/nobody-there was not found.*\n$/u);
      expect(code).to.equal(1);
    });

    it("says that a list goes on", async () => {
      const made = await cabildo(["event", "create", "Tea", "--start", "2027-01-01", "-o", "json"]);
      const { name } = JSON.parse(made.out) as { name: string };
      const { out, err } = await cabildo(["event", "list", "--limit", "1"]);
      expect(out.trim().split("\n")).to.have.length(1);
      expect(err).to.contain("there are more");
      expect((await cabildo(["event", "delete", name])).code).to.equal(0);
    });

    it("lists, changes and deletes what was created", async () => {
      const listed = await cabildo(["event", "list", "-o", "json"]);
      const { events } = JSON.parse(listed.out) as {
        events: readonly { readonly name: string; readonly etag: string }[];
      };
      expect(events).to.have.length(1);
      const { name = "", etag = "" } = events[0] ?? {};
      const updated = await cabildo(["event", "update", name, "--title", "Supper", "--etag", etag]);
      expect(updated.out).to.contain("Supper");
      const stale = await cabildo(["event", "delete", name, "--etag", etag]);
      expect(stale.code).to.equal(1);
      expect((await cabildo(["event", "delete", name])).out).to.contain("[deleted]");
      expect((await cabildo(["event", "list"])).out).to.equal("no events\n");
    });

    it("gives curl what it needs, unquoted", async () => {
      const { out, err } = await shell(
        "curl -sS $CABILDO_CURL -H 'content-type: application/json' " +
          '-d \'{"parent":"calendars/ana"}\' $CABILDO_API/cabildo.v1.EventService/ListEvents',
      );
      expect(err).to.equal("");
      expect(JSON.parse(out)).to.have.property("position");
    });

    it("gives grpcurl what it needs, unquoted", async function () {
      const found = await run("sh", ["-c", "command -v grpcurl || ls $HOME/go/bin/grpcurl"]);
      const grpcurl = found.out.trim();
      if (found.code !== 0) this.skip(); // grpcurl is not installed on this machine
      const listed = await shell(`${grpcurl} $CABILDO_GRPCURL $CABILDO_HOST list`);
      expect(listed.out).to.contain("cabildo.v1.EventService");
      const created = await shell(
        `${grpcurl} $CABILDO_GRPCURL -d '{"parent":"calendars/ana","event":{"title":"Tea","timed":` +
          '{"startTime":"2026-12-01T17:00:00Z","endTime":"2026-12-01T18:00:00Z"}}}\' ' +
          "$CABILDO_HOST cabildo.v1.EventService/CreateEvent",
      );
      expect(created.err).to.equal("");
      expect(JSON.parse(created.out)).to.include({ title: "Tea", shard: "events-am" });
    });

    it("shows who leads, and a node that is killed", async () => {
      const status = async (): Promise<string> =>
        (await cabildo(["status", "--data", cluster.ready.dataDir])).out;
      await eventually(async () => /users {2}led by node-\d/u.test(await status()), {
        what: "status to show who leads users",
      });
      const before = cluster.current().nodes[0]?.pid;
      await cluster.kill("node-1");
      await eventually(async () => !/led by node-1|no leader/u.test(await status()));
      await eventually(() => cluster.current().nodes[0]?.pid !== before);
      await cluster.healthy();
    });

    it("shows what the others know while the node that is asked first hangs", async () => {
      await cluster.kill("node-1", "SIGSTOP");
      try {
        const { code, out, err } = await cabildo(["status", "--data", cluster.ready.dataDir]);
        expect(out, err).to.contain("no answer from node-1");
        expect(code).to.equal(0);
      } finally {
        await cluster.kill("node-1", "SIGCONT");
      }
      await cluster.healthy();
    });

    it("makes the first administrator once", async () => {
      const credential = cluster.ready.adminCredential;
      const admin = await login("root-a", "--register", "--admin-credential", credential);
      expect(admin.err).to.contain("logged in as root-a");
      expect((await login("root-b", "--register", "--admin-credential", credential)).code).to.equal(
        1,
      );
    });

    const listen = async (userId: string, url = cluster.ready.wss): Promise<LiveClient> => {
      const auth = createClient(
        AuthService,
        createGrpcTransport({ baseUrl: cluster.ready.api, nodeOptions: { ca: cluster.ca } }),
      );
      const { accessToken } = await auth.login({ userId, password: PASSWORD.trim() });
      return await LiveClient.with(accessToken, url, cluster.ca);
    };

    it("shows an administrator how the cluster is, live, and nobody else", async () => {
      const subscribe = { channels: ["cluster"] };
      const [root, ana] = [await listen("root-a"), await listen("ana")];
      expect(errorCode(await ana.ask({ subscribe }))).to.equal("NOT_FOUND");
      expect(errorCode(await root.ask({ subscribe }))).to.equal(undefined);
      const told = await root.find((object) => "push" in object, "the state of the cluster");
      expect(JSON.stringify(told)).to.contain('"events-am"');
      root.close();
      ana.close();
    });

    it("shows an administrator who is connected to which server, and what happens to them", async () => {
      const data = ["--data", cluster.ready.dataDir];
      const people = await Promise.all(cluster.ready.wsss.map((url) => listen("ana", url)));
      const subscribe = { channels: ["calendars/ana"] };
      for (const ana of people) await ana.ask({ subscribe });

      const seen = await cabildo(["live", "inspect", "users/ana", "-o", "json", ...data]);
      expect(seen.code, seen.err).to.equal(0);
      const servers = linesOf(seen).map((line) => JSON.parse(line) as Record<string, unknown>);
      expect(servers.map(({ server, count }) => [server, count])).to.deep.equal([
        ["fanout-1", 1],
        ["fanout-2", 1],
      ]);
      const table = (await cabildo(["live", "inspect", "calendars/ana", ...data])).out;
      expect(table).to.match(/fanout-2 .* users\/ana .* calendars\/ana .* events-am +│ live /u);
      expect(
        linesOf(await cabildo(["live", "may", "users/ana", "calendars/root-a", ...data])),
      ).to.deep.equal(
        ["fanout-1", "fanout-2"].map(
          (server) =>
            `${server}: users/ana may not hear calendars/root-a: calendars/root-a was not found (NOT_FOUND)`,
        ),
      );

      const tracing = spawn(process.execPath, [CABILDO, "live", "trace", "users/ana", ...data], {
        env,
      });
      const told: string[] = [];
      for (const stream of [tracing.stdout, tracing.stderr]) {
        createInterface({ input: stream }).on("line", (line) => told.push(line));
      }
      const matching = (pattern: RegExp): number =>
        told.filter((line) => pattern.test(line)).length;
      try {
        await eventually(() => matching(/^tracing on fanout-[12]$/u) === 2, { what: "two traces" });
        const startTime = "2026-12-02T13:00:00Z";
        const event = { title: "Secret", timed: { startTime, endTime: "2026-12-02T14:00:00Z" } };
        const rpc = {
          method: "cabildo.v1.EventService/CreateEvent",
          request: { parent: "calendars/ana", event },
        };
        expect(errorCode((await people[0]?.ask({ rpc })) ?? {})).to.equal(undefined);
        const delivered = /fanout-[12] .* users\/ana +delivered .* path=topic/u;
        await eventually(() => matching(delivered) === 2, { what: "a delivery by each" });
        for (const ana of people) ana.close();
        await eventually(() => matching(/ closed +code=/u) === 2, { what: "two ends" });
        expect(told.join("\n")).to.not.contain("Secret");
      } finally {
        tracing.kill("SIGINT");
      }
      const trail = await cabildo(["audit", "list", "--subject", "users/root-a", ...data]);
      for (const action of ["live.inspect", "live.may", "live.trace"]) {
        expect(trail.out).to.contain(action);
      }
    });

    it("says to who is no operator whom that is for", async () => {
      const theirs = { ...env, CABILDO_CONFIG: join(home, "ben.json") };
      const asBen = (args: readonly string[]): Promise<Outcome> =>
        run(
          process.execPath,
          [CABILDO, ...args, "--data", cluster.ready.dataDir],
          PASSWORD,
          theirs,
        );
      expect((await asBen(["login", "ben", "--register", "--password-stdin"])).code).to.equal(0);
      for (const command of ["inspect", "trace"]) {
        const { code, out, err } = await asBen(["live", command, "users/ana"]);
        expect(code, command).to.equal(1);
        expect(out, command).to.equal("");
        expect(err, command).to.contain("for users with the role operator or admin");
      }
    });

    it("answers metrics on every process, and nothing but loopback hears them", async () => {
      const told = new Set<string>();
      for (const { name, url } of cluster.ready.metrics) {
        const text = await (await fetch(url)).text();
        for (const metric of toldMetrics(text)) told.add(metric);
        expect(text, name).to.contain(`cabildo_build_info{process="${name}"`);
        expect(new URL(url).hostname).to.equal("127.0.0.1");
      }
      const api = cluster.ready.metrics.find(({ name }) => name === "coordinator-1")?.url ?? "";
      expect(await (await fetch(api)).text()).to.contain("grpc_server_handled_total{");
      // What alert rules and the dashboard look at is there.
      expect(watchedMetrics().filter((metric) => !told.has(metric))).to.deep.equal([]);
    });

    it("tells of its engine, its doors and its disks by the names that are promised", async () => {
      for (const { name, url } of cluster.ready.metrics) {
        const kind = name.replace(/-\d+$/u, "") as keyof typeof EXPECTED_METRICS;
        const told = toldMetrics(await (await fetch(url)).text());
        expect(EXPECTED_METRICS[kind].filter((metric) => !told.includes(metric))).to.deep.equal([]);
      }
    });

    it("counts what takes time in buckets that etcd's thresholds fit", async () => {
      const node = cluster.ready.metrics.find(({ name }) => name === "node-2")?.url ?? "";
      for (const [metric, bounds] of Object.entries(EXPECTED_BOUNDS)) {
        const text = await eventually(async () => {
          const answer = await (await fetch(node)).text();
          return answer.includes(`${metric}_bucket`) ? answer : undefined;
        });
        expect(toldBounds(text, metric), metric).to.include.members([...bounds]);
      }
    });

    it("keeps the line of JSON that it printed in the directory", () => {
      const kept = JSON.parse(
        readFileSync(join(cluster.ready.dataDir, "ready.json"), "utf8"),
      ) as Record<string, unknown>;
      expect(Object.keys(kept)).to.deep.equal(Object.keys(cluster.ready));
    });
  });
}

const linesOf = ({ out }: Outcome): readonly string[] => out.trimEnd().split("\n");
