import { execFile } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import type { Command } from "commander";
import type { ClusterStatus, Shard } from "../../../gen/cabildo/admin/v1/admin_pb.js";
import {
  DATA_DIR,
  DATA_OPTION,
  OUTPUT_OPTION,
  examples,
  parseWhole,
  UsageError,
} from "../command-line-parts.js";
import { drainNode } from "../drain-node.js";
import { Progress } from "../progress.js";
import { quorumAfter, requireQuorum } from "../quorum-after.js";
import { findLocalCluster } from "../ready-file.js";
import { stopSignal } from "../stop-signal.js";
import { whenWhole } from "../when-whole.js";
import { answer, answerTable, openOperator } from "./operator-command.js";
import type { OperatorOptions } from "./operator-command.js";

interface RolloutOptions extends OperatorOptions {
  readonly exec?: string;
  readonly timeout: number;
  readonly dryRun?: true;
}

const ASK_AGAIN_MS = 250;
const PLACEHOLDER = "{}";

export function addRollout(program: Command): void {
  program
    .command("rollout")
    .description("restart every node, one after the other, while the cluster serves")
    .option(
      "--exec <command>",
      "what restarts or updates a node, split at spaces, without a shell; {} is the node's name. Without it: the supervisor of " +
        "`cabildo up` starts it again",
    )
    .option("--timeout <seconds>", "for one node to be back and caught up", parseWhole, 300)
    .option("--dry-run", "say which nodes would be restarted, in their order, and change nothing")
    .option(...DATA_OPTION, DATA_DIR)
    .addOption(OUTPUT_OPTION)
    .addHelpText(
      "after",
      examples("rollout", "rollout --exec 'docker service update --image cabildo:2 cabildo_{}'"),
    )
    .action(rollout);
}

/** The next node goes only when everything that the one before had is back: at no time is more than one away. */
async function rollout(options: RolloutOptions): Promise<void> {
  if (options.exec?.includes(PLACEHOLDER) === false) {
    throw new UsageError("--exec names the node with {}");
  }
  const operator = await openOperator(options);
  if (options.dryRun === true) {
    showPlan(await operator.status(), options);
    return;
  }
  const progress = new Progress(process.stderr);
  const stop = stopSignal("the rollout");
  const done: string[] = [];
  const whole = (name: string) =>
    whenWhole(
      operator,
      options.timeout,
      "the rollout stops here",
      (trouble) => progress.amount(name, `waits: ${trouble}`),
      stop,
    );
  try {
    for (const { name } of (await operator.status()).nodes) {
      const held = shardsOf(await whole(name), name);
      if (held.length === 0) continue;
      requireQuorum(held.map((shard) => quorumAfter(shard, { kind: "stop", node: name })));
      try {
        progress.step(name, "hands over");
        await drainNode(operator, name);
        progress.step(name, "restarts");
        await restart(name, options, stop);
      } catch (cause) {
        // It runs on, and may lead again.
        await (await operator.atNode(name)).drainNode({ undo: true }).catch(() => undefined);
        throw cause;
      }
      done.push(name);
      await whole(name);
      progress.step(name, "is back");
    }
  } catch (cause) {
    if (!stop.aborted) throw cause;
    throw new Error(
      `the rollout was stopped: ${done.length === 0 ? "no node was" : `${done.join(", ")} were`} restarted`,
      { cause },
    );
  } finally {
    progress.end();
  }
  answer(options, { restarted: done }, `restarted ${done.join(", ")}`);
}

function showPlan(status: ClusterStatus, options: RolloutOptions): void {
  const plan = status.nodes
    .map(({ name }) => ({ node: name, shards: shardsOf(status, name) }))
    .filter(({ shards }) => shards.length > 0);
  answerTable(
    options,
    plan.map(({ node, shards }) => ({ node, shards: shards.map(({ name }) => name) })),
    ["would restart", "of shards"],
    plan.map(({ node, shards }) => [node, shards.map(({ name }) => name).join(" ")]),
  );
  requireQuorum(
    plan.flatMap(({ node, shards }) =>
      shards.map((shard) => quorumAfter(shard, { kind: "stop", node })),
    ),
  );
}

const shardsOf = ({ shards }: ClusterStatus, name: string): readonly Shard[] =>
  shards.filter(({ replicas }) => replicas.some(({ node }) => node === name));

async function restart(
  name: string,
  { exec, data, timeout }: RolloutOptions,
  stop: AbortSignal,
): Promise<void> {
  stop.throwIfAborted();
  if (exec !== undefined) {
    const [command = "", ...args] = exec
      .split(/\s+/u)
      .map((part) => part.replaceAll(PLACEHOLDER, name));
    try {
      await promisify(execFile)(command, args, { timeout: timeout * 1000, signal: stop });
    } catch (cause) {
      const { message } = cause instanceof Error ? cause : new Error(String(cause));
      throw new Error(`${name} was not restarted: ${message.trim()}`, { cause });
    }
    return;
  }
  const before = await pidOf(name, data);
  process.kill(before, "SIGTERM");
  const endMs = performance.now() + timeout * 1000;
  while ((await pidOf(name, data)) === before) {
    stop.throwIfAborted();
    if (performance.now() > endMs) {
      throw new Error(`${name} was not started again: does \`cabildo up\` run with --no-restart?`);
    }
    await sleep(ASK_AGAIN_MS);
  }
}

async function pidOf(name: string, data: string): Promise<number> {
  const node = (await findLocalCluster(data))?.nodes.find((one) => one.name === name);
  if (node === undefined || node.pid === 0) {
    throw new Error(`${data} does not say which process ${name} is: give --exec`);
  }
  return node.pid;
}
