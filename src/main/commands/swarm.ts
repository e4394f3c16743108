import { join, resolve } from "node:path";
import { InvalidArgumentError } from "commander";
import type { Command } from "commander";
import { majorityHosts, spreadOverHosts } from "../../placement/index.js";
import {
  DATA_DIR,
  OUTPUT_OPTION,
  examples,
  parseWhole,
  print,
  say,
} from "../command-line-parts.js";
import type { Output } from "../command-line-parts.js";
import { readClusterFile } from "../cluster-file.js";
import { CLUSTER_FILE } from "../data-dir.js";
import { addToSwarm } from "../swarm/add-to-swarm.js";
import { planSwarm } from "../swarm/plan-swarm.js";
import { stackFile } from "../swarm/stack-file.js";
import { processesAround, processNames, swarmProcesses } from "../swarm/swarm-processes.js";
import type { SwarmProcesses } from "../swarm/swarm-processes.js";
import { answer } from "./operator-command.js";

interface PlanOptions {
  readonly output: Output;
  readonly data: string;
  readonly replicas?: number;
  readonly publicHost: readonly string[];
  readonly formMinutes: number;
}

interface AddOptions {
  readonly output: Output;
  readonly data: string;
  readonly inPlaceOf: string;
}

/** Of which cluster: of one that is there, or a new one. */
interface ClusterOptions {
  readonly data?: string;
  readonly replicas: number;
}

interface PlaceOptions extends ClusterOptions {
  readonly output: Output;
  readonly hosts: readonly string[];
}

interface StackOptions extends ClusterOptions {
  readonly only?: string;
  readonly join: readonly string[];
}

const MINUTE_MS = 60_000;
const REPLICAS_OPTION = ["--replicas <n>", "of every shard of a new cluster: 3 or 5"] as const;
const PLANNED_OPTION = ["--data <dir>", "of a cluster that was planned"] as const;

export function addSwarm(program: Command): void {
  const swarm = program
    .command("swarm")
    .description("what a Docker Swarm is given: see make swarm-up")
    .addHelpText("after", examples("swarm plan --public-host agenda.example.org"));
  swarm
    .command("plan")
    .description("make the cluster file, the certificates and what else the stack needs")
    .option("--data <dir>", "directory for them; whoever has it is the operator", DATA_DIR)
    .option(...REPLICAS_OPTION, parseReplicas)
    .option(
      "--public-host <host...>",
      "by which clients reach the doors, for their certificate; if left out, those that it has",
      [],
    )
    .option(
      "--form-minutes <n>",
      "from now: afterwards an empty disk is a lost one, and never votes",
      parseWhole,
      60,
    )
    .addOption(OUTPUT_OPTION)
    .addHelpText("after", examples("swarm plan --public-host agenda.example.org"))
    .action(plan);
  swarm
    .command("add")
    .description(
      "name a node that takes the place of another one; says which shards it has to join",
    )
    .argument("<node>")
    .requiredOption("--in-place-of <node>", "whose shards those are")
    .option("--data <dir>", "directory that was planned", DATA_DIR)
    .addOption(OUTPUT_OPTION)
    .addHelpText("after", examples("swarm add users-4 --in-place-of users-2"))
    .action(add);
  swarm
    .command("place")
    .description("say which host each process runs on: a line of both for each")
    .requiredOption("--hosts <host...>", "hosts of the Swarm")
    .option(...PLANNED_OPTION)
    .option(...REPLICAS_OPTION, parseReplicas, 3)
    .addOption(OUTPUT_OPTION)
    .addHelpText("after", examples("swarm place --hosts ash beech cedar"))
    .action(place);
  swarm
    .command("stack")
    .description("print the stack, for docker stack deploy")
    .option(...PLANNED_OPTION)
    .option(...REPLICAS_OPTION, parseReplicas, 3)
    .option("--only <process>", "that one service: deployed alone, the others stay as they are")
    .option("--join <shards...>", "which that one, a new node, joins", [])
    .addHelpText("after", examples("swarm stack --replicas 5 > deploy/stack.five.yml"))
    .action(stack);
}

async function plan(options: PlanOptions): Promise<void> {
  const { data, replicas, publicHost, formMinutes } = options;
  const { cluster, publicHosts } = await planSwarm({
    dataDir: resolve(data),
    replicas,
    publicHosts: publicHost,
    formMs: formMinutes * MINUTE_MS,
  });
  if (publicHosts.length === 0) {
    say(
      "the certificate of the doors names none of their hosts: clients outside need one (PUBLIC_HOSTS)",
    );
  }
  const { clusterId } = cluster;
  answer(options, { clusterId, data, publicHosts }, clusterId);
}

async function add(node: string, options: AddOptions): Promise<void> {
  const shards = await addToSwarm(resolve(options.data), node, options.inPlaceOf);
  answer(options, { node, shards }, shards.join(" "));
}

async function processesOf({ data, replicas }: ClusterOptions): Promise<SwarmProcesses> {
  if (data === undefined) return swarmProcesses(replicas);
  return processesAround((await readClusterFile(join(data, CLUSTER_FILE))).nodes);
}

async function place(options: PlaceOptions): Promise<void> {
  const { hosts } = options;
  const processes = await processesOf(options);
  const hostOf = spreadOverHosts(processNames(processes), hosts);
  for (const [host, shards] of majorityHosts(processes.nodes, hostOf)) {
    say(
      `${host} will hold most replicas of ${shards.length} shards, which stop with it: use as many hosts as a shard has replicas`,
    );
  }
  const placed = [...hostOf].map(([process, host]) => ({ process, host }));
  answer(options, placed, placed.map(({ process, host }) => `${host} ${process}`).join("\n"));
}

async function stack({ only, join: shards, ...options }: StackOptions): Promise<void> {
  const processes = await processesOf(options);
  if (only !== undefined && !processNames(processes).includes(only)) {
    throw new InvalidArgumentError(
      `the stack has no ${only}: ${processNames(processes).join(", ")}`,
    );
  }
  print(stackFile(processes, { only, join: shards }).trimEnd());
}

function parseReplicas(text: string): number {
  if (text === "3" || text === "5") return Number(text);
  throw new InvalidArgumentError("a shard has 3 replicas or 5");
}
