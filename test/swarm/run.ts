import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { swarmProcesses } from "../../src/main/swarm/swarm-processes.js";
import { VERSION } from "../../src/main/version.js";
import { eventually } from "../support/eventually.js";
import { repositoryRoot } from "../support/up-cluster.js";
import type { ClientReport } from "./client.js";
import { run, runShown } from "./docker.js";
import type { Environment } from "./docker.js";
import { openEngine } from "./engine.js";

/**
 * The stack on a real Swarm of one node: deployed, used, struck and updated under load, and taken away. Needs root, or an
 * engine that is in no Swarm.
 */
const ROOT = repositoryRoot();
const SWARM = join(ROOT, "deploy/swarm.sh");
const IMAGE = `cabildo:${VERSION}`;
const NEXT_IMAGE = `${IMAGE}-next`;
const STACK = "cabildo";
const CLIENT = "cabildo-swarm-test-client";
const NODES = swarmProcesses(3).nodes.map(({ name }) => name);
const DOORS = swarmProcesses(3).doors.length;
const CALM_MS = 5000;
const ASK_AGAIN_MS = 500;
/** On a busy machine containers take their time. */
const WAIT_SECONDS = 300;
const MINUTES_5 = 300_000;

/** Tries to connect to every HOST:PORT; prints those that are open. */
const REACH = `
const { connect } = require("node:net");
const open = (target) => new Promise((resolve) => {
  const [host, port] = target.split(":");
  const socket = connect({ host, port: Number(port) });
  const end = (is) => { socket.destroy(); resolve(is ? [target] : []); };
  socket.once("connect", () => end(true)).once("error", () => end(false));
  setTimeout(() => end(false), 5000);
});
Promise.all(process.argv.slice(1).map(open)).then((all) => {
  console.log(JSON.stringify(all.flat()));
  process.exit(0);
});`;

/** Prints the processes that Prometheus scrapes with success. */
const SCRAPED = `
fetch("http://prometheus:9090/api/v1/targets").then((answer) => answer.json()).then(({ data }) =>
  console.log(JSON.stringify(data.activeTargets.filter(({ health }) => health === "up").length)));`;

const startMs = performance.now();
const say = (text: string): void =>
  console.log(`${((performance.now() - startMs) / 1000).toFixed(0).padStart(4)} s  ${text}`);

function check(holds: boolean, text: string): void {
  if (!holds) throw new Error(`NOT SO: ${text}`);
  say(`ok: ${text}`);
}

class SwarmTest {
  readonly #directory: string;
  readonly #env: Environment;

  constructor(directory: string, host: string) {
    this.#directory = directory;
    const own = (name: string): string => process.env[name] ?? "0";
    this.#env = {
      DOCKER_HOST: host,
      CABILDO_DIR: directory,
      CABILDO_IMAGE: IMAGE,
      STACK,
      RESOLVE_IMAGE: "never",
      WAIT_SECONDS: String(WAIT_SECONDS),
      // Their images may not be had here: 1 where they can.
      PROMETHEUS_REPLICAS: own("PROMETHEUS_REPLICAS"),
      GRAFANA_REPLICAS: own("GRAFANA_REPLICAS"),
    };
  }

  docker(...args: readonly string[]): Promise<string> {
    return run("docker", args, this.#env);
  }

  swarm(command: "up" | "down", env: Environment = {}): Promise<void> {
    return runShown("sh", [SWARM, command], { ...this.#env, ...env });
  }

  cabildo(...args: readonly string[]): Promise<string> {
    return run("sh", [SWARM, "run", ...args], this.#env);
  }

  async containerOf(service: string): Promise<string> {
    const label = `label=com.docker.swarm.service.name=${STACK}_${service}`;
    const [id = ""] = (await this.docker("ps", "--quiet", "--filter", label)).split("\n");
    return id;
  }

  /** Those of the targets that a container on a network reaches. */
  async reached(network: string, targets: readonly string[]): Promise<readonly string[]> {
    const found = await this.docker(
      ...["run", "--rm", "--network", `${STACK}_${network}`, "--entrypoint", "node", IMAGE],
      ...["-e", REACH, ...targets],
    );
    return JSON.parse(found) as readonly string[];
  }

  /** How many processes Prometheus scrapes. */
  async scraped(): Promise<number> {
    const found = await this.docker(
      ...["run", "--rm", "--network", `${STACK}_api-network`, "--entrypoint", "node", IMAGE],
      ...["-e", SCRAPED],
    );
    return Number(found);
  }

  async reachedFromNode(node: string, targets: readonly string[]): Promise<readonly string[]> {
    const container = await this.containerOf(node);
    return JSON.parse(
      await this.docker("exec", container, "node", "-e", REACH, ...targets),
    ) as readonly string[];
  }

  async addressesOf(node: string): Promise<{ readonly raft: string; readonly api: string }> {
    const format = "{{json .NetworkSettings.Networks}}";
    const text = await this.docker("inspect", "--format", format, await this.containerOf(node));
    const networks = JSON.parse(text) as Readonly<Record<string, { readonly IPAddress: string }>>;
    return {
      raft: networks[`${STACK}_raft-network`]?.IPAddress ?? "",
      api: networks[`${STACK}_api-network`]?.IPAddress ?? "",
    };
  }

  async leaderOf(shard: string): Promise<string> {
    const status = JSON.parse(await this.cabildo("status", "-o", "json")) as {
      readonly shards: readonly { readonly name: string; readonly leader: string }[];
    };
    return status.shards.find(({ name }) => name === shard)?.leader ?? "";
  }

  /** Kills the container of a service; resolves when Swarm runs another one. */
  async kill(service: string): Promise<void> {
    const before = await this.containerOf(service);
    await this.docker("kill", "--signal", "KILL", before);
    await eventually(
      async () => {
        await sleep(ASK_AGAIN_MS);
        const now = await this.containerOf(service);
        if (now === "" || now === before) return false;
        const health = await this.docker("inspect", "--format", "{{.State.Health.Status}}", now);
        return health === "healthy";
      },
      { timeoutMs: MINUTES_5, what: `another container of ${service}` },
    );
  }

  /** A client on public-network, which is told nothing but the doors. */
  startClient() {
    const child = spawn(
      "docker",
      [
        ...["run", "--rm", "--name", CLIENT, "--network", `${STACK}_public-network`],
        ...["--volume", `${ROOT}/dist:/client/dist:ro`],
        ...["--volume", `${ROOT}/node_modules:/client/node_modules:ro`],
        ...["--volume", `${ROOT}/package.json:/client/package.json:ro`],
        ...["--volume", `${this.#directory}/certs/ca.pem:/client/ca.pem:ro`],
        ...["--user", "0:0", "--entrypoint", "node", IMAGE],
        ...["/client/dist/test/swarm/client.js", "/client/ca.pem"],
        "https://coordinator-1:7443,https://coordinator-2:7443",
        "wss://fanout-1:7444,wss://fanout-2:7444",
      ],
      { env: { ...process.env, ...this.#env }, stdio: ["ignore", "pipe", "inherit"] },
    );
    return createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  }

  async stopClient(): Promise<void> {
    await this.docker("kill", "--signal", "TERM", CLIENT);
  }
}

async function runTest(test: SwarmTest): Promise<void> {
  await test.swarm("up");
  say("deployed: every shard is led, and every replica has caught up");

  const lines = test.startClient();
  const smoke = await lines.next();
  check(
    smoke.value === '{"smoke":"ok"}',
    "a client on public-network creates, hears of it, and reads it back",
  );

  const addresses = await Promise.all(NODES.map((node) => test.addressesOf(node)));
  const raft = addresses.map((address) => `${address.raft}:7000`);
  const inside = [
    ...raft,
    ...NODES.map((node) => `${node}.raft:7000`),
    ...addresses.flatMap(({ api }) => [`${api}:7000`, `${api}:7100`, `${api}:9100`]),
  ];
  const fromPublic = await test.reached("public-network", inside);
  const door = await test.reached("public-network", ["coordinator-1:7443"]);
  check(
    fromPublic.length === 0 && door.length === 1,
    `of ${inside.length} addresses of replicas, a container on public-network reaches ` +
      `${fromPublic.join(" ") || "none"}; of a coordinator ${door.join(" ") || "nothing"}`,
  );
  const service = `${addresses[0]?.api ?? ""}:7100`;
  const fromApi = await test.reached("api-network", [...raft, service]);
  check(
    fromApi.join() === service,
    `of those that speak Raft and ${service}, one on api-network reaches ${fromApi.join(" ")}`,
  );
  const fromNode = await test.reachedFromNode("groups-1", raft);
  check(fromNode.length === raft.length, `a replica reaches all ${raft.length} Raft ports`);

  if (process.env["PROMETHEUS_REPLICAS"] === "1") {
    const all = NODES.length + DOORS;
    await eventually(async () => (await test.scraped()) === all, { what: "Prometheus" });
    say(`Prometheus scrapes all ${all} processes over TLS`);
  } else say("left out: Prometheus, whose image was not asked for (PROMETHEUS_REPLICAS=1)");

  await sleep(CALM_MS);
  const leader = await test.leaderOf("events-am");
  await test.kill(leader);
  await test.cabildo("status", "--wait", String(WAIT_SECONDS));
  say(`the container of ${leader}, which led events-am, was killed under load, and came back`);
  await test.kill("coordinator-1");
  say("so was that of coordinator-1");

  await test.swarm("up", { CABILDO_IMAGE: NEXT_IMAGE });
  const images = await test.docker("stack", "services", "--format", "{{.Name}} {{.Image}}", STACK);
  const updated = images.split("\n").filter((line) => line.endsWith(` ${NEXT_IMAGE}`)).length;
  check(
    updated === NODES.length + DOORS,
    `an update was rolled out over all ${updated} services under load`,
  );

  await sleep(CALM_MS);
  await test.stopClient();
  const { value } = (await lines.next()) as { readonly value: string };
  say(value);
  const report = JSON.parse(value) as ClientReport;
  check(report.failedCalls === 0, `none of ${report.writes + report.reads} calls failed`);
  const { lost, notPushed, pushedTwice, gaps } = report;
  check(lost + notPushed + pushedTwice + gaps === 0, "nothing was lost, and every push came once");
}

const directory = mkdtempSync(join(tmpdir(), "cabildo-swarm-"));
const engine = await openEngine(async (env) => {
  say("building");
  await run("sh", [join(ROOT, "deploy/image.sh")], { ...env, IMAGE });
  const next = join(directory, "next");
  mkdirSync(next);
  writeFileSync(join(next, "Dockerfile"), `FROM ${IMAGE}\nLABEL update=1\n`);
  await run("docker", ["build", "--tag", NEXT_IMAGE, next], env);
});
const test = new SwarmTest(directory, engine.host);
try {
  say(`Docker ${await test.docker("version", "--format", "{{.Server.Version}}")}, ${IMAGE}`);
  await test.docker("swarm", "init", "--advertise-addr", engine.advertise);
  await runTest(test);
  say("the Swarm test passed");
} catch (cause) {
  say(cause instanceof Error ? cause.message : String(cause));
  say(await test.docker("stack", "ps", "--no-trunc", STACK).catch(() => ""));
  process.exitCode = 1;
} finally {
  await test.docker("rm", "--force", CLIENT).catch(() => "");
  await test.swarm("down").catch((cause: unknown) => say(String(cause)));
  const volumes = await test.docker(
    "volume",
    "ls",
    "--quiet",
    "--filter",
    `label=com.docker.stack.namespace=${STACK}`,
  );
  if (volumes !== "") await test.docker("volume", "rm", ...volumes.split("\n"));
  await test.docker("swarm", "leave", "--force").catch(() => "");
  await engine.close();
  rmSync(directory, { recursive: true });
  say("its stack, its volumes and its Swarm are gone");
}
