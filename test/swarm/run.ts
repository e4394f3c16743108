import { setMaxListeners } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { VERSION } from "../../src/main/version.js";
import { eventually } from "../support/eventually.js";
import { repositoryRoot } from "../support/up-cluster.js";
import type { ClientReport } from "./client.js";
import { run } from "./docker.js";
import type { Environment } from "./docker.js";
import { openEngine } from "./engine.js";
import { DOORS, NODES, Stack, STACK, WAIT_SECONDS } from "./stack.js";
import { Undo } from "./undo.js";

/**
 * The stack on a real Swarm of one node: deployed, used, struck, mended and updated under load, and taken away, however far it
 * came. Needs root, or an engine that is in no Swarm.
 */
const ROOT = repositoryRoot();
const IMAGE = `cabildo:${VERSION}`;
const NEXT_IMAGE = `${IMAGE}-next`;
const BASE_IMAGE = "cabildo-base:trixie";
const PROMETHEUS_IMAGE = process.env["PROMETHEUS_IMAGE"] ?? "cabildo-prometheus";
const BRIDGE = "docker_gwbridge";
const CALM_MS = 5000;
const MINUTES_5 = 300_000;

const startMs = performance.now();
const say = (text: string): void =>
  console.log(`${((performance.now() - startMs) / 1000).toFixed(0).padStart(4)} s  ${text}`);

function check(holds: boolean, text: string): void {
  if (!holds) throw new Error(`NOT SO: ${text}`);
  say(`ok: ${text}`);
}

/** Seconds, for people. */
async function timed(what: () => Promise<unknown>): Promise<string> {
  const fromMs = performance.now();
  await what();
  return ((performance.now() - fromMs) / 1000).toFixed(1);
}

async function build(directory: string, env: Environment, signal: AbortSignal): Promise<void> {
  const docker = (...args: readonly string[]) => run("docker", args, { env, signal });
  const isHere = (image: string) =>
    docker("image", "inspect", image).then(
      () => true,
      () => false,
    );
  say("building");
  const built = await timed(() =>
    run("sh", [join(ROOT, "deploy/image.sh")], { env: { ...env, IMAGE }, signal }),
  );
  const bytes = Number(await docker("image", "inspect", "--format", "{{.Size}}", IMAGE));
  say(`${IMAGE}: ${(bytes / 1e6).toFixed(0)} MB, built in ${built} s`);
  const next = join(directory, "next");
  mkdirSync(next);
  writeFileSync(join(next, "Dockerfile"), `FROM ${IMAGE}\nLABEL update=1\n`);
  await docker("build", "--tag", NEXT_IMAGE, next);
  if (await isHere(PROMETHEUS_IMAGE)) return;
  const base = (await isHere(BASE_IMAGE)) ? ["--build-arg", `BASE_IMAGE=${BASE_IMAGE}`] : [];
  await docker(
    ...["build", "--network", env["BUILD_NETWORK"] ?? "default", "--tag", PROMETHEUS_IMAGE],
    ...[...base, join(ROOT, "deploy/prometheus")],
  );
}

async function checkNetworks(stack: Stack): Promise<void> {
  const nodes = NODES.map(({ name }) => name);
  const addresses = await Promise.all(nodes.map((node) => stack.addressesOf(node)));
  const raft = addresses.map((address) => `${address.raft}:7000`);
  const inside = [
    ...raft,
    ...nodes.map((node) => `${node}.raft:7000`),
    ...addresses.flatMap(({ api }) => [`${api}:7000`, `${api}:7100`, `${api}:9100`]),
  ];
  const fromPublic = await stack.reached("public-network", inside);
  const door = await stack.reached("public-network", ["coordinator-1:7443"]);
  check(
    fromPublic.length === 0 && door.length === 1,
    `of ${inside.length} addresses of replicas, a container on public-network reaches ` +
      `${fromPublic.join(" ") || "none"}; of a coordinator ${door.join(" ") || "nothing"}`,
  );
  const service = `${addresses[0]?.api ?? ""}:7100`;
  const fromApi = await stack.reached("api-network", [...raft, service]);
  check(
    fromApi.join() === service,
    `of those that speak Raft and ${service}, one on api-network reaches ${fromApi.join(" ")}`,
  );
  const fromNode = await stack.reachedFromNode("groups-1", raft);
  check(fromNode.length === raft.length, `a replica reaches all ${raft.length} Raft ports`);
}

/** That Prometheus scrapes these processes and no others, over TLS, and judges by all rules. */
async function checkWatch(
  stack: Stack,
  names: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  const wanted = [...names].sort().join(" ");
  const rules = await eventually(
    async () => {
      const { targets, rules } = await stack.watched();
      const up = targets.filter(({ health }) => health === "up").map(({ name }) => name);
      const isAll = targets.length === up.length && up.sort().join(" ") === wanted;
      return isAll && rules.length > 0 && rules.every(({ health }) => health === "ok") && rules;
    },
    { timeoutMs: MINUTES_5, pauseMs: 1000, what: `Prometheus to scrape ${wanted}`, signal },
  );
  const written = await run("grep", ["-c", "alert:", join(ROOT, "deploy/prometheus/alerts.yml")]);
  check(
    rules.length === Number(written),
    `Prometheus scrapes ${names.length} of ${names.length} processes over TLS, and judges by ` +
      `${rules.length} of ${written} rules`,
  );
}

async function runTest(stack: Stack, signal: AbortSignal): Promise<void> {
  say(`deployed in ${await timed(() => stack.swarm(["up"]))} s: every replica has caught up`);
  const doors = DOORS.map(({ name }) => name);
  const nodes = NODES.map(({ name }) => name);
  await checkNetworks(stack);
  await checkWatch(stack, [...nodes, ...doors], signal);

  const client = stack.startClient();
  check(
    (await client.next()) === '{"smoke":"ok"}',
    "a client on public-network creates, hears of it, and reads it back",
  );
  const phase = (name: string): void => {
    client.begin(name);
    say(`under load: ${name}`);
  };
  phase("calm");
  await sleep(CALM_MS, undefined, { signal });

  const { leader } = await stack.shard("events-am");
  phase(`kill ${leader}, which leads events-am`);
  await stack.kill(leader);
  await stack.cabildo("status", "--wait", String(WAIT_SECONDS));
  phase("kill coordinator-1");
  await stack.kill("coordinator-1");

  const { leader: old } = await stack.shard("users");
  const fresh = "users-4";
  phase(`delete the volume of ${old}, which leads users`);
  await stack.loseVolume(old);
  phase(`replace ${old} by ${fresh}`);
  const replaced = await timed(() => stack.swarm(["replace", old, fresh]));
  for (const shard of ["users", "system"]) {
    const members = (await stack.shard(shard)).nodes;
    check(
      members.includes(fresh) && !members.includes(old),
      `after ${replaced} s ${members.join(", ")} are the replicas of ${shard}`,
    );
  }

  phase("update");
  const took = await timed(() => stack.swarm(["up"], { CABILDO_IMAGE: NEXT_IMAGE }));
  const now = nodes.filter((name) => name !== old).concat(fresh);
  const images = await stack.images();
  check(
    [...now, ...doors].every((name) => images.get(name) === NEXT_IMAGE) && !images.has(old),
    `an update was rolled out over ${now.length + doors.length} services in ${took} s, ${fresh} among them`,
  );
  const { nodes: users } = await stack.shard("users");
  check(users.includes(fresh), `${users.join(", ")} are still the replicas of users`);
  phase("calm again");
  await checkWatch(stack, [...now, ...doors], signal);
  await sleep(CALM_MS, undefined, { signal });
  client.stop();
  judge(JSON.parse(await client.next()) as ClientReport);
}

function judge(report: ClientReport): void {
  const { phases, ...outcome } = report;
  for (const one of phases) say(`${one.phase}: ${JSON.stringify(one)}`);
  say(JSON.stringify(outcome));
  const sum = (of: "reads" | "writes" | "failedCalls") =>
    phases.reduce((total, phase) => total + phase[of], 0);
  check(sum("failedCalls") === 0, `none of ${sum("writes") + sum("reads")} calls failed`);
  const { lost, notPushed, pushedTwice, gaps } = outcome;
  check(lost + notPushed + pushedTwice + gaps === 0, "nothing was lost, and every push came once");
}

const interrupted = new AbortController();
const { signal } = interrupted;
// One listener a command.
setMaxListeners(0, signal);
for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(name, () => {
    if (!signal.aborted) say(`${name}: taking away what there is`);
    interrupted.abort(new Error(`ended by ${name}`));
  });
}
const undo = new Undo();
try {
  const directory = mkdtempSync(join(tmpdir(), "cabildo-swarm-"));
  undo.add(() => rmSync(directory, { recursive: true }));
  const engine = await openEngine({
    build: (env) => build(directory, env, signal),
    undo,
    signal,
  });
  const options = {
    host: engine.host,
    directory,
    image: IMAGE,
    prometheusImage: PROMETHEUS_IMAGE,
  };
  const stack = new Stack({ ...options, signal });
  say(`Docker ${await stack.docker("version", "--format", "{{.Server.Version}}")}`);
  // Where whoever interrupts no longer does.
  const remains = () => new Stack({ ...options, signal: AbortSignal.timeout(MINUTES_5) });
  const bridges = ["network", "ls", "--quiet", "--filter", `name=^${BRIDGE}$`];
  if ((await stack.docker(...bridges)) === "") {
    undo.add(async () => {
      if ((await remains().docker(...bridges)) !== "")
        await remains().docker("network", "rm", BRIDGE);
    });
  }
  undo.add(() => remains().docker("swarm", "leave", "--force"));
  await stack.docker("swarm", "init", "--advertise-addr", engine.advertise);
  undo.add(() => remains().remove());
  const logs = process.env["SWARM_LOGS"];
  if (logs !== undefined) undo.add(async () => writeFileSync(logs, await remains().logs()));
  await runTest(stack, signal).catch(async (cause: unknown) => {
    say(await stack.docker("stack", "ps", "--no-trunc", STACK).catch(() => ""));
    throw cause;
  });
  say("the Swarm test passed");
} catch (cause) {
  say(cause instanceof Error ? cause.message : String(cause));
  process.exitCode = 1;
}
const failures = await undo.all();
for (const cause of failures) say(String(cause));
if (failures.length > 0) process.exitCode = 1;
else say("its stack, its networks, its volumes and its Swarm are gone");
