import { spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { swarmProcesses } from "../../src/main/swarm/swarm-processes.js";
import { eventually } from "../support/eventually.js";
import { repositoryRoot } from "../support/up-cluster.js";
import { run } from "./docker.js";
import type { Environment, RunOptions } from "./docker.js";

export const STACK = "cabildo";
export const { nodes: NODES, doors: DOORS } = swarmProcesses(3);
/** On a busy machine containers take their time. */
export const WAIT_SECONDS = 300;

const ROOT = repositoryRoot();
const SWARM = join(ROOT, "deploy/swarm.sh");
const CLIENT = "cabildo-swarm-test-client";
const ASK_AGAIN_MS = 500;

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

/** Prints what Prometheus says of its targets and its rules. */
const WATCHED = `
const ask = async (what) => (await (await fetch("http://prometheus:9090/api/v1/" + what)).json()).data;
Promise.all([ask("targets"), ask("rules")]).then(([{ activeTargets }, { groups }]) => console.log(JSON.stringify({
  targets: activeTargets.map(({ labels, health }) => ({ name: labels.instance, health })),
  rules: groups.flatMap(({ rules }) => rules).map(({ name, health }) => ({ name, health })),
})));`;

interface Health {
  readonly name: string;
  readonly health: string;
}

export interface StackOptions {
  readonly host: string;
  /** CABILDO_DIR. */
  readonly directory: string;
  readonly image: string;
  readonly prometheusImage: string;
  /** Ends what is under way. */
  readonly signal: AbortSignal;
}

/** The stack on a Swarm, as its operators and those who harm it see it. */
export class Stack {
  readonly #options: StackOptions;
  readonly #run: RunOptions & { readonly env: Environment };

  constructor(options: StackOptions) {
    this.#options = options;
    const { host, directory, image, prometheusImage, signal } = options;
    const env = {
      DOCKER_HOST: host,
      CABILDO_DIR: directory,
      CABILDO_IMAGE: image,
      STACK,
      RESOLVE_IMAGE: "never",
      WAIT_SECONDS: String(WAIT_SECONDS),
      PROMETHEUS_IMAGE: prometheusImage,
      // Its image may not be had here: 1 where it can.
      GRAFANA_REPLICAS: process.env["GRAFANA_REPLICAS"] ?? "0",
    };
    this.#run = { env, signal };
  }

  docker(...args: readonly string[]): Promise<string> {
    return run("docker", args, this.#run);
  }

  async swarm(args: readonly string[], env: Environment = {}): Promise<void> {
    const options = { ...this.#run, env: { ...this.#run.env, ...env }, shown: true };
    await run("sh", [SWARM, ...args], options);
  }

  cabildo(...args: readonly string[]): Promise<string> {
    return run("sh", [SWARM, "run", ...args], this.#run);
  }

  async containerOf(service: string): Promise<string> {
    const label = `label=com.docker.swarm.service.name=${STACK}_${service}`;
    const [id = ""] = await this.#lines("ps", "--quiet", "--filter", label);
    return id;
  }

  /** Those of the targets that a container on a network reaches. */
  async reached(network: string, targets: readonly string[]): Promise<readonly string[]> {
    return JSON.parse(await this.#script(network, REACH, targets)) as readonly string[];
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

  /** What Prometheus scrapes, and by which rules it judges. */
  async watched(): Promise<{
    readonly targets: readonly Health[];
    readonly rules: readonly Health[];
  }> {
    return JSON.parse(await this.#script("api-network", WATCHED)) as {
      readonly targets: readonly Health[];
      readonly rules: readonly Health[];
    };
  }

  async shard(
    name: string,
  ): Promise<{ readonly leader: string; readonly nodes: readonly string[] }> {
    const { shards } = JSON.parse(await this.cabildo("status", "-o", "json")) as {
      readonly shards: readonly {
        readonly name: string;
        readonly leader: string;
        readonly replicas: readonly { readonly node: string }[];
      }[];
    };
    const shard = shards.find((one) => one.name === name);
    return { leader: shard?.leader ?? "", nodes: shard?.replicas.map(({ node }) => node) ?? [] };
  }

  /** Services, and the image of each. */
  async images(): Promise<ReadonlyMap<string, string>> {
    const format = "{{.Name}} {{.Image}}";
    const lines = await this.#lines("stack", "services", "--format", format, STACK);
    return new Map(
      lines.map((line) => {
        const [name = "", image = ""] = line.split(" ");
        return [name.slice(`${STACK}_`.length), image];
      }),
    );
  }

  /** Kills the container of a service; resolves when Swarm runs another one. */
  async kill(service: string): Promise<void> {
    const before = await this.containerOf(service);
    await this.docker("kill", "--signal", "KILL", before);
    await this.#wait(`another container of ${service}`, async () => {
      const now = await this.containerOf(service);
      if (now === "" || now === before) return false;
      const health = await this.docker("inspect", "--format", "{{.State.Health.Status}}", now);
      return health === "healthy";
    });
  }

  /** Ends a service's process and takes its disk away; Swarm starts it again with an empty one. */
  async loseVolume(service: string): Promise<void> {
    const name = `${STACK}_${service}`;
    const itsContainers = ["--all", "--quiet", "--filter", `volume=${name}`];
    await this.docker("service", "scale", "--detach", `${name}=0`);
    await this.#wait(`${name} to be deleted`, async () => {
      const containers = await this.#lines("ps", ...itsContainers);
      if (containers.length > 0) await this.docker("rm", "--force", ...containers);
      await this.docker("volume", "rm", name);
      return true;
    });
    await this.docker("service", "scale", "--detach", `${name}=1`);
    await this.#wait(`an empty ${name}`, () => this.docker("volume", "inspect", name));
  }

  /** A client on public-network, which is told nothing but the doors. */
  startClient() {
    const child = spawn(
      "docker",
      [
        ...["run", "--rm", "--interactive", "--name", CLIENT],
        ...["--network", `${STACK}_public-network`],
        ...["--volume", `${ROOT}/dist:/client/dist:ro`],
        ...["--volume", `${ROOT}/node_modules:/client/node_modules:ro`],
        ...["--volume", `${ROOT}/package.json:/client/package.json:ro`],
        ...["--volume", `${this.#options.directory}/certs/ca.pem:/client/ca.pem:ro`],
        ...["--user", "0:0", "--entrypoint", "node", this.#options.image],
        ...["/client/dist/test/swarm/client.js", "/client/ca.pem"],
        "https://coordinator-1:7443,https://coordinator-2:7443",
        "wss://fanout-1:7444,wss://fanout-2:7444",
      ],
      {
        env: { ...process.env, ...this.#run.env },
        stdio: ["pipe", "pipe", "inherit"],
        detached: true,
      },
    );
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    return {
      /** What it says next. */
      next: async (): Promise<string> => {
        const { value } = (await lines.next()) as { readonly value?: string };
        if (value === undefined) throw new Error("the client has ended");
        return value;
      },
      begin: (phase: string) => child.stdin.write(`${phase}\n`),
      stop: () => child.stdin.end(),
    };
  }

  /** What every process wrote, those that were killed or updated included. */
  async logs(): Promise<string> {
    const format = "{{.ID}} {{.Names}}";
    const filter = `label=com.docker.stack.namespace=${STACK}`;
    const logs: string[] = [];
    // `docker service logs` may wait for ever for a task that has ended.
    for (const line of await this.#lines("ps", "--all", "--filter", filter, "--format", format)) {
      const [id = "", name = ""] = line.split(" ");
      const log = await run("sh", ["-c", 'exec docker logs "$0" 2>&1', id], this.#run);
      logs.push(`== ${name}\n${log}\n`);
    }
    return logs.join("");
  }

  /** Takes the stack and all that belongs to it from the engine, whatever is there of it. */
  async remove(): Promise<void> {
    const ofStack = ["--quiet", "--filter", `label=com.docker.stack.namespace=${STACK}`];
    await this.docker("rm", "--force", CLIENT).catch(() => "");
    // Containers of commands, which nobody waits for any more, hold the networks.
    const format = '{{.ID}} {{.Label "com.docker.swarm.service.id"}}';
    for (const network of await this.#lines("network", "ls", ...ofStack)) {
      const filter = ["--filter", `network=${network}`];
      for (const line of await this.#lines("ps", "--all", ...filter, "--format", format)) {
        const [id = "", service = ""] = line.split(" ");
        if (service === "") await this.docker("rm", "--force", id);
      }
    }
    await this.swarm(["down"]);
    const volumes = await this.#lines("volume", "ls", ...ofStack);
    if (volumes.length > 0) await this.docker("volume", "rm", ...volumes);
  }

  async #lines(...args: readonly string[]): Promise<readonly string[]> {
    return (await this.docker(...args)).split("\n").filter((line) => line !== "");
  }

  #script(network: string, script: string, args: readonly string[] = []): Promise<string> {
    return this.docker(
      ...["run", "--rm", "--network", `${STACK}_${network}`],
      ...["--entrypoint", "node", this.#options.image, "-e", script, ...args],
    );
  }

  async #wait(what: string, ask: () => Promise<string | boolean>): Promise<void> {
    const { signal } = this.#options;
    const timeoutMs = WAIT_SECONDS * 1000;
    await eventually(ask, { timeoutMs, pauseMs: ASK_AGAIN_MS, what, signal });
  }
}
