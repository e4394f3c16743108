import { resolve } from "node:path";
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
import { planSwarm } from "../swarm/plan-swarm.js";
import { stackFile } from "../swarm/stack-file.js";
import { processNames, swarmProcesses } from "../swarm/swarm-processes.js";
import { answer } from "./operator-command.js";

interface PlanOptions {
  readonly output: Output;
  readonly data: string;
  readonly replicas: number;
  readonly publicHost: readonly string[];
  readonly formMinutes: number;
}

interface PlaceOptions {
  readonly output: Output;
  readonly hosts: readonly string[];
  readonly replicas: number;
}

interface StackOptions {
  readonly replicas: number;
  readonly only?: string;
}

const MINUTE_MS = 60_000;
const REPLICAS_OPTION = ["--replicas <n>", "of every shard: 3 or 5"] as const;

export function addSwarm(program: Command): void {
  const swarm = program
    .command("swarm")
    .description("what a Docker Swarm is given: see make swarm-up")
    .addHelpText("after", examples("swarm plan --public-host agenda.example.org"));
  swarm
    .command("plan")
    .description("make the cluster file, the certificates and what else the stack needs")
    .option("--data <dir>", "directory for them; whoever has it is the operator", DATA_DIR)
    .option(...REPLICAS_OPTION, parseReplicas, 3)
    .option(
      "--public-host <host...>",
      "by which clients reach the doors, for their certificate",
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
    .command("place")
    .description("say which host each process runs on: a line of both for each")
    .requiredOption("--hosts <host...>", "hosts of the Swarm")
    .option(...REPLICAS_OPTION, parseReplicas, 3)
    .addOption(OUTPUT_OPTION)
    .addHelpText("after", examples("swarm place --hosts ash beech cedar"))
    .action(place);
  swarm
    .command("stack")
    .description("print the stack, for docker stack deploy")
    .option(...REPLICAS_OPTION, parseReplicas, 3)
    .option("--only <process>", "that one service: deployed alone, the others stay as they are")
    .addHelpText("after", examples("swarm stack --replicas 5 > deploy/stack.five.yml"))
    .action(stack);
}

async function plan(options: PlanOptions): Promise<void> {
  const { data, replicas, publicHost, formMinutes } = options;
  const { clusterId } = await planSwarm({
    dataDir: resolve(data),
    processes: swarmProcesses(replicas),
    publicHosts: publicHost,
    formMs: formMinutes * MINUTE_MS,
  });
  answer(options, { clusterId, data }, clusterId);
}

function place(options: PlaceOptions): void {
  const { hosts, replicas } = options;
  const processes = swarmProcesses(replicas);
  const hostOf = spreadOverHosts(processNames(processes), hosts);
  for (const [host, shards] of majorityHosts(processes.nodes, hostOf)) {
    say(
      `${host} will hold most replicas of ${shards.length} shards, which stop with it: use ${replicas} hosts`,
    );
  }
  const placed = [...hostOf].map(([process, host]) => ({ process, host }));
  answer(options, placed, placed.map(({ process, host }) => `${host} ${process}`).join("\n"));
}

function stack({ replicas, only }: StackOptions): void {
  const processes = swarmProcesses(replicas);
  if (only !== undefined && !processNames(processes).includes(only)) {
    throw new InvalidArgumentError(
      `the stack has no ${only}: ${processNames(processes).join(", ")}`,
    );
  }
  print(stackFile(processes, only).trimEnd());
}

function parseReplicas(text: string): number {
  if (text === "3" || text === "5") return Number(text);
  throw new InvalidArgumentError("a shard has 3 replicas or 5");
}
