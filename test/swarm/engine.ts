import { spawn, spawnSync } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { existsSync, mkdtempSync, openSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eventually } from "../support/eventually.js";
import { exitOf, run } from "./docker.js";

/** A Docker engine that may become a Swarm. */
export interface Engine {
  /** For DOCKER_HOST. */
  readonly host: string;
  readonly advertise: string;
  close(): Promise<void>;
}

/** Network that builds have. */
export type Build = (env: {
  readonly DOCKER_HOST: string;
  readonly BUILD_NETWORK: string;
}) => Promise<void>;

const NAMESPACE = "cabildo-swarm";
/** What an engine makes that was in a Swarm, wherever it runs. */
const BRIDGE = "docker_gwbridge";
const OUTSIDE = { link: "cabsw0", address: "10.209.0.1/24" };
const INSIDE = { link: "cabsw1", address: "10.209.0.2" };

/**
 * The engine that runs here, if it is in no Swarm yet; else one of our own (which needs root), with its data in
 * SWARM_ENGINE_ROOT or a directory that goes with it. Ours builds in the network of this machine, and runs in a network
 * namespace: no bridge, rule or port of it is left on this machine.
 */
export async function openEngine(build: Build): Promise<Engine> {
  const found = spawnSync("docker", ["info", "--format", "{{.Swarm.LocalNodeState}}"], {
    encoding: "utf8",
  });
  if (found.status === 0) {
    if (found.stdout.trim() !== "inactive") throw new Error("this engine is in a Swarm already");
    const host = process.env["DOCKER_HOST"] ?? "unix:///var/run/docker.sock";
    await build({ DOCKER_HOST: host, BUILD_NETWORK: "default" });
    return { host, advertise: "127.0.0.1", close: () => Promise.resolve() };
  }
  if (process.getuid?.() !== 0) throw new Error("no engine runs, and only root can start one");
  await ensureInstalled();
  return await startOwn(build);
}

async function ensureInstalled(): Promise<void> {
  const missing = ["dockerd", "docker", "debootstrap", "iptables", "ip"].filter(
    (command) => spawnSync("which", [command]).status !== 0,
  );
  if (missing.length === 0) return;
  console.log(`installing an engine: ${missing.join(", ")} are missing`);
  await run("apt-get", ["update"]);
  const packages = ["docker.io", "debootstrap", "iptables", "iproute2"];
  await run("apt-get", ["install", "--yes", "--no-install-recommends", ...packages]);
}

async function startOwn(build: Build): Promise<Engine> {
  const directory = mkdtempSync(join(tmpdir(), "cabildo-docker-"));
  const host = `unix://${directory}/docker.sock`;
  const root = process.env["SWARM_ENGINE_ROOT"] ?? join(directory, "root");
  const args = [
    ...["--data-root", root, "--exec-root", join(directory, "exec")],
    ...["--pidfile", join(directory, "pid"), "--host", host],
  ];
  const outside = ["--bridge=none", "--iptables=false", "--ip-masq=false"];
  const hadBridge = existsSync(`/sys/class/net/${BRIDGE}`);
  const builder = await start("dockerd", [...args, ...outside], host, directory);
  try {
    await build({ DOCKER_HOST: host, BUILD_NETWORK: "host" });
  } finally {
    await stop(builder);
    // With the data of an earlier run it remembers that Swarm.
    if (!hadBridge) await run("ip", ["link", "delete", BRIDGE]).catch(() => undefined);
  }
  await removeNamespace();
  await makeNamespace();
  // `ip netns exec` would hide the control groups, which containers need.
  const nsenter = [`--net=/run/netns/${NAMESPACE}`, "dockerd", ...args];
  const daemon = await start("nsenter", nsenter, host, directory);
  return {
    host,
    advertise: INSIDE.address,
    close: async () => {
      await stop(daemon);
      await removeNamespace();
      // The engine leaves the handle of its own namespace mounted.
      await run("umount", [join(directory, "exec/netns/default")]).catch(() => undefined);
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

async function start(
  command: string,
  args: readonly string[],
  host: string,
  directory: string,
): Promise<ChildProcess> {
  const log = openSync(join(directory, "log"), "a");
  const daemon = spawn(command, [...args], { stdio: ["ignore", log, log] });
  const answers = () =>
    spawnSync("docker", ["version"], { env: { ...process.env, DOCKER_HOST: host } }).status === 0;
  await eventually(answers, { what: `${command}: see ${directory}/log` });
  return daemon;
}

async function stop(daemon: ChildProcess): Promise<void> {
  const exited = exitOf(daemon);
  daemon.kill("SIGTERM");
  await exited;
}

async function makeNamespace(): Promise<void> {
  const inside = ["netns", "exec", NAMESPACE, "ip"];
  const commands = [
    ["netns", "add", NAMESPACE],
    ["link", "add", OUTSIDE.link, "type", "veth", "peer", "name", INSIDE.link, "netns", NAMESPACE],
    ["addr", "add", OUTSIDE.address, "dev", OUTSIDE.link],
    ["link", "set", OUTSIDE.link, "up"],
    [...inside, "addr", "add", `${INSIDE.address}/24`, "dev", INSIDE.link],
    [...inside, "link", "set", INSIDE.link, "up"],
    [...inside, "link", "set", "lo", "up"],
  ];
  for (const command of commands) await run("ip", command);
}

async function removeNamespace(): Promise<void> {
  const quietly = (...args: readonly string[]) => run("ip", args).catch(() => undefined);
  await quietly("link", "delete", OUTSIDE.link);
  await quietly("netns", "delete", NAMESPACE);
}
