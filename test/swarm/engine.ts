import { spawn, spawnSync } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { existsSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eventually } from "../support/eventually.js";
import { exitOf, run } from "./docker.js";
import type { Undo } from "./undo.js";

/** A Docker engine that may become a Swarm. */
export interface Engine {
  /** For DOCKER_HOST. */
  readonly host: string;
  readonly advertise: string;
}

export interface EngineOptions {
  /** With the network that builds have. */
  readonly build: (env: {
    readonly DOCKER_HOST: string;
    readonly BUILD_NETWORK: string;
  }) => Promise<void>;
  /** Is told how to take away all that is made. */
  readonly undo: Undo;
  readonly signal: AbortSignal;
}

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
export async function openEngine(options: EngineOptions): Promise<Engine> {
  const found = spawnSync("docker", ["info", "--format", "{{.Swarm.LocalNodeState}}"], {
    encoding: "utf8",
  });
  if (found.status === 0) {
    if (found.stdout.trim() !== "inactive") throw new Error("this engine is in a Swarm already");
    const host = process.env["DOCKER_HOST"] ?? "unix:///var/run/docker.sock";
    await options.build({ DOCKER_HOST: host, BUILD_NETWORK: "default" });
    return { host, advertise: "127.0.0.1" };
  }
  if (process.getuid?.() !== 0) throw new Error("no engine runs, and only root can start one");
  await ensureInstalled(options.signal);
  return await startOwn(options);
}

async function ensureInstalled(signal: AbortSignal): Promise<void> {
  const missing = ["dockerd", "docker", "debootstrap", "iptables", "ip"].filter(
    (command) => spawnSync("which", [command]).status !== 0,
  );
  if (missing.length === 0) return;
  console.log(`installing an engine: ${missing.join(", ")} are missing`);
  await run("apt-get", ["update"], { signal });
  const packages = ["docker.io", "debootstrap", "iptables", "iproute2"];
  await run("apt-get", ["install", "--yes", "--no-install-recommends", ...packages], { signal });
}

async function startOwn({ build, undo, signal }: EngineOptions): Promise<Engine> {
  const directory = mkdtempSync(join(tmpdir(), "cabildo-docker-"));
  undo.add(() => rmSync(directory, { recursive: true, force: true }));
  undo.add(() => unmountBelow(directory));
  const host = `unix://${directory}/docker.sock`;
  const root = process.env["SWARM_ENGINE_ROOT"] ?? join(directory, "root");
  const args = [
    ...["--data-root", root, "--exec-root", join(directory, "exec")],
    ...["--pidfile", join(directory, "pid"), "--host", host],
  ];
  const start = async (command: string, more: readonly string[]): Promise<ChildProcess> => {
    const daemon = spawnDaemon(command, more, join(directory, "log"));
    undo.add(() => stop(daemon));
    const answers = () =>
      spawnSync("docker", ["version"], { env: { ...process.env, DOCKER_HOST: host } }).status === 0;
    await eventually(answers, { what: `${command}: see ${directory}/log`, signal });
    return daemon;
  };
  const hadBridge = existsSync(`/sys/class/net/${BRIDGE}`);
  // With the data of an earlier run it remembers that Swarm.
  const removeBridge = async (): Promise<void> => {
    if (!hadBridge) await removeLink(BRIDGE);
  };
  undo.add(removeBridge);
  const outside = ["--bridge=none", "--iptables=false", "--ip-masq=false"];
  const builder = await start("dockerd", [...args, ...outside]);
  await build({ DOCKER_HOST: host, BUILD_NETWORK: "host" });
  await stop(builder);
  await removeBridge();
  await removeNamespace();
  undo.add(removeNamespace);
  await makeNamespace();
  // `ip netns exec` would hide the control groups, which containers need.
  await start("nsenter", [`--net=/run/netns/${NAMESPACE}`, "dockerd", ...args]);
  return { host, advertise: INSIDE.address };
}

/** In a group of its own: Ctrl-C must not end it before what runs in it is taken away. */
function spawnDaemon(command: string, args: readonly string[], path: string): ChildProcess {
  const log = openSync(path, "a");
  return spawn(command, [...args], { stdio: ["ignore", log, log], detached: true });
}

/** Idempotent. */
async function stop(daemon: ChildProcess): Promise<void> {
  if (daemon.exitCode !== null || daemon.signalCode !== null) return;
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
  await removeLink(OUTSIDE.link);
  if (existsSync(`/run/netns/${NAMESPACE}`)) await run("ip", ["netns", "delete", NAMESPACE]);
}

/** The engine leaves the handle of its own namespace mounted. */
async function unmountBelow(directory: string): Promise<void> {
  const mounts = readFileSync("/proc/self/mounts", "utf8").split("\n");
  const paths = mounts.map((line) => line.split(" ")[1] ?? "");
  for (const path of paths.reverse()) if (path.startsWith(directory)) await run("umount", [path]);
}

async function removeLink(name: string): Promise<void> {
  if (existsSync(`/sys/class/net/${name}`)) await run("ip", ["link", "delete", name]);
}
