import { mkdir, readFile } from "node:fs/promises";
import { join, relative, resolve } from "node:path";
import type { Command } from "commander";
import { loadTlsFiles } from "../../auth/index.js";
import { shardName } from "../../placement/index.js";
import type { Layout } from "../../placement/index.js";
import { formatAddress, isLoopback, reachable } from "../address.js";
import { ensureAdminCredential } from "../admin-credential.js";
import { certPath, ensureCertificates, keyPath, SERVER } from "../certificates.js";
import type { CertificateFiles } from "../certificates.js";
import { refuseHalfRestored } from "../backup/half-restored.js";
import { findClusterFile, writeClusterFile } from "../cluster-file.js";
import { planCluster } from "../cluster-plan.js";
import type { ClusterPlan, PlannedDoor } from "../cluster-plan.js";
import { SYSTEM_CLOCK } from "../clock.js";
import { colorsOf } from "../colors.js";
import {
  DATA_DIR,
  DATA_OPTION,
  examples,
  parseWhole,
  print,
  say,
  UsageError,
} from "../command-line-parts.js";
import { CERTIFICATES_DIR, CLUSTER_FILE } from "../data-dir.js";
import { openDemoServer } from "../demo-server.js";
import type { DemoServer } from "../demo-server.js";
import { Operator } from "../client/operator.js";
import { BASE_PORT, demoPort } from "../ports.js";
import { renewWhileUp } from "../renew-while-up.js";
import { commandOf, findLocalCluster, writeReady } from "../ready-file.js";
import type { Ready, ReadyDoor } from "../ready-file.js";
import type { ChildSpec } from "../supervisor/child.js";
import { requireFreePorts } from "../supervisor/free-ports.js";
import { formatLogLine } from "../supervisor/log-line.js";
import { specsOf } from "../supervisor/specs.js";
import { Supervisor } from "../supervisor/supervisor.js";
import { collect, CORS_OPTION, LOG_LEVEL_OPTION } from "./process-options.js";
import { welcome } from "./welcome.js";

interface UpOptions {
  readonly data: string;
  readonly basePort: number;
  readonly layout?: string;
  readonly host: string;
  readonly coordinators: number;
  readonly fanouts: number;
  readonly restart: boolean;
  readonly demo: boolean;
  readonly logLevel: string;
  readonly corsOrigin: readonly string[];
  readonly nodeFlag: readonly string[];
  readonly coordinatorFlag: readonly string[];
  readonly fanoutFlag: readonly string[];
}

export function addUp(program: Command): void {
  program
    .command("up")
    .description("run a whole cluster on this machine, until Ctrl-C")
    .option(...DATA_OPTION, DATA_DIR)
    .option(
      "--base-port <n>",
      "API; the fan-out is on the next one, nodes from +10, metrics from +50",
      parseWhole,
      BASE_PORT,
    )
    .option("--layout <name>", "of a new cluster: compact (3 nodes) or seed (12 nodes)")
    .option("--host <host>", "address that everything listens on", "127.0.0.1")
    .option("--coordinators <n>", "how many", parseWhole, 1)
    .option("--fanouts <n>", "how many", parseWhole, 1)
    .option("--no-restart", "leave a process that died alone")
    .option("--demo", "serve a page at /demo that shows the cluster, and may kill its leaders")
    .option(...CORS_OPTION, collect, [])
    .option(
      "--node-flag <flag>",
      "handed to every node, such as --node-flag=--balance-leaders=0; repeatable",
      collect,
      [],
    )
    .option(
      "--coordinator-flag <flag>",
      "handed to every coordinator, such as --coordinator-flag=--no-reflection; repeatable",
      collect,
      [],
    )
    .option(
      "--fanout-flag <flag>",
      "handed to every fan-out, such as --fanout-flag=--channels-max=64; repeatable",
      collect,
      [],
    )
    .option(...LOG_LEVEL_OPTION, "warn")
    .addHelpText("after", examples("up --coordinators 2 --data .cabildo"))
    .action(up);
}

/** Resolves when the cluster was stopped. */
async function up(options: UpOptions): Promise<void> {
  const dataDir = resolve(options.data);
  const stopping = stopSignal();
  const colors = colorsOf(process.stderr);
  const prepared = await prepare(dataDir, options);
  const { plan, specs } = prepared;

  const describe = (): Ready => describeReady(prepared, options, supervisor);
  const supervisor = new Supervisor({
    restart: options.restart,
    onLine: (name, text) => say(formatLogLine(name, text, colors)),
    onNotice: (text) => say(colors.yellow(text)),
    onRestarted: () => {
      writeReady(dataDir, describe()).catch((cause: unknown) => say(String(cause)));
    },
  });
  process.on("exit", () => supervisor.kill());
  let demo: DemoServer | undefined;
  const endRenewal = renewWhileUp({
    directory: join(dataDir, CERTIFICATES_DIR),
    ...{ wallMs: SYSTEM_CLOCK.wallMs, after: SYSTEM_CLOCK.after, say },
  });

  say(`starting ${specs.length} processes in ${relative(process.cwd(), dataDir) || "."}`);
  const serving = supervisor.start(specs).then(async () => {
    await writeClusterFile(join(dataDir, CLUSTER_FILE), { ...plan.cluster, formed: true });
    const ready = describe();
    await writeReady(dataDir, ready);
    demo = options.demo ? await openDemo(prepared, options, ready, supervisor) : undefined;
    print(JSON.stringify(ready));
    say(welcome(ready, colors));
  });
  try {
    await Promise.race([stopping.first, serving.then(() => stopping.first)]);
  } catch (cause) {
    await supervisor.stop();
    throw cause;
  } finally {
    endRenewal();
  }
  say("stopping (again to kill)");
  serving.catch(() => undefined);
  await demo?.close();
  void stopping.second.then(() => supervisor.kill());
  await supervisor.stop();
}

interface Prepared {
  readonly dataDir: string;
  readonly plan: ClusterPlan;
  readonly specs: readonly ChildSpec[];
  readonly certificates: CertificateFiles;
  readonly adminCredential: string;
}

/** Everything that a cluster needs before its first process: files, certificates, ports. */
async function prepare(dataDir: string, options: UpOptions): Promise<Prepared> {
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  await refuseSecond(dataDir);
  await refuseHalfRestored(dataDir);
  const clusterPath = join(dataDir, CLUSTER_FILE);
  const existing = await findClusterFile(clusterPath);
  const credential = await ensureAdminCredential(dataDir, existing?.bootstrapHash);
  const plan = planCluster(existing, credential.hash, {
    ...options,
    layout: parseLayout(options.layout),
  });
  const demo = { port: demoPort(options.basePort), owner: "the demo" };
  await requireFreePorts(options.host, [...wantedPorts(plan), ...(options.demo ? [demo] : [])]);
  const certificates = await ensureCertificates(dataDir, plan, options.host);
  await writeClusterFile(clusterPath, plan.cluster);
  const origins = options.demo ? [demoOrigin(options)] : [];
  const corsOrigin = [...options.corsOrigin, ...origins];
  const specs = specsOf(plan, { dataDir, ...options, corsOrigin });
  return { dataDir, plan, specs, certificates, adminCredential: credential.path };
}

function demoOrigin({ host, basePort }: UpOptions): string {
  return `https://${formatAddress(reachable(host), demoPort(basePort))}`;
}

async function openDemo(
  { dataDir, certificates }: Prepared,
  { host, basePort }: UpOptions,
  { apis, wsss, nodes }: Ready,
  supervisor: Supervisor,
): Promise<DemoServer> {
  return await openDemoServer({
    host,
    port: demoPort(basePort),
    tls: loadTlsFiles({
      ca: certificates.ca,
      cert: certPath(join(dataDir, CERTIFICATES_DIR), SERVER),
      key: keyPath(join(dataDir, CERTIFICATES_DIR), SERVER),
    }),
    apis,
    wsss,
    // Who can read the directory may do anything already.
    secret: await readFile(certificates.operatorKey, "utf8"),
    operator: await Operator.open({ ...certificates, nodes }),
    kill: (node) => void process.kill(supervisor.pid(node), "SIGKILL"),
  });
}

export function parseLayout(text: string | undefined): Layout | undefined {
  if (text === undefined || text === "compact" || text === "seed") return text;
  throw new UsageError(`there is no layout ${text}: compact and seed are the two`);
}

/**
 * Two supervisors of one directory would fight for it. In a container each has the same process id as the one before, and that
 * is no second one.
 */
async function refuseSecond(dataDir: string): Promise<void> {
  const pid = (await findLocalCluster(dataDir))?.pid ?? 0;
  if (pid > 0 && pid !== process.pid && (await isSupervisor(pid))) {
    throw new Error(`process ${pid} already runs the cluster in ${dataDir}: stop it first`);
  }
}

async function isSupervisor(pid: number): Promise<boolean> {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  try {
    const commandLine = await readFile(`/proc/${pid}/cmdline`, "utf8");
    return commandLine.split("\0").includes("up");
  } catch {
    return true;
  }
}

function wantedPorts({ cluster, coordinators, fanouts }: ClusterPlan) {
  return [...cluster.nodes, ...coordinators, ...fanouts].flatMap(({ name, port, metricsPort }) => [
    { port, owner: name },
    { port: metricsPort, owner: `metrics of ${name}` },
  ]);
}

function describeReady(
  { dataDir, plan, specs, certificates, adminCredential }: Prepared,
  options: UpOptions,
  supervisor: Pick<Supervisor, "pid" | "about">,
): Ready {
  const { host } = options;
  const { cluster, coordinators, fanouts } = plan;
  const url = (scheme: string, port: number): string =>
    `${scheme}://${formatAddress(reachable(host), port)}`;
  const pidOf = (name: string): number => supervisor.pid(name);
  const commandFor = (name: string): readonly string[] => {
    const spec = specs.find((candidate) => candidate.name === name);
    return spec === undefined ? [] : commandOf(spec);
  };
  const door =
    (scheme: string) =>
    ({ name, port }: PlannedDoor): ReadyDoor => ({
      name,
      pid: pidOf(name),
      url: url(scheme, port),
      command: commandFor(name),
    });
  const apis = coordinators.map(({ port }) => url("https", port));
  const wsss = fanouts.map(({ port }) => url("wss", port));
  const metricsScheme = isLoopback(host) ? "http" : "https";
  return {
    ready: true,
    clusterId: cluster.clusterId,
    pid: process.pid,
    api: apis[0] ?? "",
    apis,
    wss: wsss[0] ?? "",
    wsss,
    metrics: [...cluster.nodes, ...coordinators, ...fanouts].map(({ name, metricsPort }) => ({
      name,
      url: `${url(metricsScheme, metricsPort)}/metrics`,
    })),
    nodes: cluster.nodes.map(({ name, port, replicas }) => ({
      name,
      pid: pidOf(name),
      address: formatAddress(reachable(host), port),
      replicas: replicas.map(({ shard }) => shardName(cluster.rangeMap, shard)),
      command: commandFor(name),
    })),
    coordinators: coordinators.map(door("https")),
    fanouts: fanouts.map((planned) => ({
      ...door("wss")(planned),
      transport: supervisor.about(planned.name)["transport"] ?? "",
    })),
    ca: certificates.ca,
    operatorCert: certificates.operatorCert,
    operatorKey: certificates.operatorKey,
    adminCredential,
    dataDir,
    ...(options.demo ? { demo: `${demoOrigin(options)}/demo/` } : {}),
  };
}

/** The first SIGINT or SIGTERM, and the second. */
function stopSignal(): { readonly first: Promise<void>; readonly second: Promise<void> } {
  const waiting: (() => void)[] = [];
  const next = (): Promise<void> => new Promise((resolve) => waiting.push(resolve));
  const signals = { first: next(), second: next() };
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.on(signal, () => waiting.shift()?.());
  }
  return signals;
}
