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
import type { Operator } from "../client/operator.js";
import { drainNode } from "../drain-node.js";
import { Progress } from "../progress.js";
import { quorumAfter, requireQuorum } from "../quorum-after.js";
import { findLocalCluster } from "../ready-file.js";
import { stopSignal } from "../stop-signal.js";
import { whenWhole } from "../when-whole.js";
import { whetherRestarted } from "../whether-restarted.js";
import { answer, answerTable, openOperator } from "./operator-command.js";
import type { OperatorOptions } from "./operator-command.js";

interface RolloutOptions extends OperatorOptions {
  readonly exec?: string;
  readonly timeout: number;
  readonly grace: number;
  readonly dryRun?: true;
}

/** Names of nodes. */
interface Rolled {
  readonly restarted: string[];
  /** The command ended well and started nothing again: there was nothing to bring to them. */
  readonly unchanged: string[];
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
    .option(
      "--grace <seconds>",
      "a node that is the same process so long after --exec has ended is unchanged; more where --exec does not wait",
      parseWhole,
      10,
    )
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
  const rolled: Rolled = { restarted: [], unchanged: [] };
  /** To restart, and not seen since. */
  let told: string | undefined;
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
      const status = await whole(name);
      const held = shardsOf(status, name);
      if (held.length === 0) continue;
      requireQuorum(held.map((shard) => quorumAfter(shard, { kind: "stop", node: name })));
      const wasDrained = status.nodes.some((node) => node.name === name && node.draining);
      let isRestarted: boolean;
      try {
        const { boot } = await operator.nodeStatus(name);
        progress.step(name, "hands over");
        await drainNode(operator, name);
        stop.throwIfAborted();
        progress.step(name, "restarts");
        told = name;
        isRestarted = await restart(operator, name, boot, options, stop);
      } catch (cause) {
        // It runs on, and may lead again; where it does not answer, what failed says more.
        if (!wasDrained) await undoDrain(operator, name).catch(() => undefined);
        throw cause;
      }
      if (!isRestarted && !wasDrained) await undoDrain(operator, name);
      told = undefined;
      rolled[isRestarted ? "restarted" : "unchanged"].push(name);
      if (isRestarted) await whole(name);
      progress.step(name, isRestarted ? "is back" : "is unchanged");
    }
  } catch (cause) {
    if (!stop.aborted) throw cause;
    const maybe = told === undefined ? "" : `; ${told} may be restarting`;
    throw new Error(`the rollout was stopped: ${summary(rolled)}${maybe}`, { cause });
  } finally {
    progress.end();
  }
  answer(options, rolled, summary(rolled));
}

async function undoDrain(operator: Operator, name: string): Promise<void> {
  await (await operator.atNode(name)).drainNode({ undo: true });
}

function summary({ restarted, unchanged }: Rolled): string {
  const done = `restarted ${restarted.length === 0 ? "nothing" : restarted.join(", ")}`;
  return unchanged.length === 0 ? done : `${done}; unchanged: ${unchanged.join(", ")}`;
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

/** Resolves with whether another process of the node runs then. */
async function restart(
  operator: Operator,
  name: string,
  boot: bigint,
  { exec, data, timeout, grace }: RolloutOptions,
  stop: AbortSignal,
): Promise<boolean> {
  if (exec === undefined) {
    await restartSupervised(name, data, timeout, stop);
    return true;
  }
  const [command = "", ...args] = exec
    .split(/\s+/u)
    .map((part) => part.replaceAll(PLACEHOLDER, name));
  try {
    await promisify(execFile)(command, args, { timeout: timeout * 1000, signal: stop });
  } catch (cause) {
    const { message } = cause instanceof Error ? cause : new Error(String(cause));
    throw new Error(`${name} was not restarted: ${message.trim()}`, { cause });
  }
  return whetherRestarted({
    node: name,
    bootOf: async () => (await operator.nodeStatus(name)).boot,
    before: boot,
    graceMs: grace * 1000,
    timeoutMs: timeout * 1000,
    stop,
    time: { nowMs: () => performance.now(), sleep },
  });
}

async function restartSupervised(
  name: string,
  data: string,
  timeout: number,
  stop: AbortSignal,
): Promise<void> {
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
