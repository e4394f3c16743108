import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Code, ConnectError } from "@connectrpc/connect";
import type { Command } from "commander";
import type {
  ClusterStatus,
  Membership,
  Replica,
  Shard,
} from "../../../gen/cabildo/admin/v1/admin_pb.js";
import { PROMOTE_LAG_MAX } from "../../placement/index.js";
import { requireAddress, requireAnswering, requireShard } from "../client/operator.js";
import type { Operator } from "../client/operator.js";
import { examples, say } from "../command-line-parts.js";
import { findClusterFile } from "../cluster-file.js";
import { CLUSTER_FILE } from "../data-dir.js";
import { drainNode } from "../drain-node.js";
import { quorumAfter, requireQuorum } from "../quorum-after.js";
import type { PlannedChange } from "../quorum-after.js";
import { replaceInClusterFile } from "../replace-in-cluster-file.js";
import { answer, answerTable, openOperator, operatorCommand } from "./operator-command.js";
import type { OperatorOptions } from "./operator-command.js";

const CATCH_UP_MS = 600_000;
const ASK_AGAIN_MS = 250;

interface ChangeOptions extends OperatorOptions {
  readonly dryRun?: true;
}

interface DrainOptions extends ChangeOptions {
  readonly undo?: true;
}

const ALL = "all";
const SHARD = `a shard, or ${ALL} in which the node is`;
const LINES = "\nJSON is one shard a line, as it is done.";

export function addReplica(program: Command): void {
  const replica = program
    .command("replica")
    .description("see and change who is in each shard")
    .addHelpText(
      "after",
      examples("replica list", "replica drain node-1 --dry-run", "replica replace node-1 node-4"),
    );
  const change = (...named: Parameters<typeof operatorCommand>[1]): Command =>
    operatorCommand(replica, named).option(
      "--dry-run",
      "say how many votes there would be, and how many would answer; change nothing",
    );
  operatorCommand(replica, ["list", "every replica, where it is, and how far", ""]).action(list);
  change("add", "let a running node follow a shard", "groups node-4")
    .argument("<shard>")
    .argument("<node>")
    .action(add);
  change("promote", "give a learner that caught up a vote", "groups node-4")
    .argument("<shard>", SHARD)
    .argument("<node>")
    .addHelpText("after", LINES)
    .action(promote);
  change("remove", "take a node's replica out of a shard", "groups node-1 --dry-run")
    .argument("<shard>", SHARD)
    .argument("<node>")
    .addHelpText("after", LINES)
    .action(remove);
  change(
    "replace",
    "put a node in the place of another one in every shard of that",
    "node-1 node-4",
  )
    .argument("<node>")
    .argument("<new-node>")
    .addHelpText("after", `${LINES}\nWhere it was interrupted, the same again goes on.`)
    .action(replace);
  change("drain", "let others lead, so that a node can be stopped", "node-1")
    .argument("<node>")
    .option("--undo", "let it lead again; to start it again does so too")
    .action(drain);
}

async function list(options: OperatorOptions): Promise<void> {
  const { shards } = await (await openOperator(options)).status();
  const rows = shards.flatMap(({ name, replicas }) =>
    replicas.map(({ node, id, role, learner, reachable, applied, lag, quarantine }) => ({
      ...{ shard: name, node, replica: id, votes: !learner },
      ...{ role: reachable ? role : "unreachable", applied: String(applied), lag: String(lag) },
      quarantine,
    })),
  );
  answerTable(
    options,
    rows,
    ["shard", "node", "replica", "votes", "role", "applied", "lag", ""],
    rows.map((row) => [
      ...[row.shard, row.node, String(row.replica), row.votes ? "yes" : "no"],
      ...[row.role, row.applied, row.lag, row.quarantine],
    ]),
  );
}

async function add(shard: string, node: string, options: ChangeOptions): Promise<void> {
  const operator = await openOperator(options);
  const status = await operator.status();
  const one = requireShard(status, shard);
  const known = one.replicas.find((replica) => replica.node === node && !replica.learner);
  if (known !== undefined) {
    answer(options, { shard, node, replica: known.id }, `${node} votes in ${shard} already`);
    return;
  }
  requireAnswering(status, node);
  if (isOnlyAsked([one], { kind: "add", node }, options)) return;
  const { replica } = await (await operator.atNode(node)).joinShard({ shard });
  answer(
    options,
    { shard, node, replica },
    `${node} follows ${shard} with replica ${replica}, without a vote`,
  );
}

async function promote(shard: string, node: string, options: ChangeOptions): Promise<void> {
  const operator = await openOperator(options);
  const status = await operator.status();
  const learns = (candidate: Shard) =>
    candidate.replicas.some((replica) => replica.node === node && replica.learner);
  const shards = named(status, shard, learns);
  if (shards.length === 0) {
    requireAddress(status, node);
    say(`${node} waits for a vote in no shard`);
  }
  for (const one of shards) requireLearner(one, node);
  if (isOnlyAsked(shards, { kind: "promote", node }, options)) return;
  for (const { name } of shards) {
    const promoted = await operator.atLeader(name, (at) =>
      at.promoteLearner({ shard: name, node }),
    );
    show(name, promoted, options);
  }
}

async function remove(shard: string, node: string, options: ChangeOptions): Promise<void> {
  const operator = await openOperator(options);
  const status = await operator.status();
  const shards = named(status, shard, (candidate) => holds(candidate, node));
  for (const one of shards) requireReplica(one, node);
  if (shards.length === 0) {
    requireAddress(status, node);
    say(`${node} is in no shard`);
  }
  if (isOnlyAsked(shards, { kind: "remove", node }, options)) return;
  for (const { name } of shards) {
    const removed = await operator.atLeader(name, (at) => at.removeReplica({ shard: name, node }));
    show(name, removed, options);
  }
}

async function drain(node: string, options: DrainOptions): Promise<void> {
  const operator = await openOperator(options);
  const status = await operator.status();
  requireAnswering(status, node);
  if (options.undo === true) {
    if (options.dryRun !== true) await (await operator.atNode(node)).drainNode({ undo: true });
    answer(options, { node }, `${node} ${options.dryRun === true ? "could" : "may"} lead again`);
    return;
  }
  if (isOnlyAsked(shardsOf(status, node), { kind: "stop", node }, options)) return;
  const moved = await drainNode(operator, node);
  answer(
    options,
    { node, moved },
    moved.length === 0
      ? `${node} leads nothing: it can be stopped`
      : `${moved.map(({ shard, leader }) => `${leader} leads ${shard}`).join(", ")}: ${node} can be stopped`,
  );
}

async function replace(node: string, byNode: string, options: ChangeOptions): Promise<void> {
  const operator = await openOperator(options);
  const status = await operator.status();
  requireAnswering(status, byNode);
  const shards = shardsOf(status, node);
  if (shards.length === 0) await requireOnceKnown(operator, status, { node, byNode }, options);
  if (isOnlyAsked(shards, { kind: "replace", node, byNode }, options)) return;
  for (const { name } of shards) await replaceIn(operator, name, { node, byNode }, options);
  await replaceInClusterFile(options.data, await operator.status(), node, byNode);
  say(`${node} is in no shard any more: it can be stopped`);
}

/** In a replacement that is repeated the old node may be gone everywhere but where it was noted down. */
async function requireOnceKnown(
  operator: Operator,
  status: ClusterStatus,
  { node, byNode }: { readonly node: string; readonly byNode: string },
  { data }: OperatorOptions,
): Promise<void> {
  const cluster = await findClusterFile(join(data, CLUSTER_FILE));
  if (cluster?.nodes.some(({ name }) => name === node)) return;
  if ((await operator.nodeStatus(byNode)).removed.includes(node)) return;
  requireAddress(status, node);
}

async function replaceIn(
  operator: Operator,
  shard: string,
  { node, byNode }: { readonly node: string; readonly byNode: string },
  options: OperatorOptions,
): Promise<void> {
  const { replicas } = requireShard(await operator.status(), shard);
  if (!replicas.some((replica) => replica.node === byNode)) {
    await (await operator.atNode(byNode)).joinShard({ shard });
  }
  const endMs = performance.now() + CATCH_UP_MS;
  for (;;) {
    try {
      const changed = await operator.atLeader(shard, (at) =>
        at.replaceReplica({ shard, node, byNode }),
      );
      show(shard, changed, options);
      return;
    } catch (cause) {
      const mayPass = cause instanceof ConnectError && cause.code === Code.FailedPrecondition;
      if (!mayPass || performance.now() > endMs) throw cause;
      say(`${shard}: ${cause.rawMessage}`);
    }
    await sleep(ASK_AGAIN_MS);
  }
}

/** Says what a dry run wants to know. Throws, dry or not, where a shard would stand still: before any is touched. */
function isOnlyAsked(
  shards: readonly Shard[],
  change: PlannedChange,
  options: ChangeOptions,
): boolean {
  const after = shards.map((shard) => quorumAfter(shard, change));
  const dry = options.dryRun === true;
  if (dry) {
    answerTable(
      options,
      after,
      ["shard", "votes", "would answer"],
      after.map(({ shard, voters, answering }) => [shard, String(voters), String(answering)]),
    );
  }
  requireQuorum(after);
  return dry;
}

function show(shard: string, { voters, learners }: Membership, options: OperatorOptions): void {
  const following = learners.length === 0 ? "" : `; without a vote: ${learners.join(", ")}`;
  answer(options, { shard, voters, learners }, `${shard}: ${voters.join(", ")} vote${following}`);
}

function requireReplica(shard: Shard, node: string): Replica {
  const replica = shard.replicas.find((one) => one.node === node);
  if (replica === undefined) throw new Error(`${node} holds no replica of ${shard.name}`);
  return replica;
}

/** As the shard's leader would refuse it. */
function requireLearner(shard: Shard, node: string): void {
  const { learner, lag } = requireReplica(shard, node);
  if (!learner) throw new Error(`${node} votes in ${shard.name} already`);
  if (lag > PROMOTE_LAG_MAX) {
    throw new Error(
      `${node} still lacks ${lag} entries of ${shard.name}: try again when it has caught up`,
    );
  }
}

const holds = ({ replicas }: Shard, node: string): boolean =>
  replicas.some((replica) => replica.node === node);

const shardsOf = ({ shards }: ClusterStatus, node: string): readonly Shard[] =>
  shards.filter((shard) => holds(shard, node));

/** A shard by its name, or all that `applies` chooses. */
function named(
  status: ClusterStatus,
  shard: string,
  applies: (candidate: Shard) => boolean,
): readonly Shard[] {
  return shard === ALL ? status.shards.filter(applies) : [requireShard(status, shard)];
}
