import { setTimeout as sleep } from "node:timers/promises";
import { Code, ConnectError } from "@connectrpc/connect";
import type { Command } from "commander";
import type { ClusterStatus, Membership, Shard } from "../../../gen/cabildo/admin/v1/admin_pb.js";
import { requireAddress, requireShard } from "../client/operator.js";
import type { Operator } from "../client/operator.js";
import { say } from "../command-line-parts.js";
import { drainNode } from "../drain-node.js";
import { quorumAfter, requireQuorum } from "../quorum-after.js";
import type { QuorumAfter } from "../quorum-after.js";
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
const DRY_RUN = ["--dry-run", "say what would be left, and change nothing"] as const;

export function addReplica(program: Command): void {
  const replica = program.command("replica").description("see and change who is in each shard");
  operatorCommand(replica, ["list", "every replica, where it is, and how far", ""]).action(list);
  operatorCommand(replica, ["add", "let a running node follow a shard", "groups node-4"])
    .argument("<shard>")
    .argument("<node>")
    .action(add);
  operatorCommand(replica, ["promote", "give a learner that caught up a vote", "groups node-4"])
    .argument("<shard>", SHARD)
    .argument("<node>")
    .addHelpText("after", LINES)
    .action(promote);
  operatorCommand(replica, ["remove", "take a node's replica out of a shard", "groups node-1"])
    .argument("<shard>", SHARD)
    .argument("<node>")
    .option(...DRY_RUN)
    .addHelpText("after", LINES)
    .action(remove);
  operatorCommand(replica, [
    "replace",
    "put a node in the place of another one in every shard of that",
    "node-1 node-4",
  ])
    .argument("<node>")
    .argument("<new-node>")
    .addHelpText("after", LINES)
    .action(replace);
  operatorCommand(replica, ["drain", "let others lead, so that a node can be stopped", "node-1"])
    .argument("<node>")
    .option("--undo", "let it lead again; to start it again does so too")
    .option(...DRY_RUN)
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

async function add(shard: string, node: string, options: OperatorOptions): Promise<void> {
  const operator = await openOperator(options);
  const { replicas } = requireShard(await operator.status(), shard);
  const known = replicas.find((one) => one.node === node && !one.learner);
  if (known !== undefined) {
    answer(options, { shard, node, replica: known.id }, `${node} votes in ${shard} already`);
    return;
  }
  const { replica } = await (await operator.atNode(node)).joinShard({ shard });
  answer(
    options,
    { shard, node, replica },
    `${node} follows ${shard} with replica ${replica}, without a vote`,
  );
}

async function promote(shard: string, node: string, options: OperatorOptions): Promise<void> {
  const operator = await openOperator(options);
  const learns = (candidate: Shard) =>
    candidate.replicas.some((replica) => replica.node === node && replica.learner);
  for (const { name } of named(await operator.status(), shard, learns)) {
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
  const after = shards.map((one) => quorumAfter(one, node, "removed"));
  if (options.dryRun === true) {
    const without = shards.find((one) => !holds(one, node));
    if (without !== undefined) throw new Error(`${node} holds no replica of ${without.name}`);
    showQuorum(after, options);
    requireQuorum(after, node);
    return;
  }
  for (const { name } of shards) {
    const removed = await operator.atLeader(name, (at) => at.removeReplica({ shard: name, node }));
    show(name, removed, options);
  }
}

async function drain(node: string, options: DrainOptions): Promise<void> {
  const operator = await openOperator(options);
  const status = await operator.status();
  requireAddress(status, node);
  if (options.undo === true) {
    await (await operator.atNode(node)).drainNode({ undo: true });
    answer(options, { node }, `${node} may lead again`);
    return;
  }
  const after = shardsOf(status, node).map((shard) => quorumAfter(shard, node, "stopped"));
  if (options.dryRun === true) showQuorum(after, options);
  requireQuorum(after, node);
  if (options.dryRun === true) return;
  const moved = await drainNode(operator, node);
  answer(
    options,
    { node, moved },
    moved.length === 0
      ? `${node} leads nothing: it can be stopped`
      : `${moved.map(({ shard, leader }) => `${leader} leads ${shard}`).join(", ")}: ${node} can be stopped`,
  );
}

async function replace(node: string, byNode: string, options: OperatorOptions): Promise<void> {
  const operator = await openOperator(options);
  const status = await operator.status();
  requireAddress(status, byNode);
  const shards = shardsOf(status, node);
  if (shards.length === 0) say(`${node} is in no shard any more`);
  for (const { name } of shards) await replaceIn(operator, name, { node, byNode }, options);
  await replaceInClusterFile(options.data, await operator.status(), node, byNode);
  if (options.output === "table") say(`${node} is in no shard any more: it can be stopped`);
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

function showQuorum(after: readonly QuorumAfter[], options: OperatorOptions): void {
  answerTable(
    options,
    after,
    ["shard", "votes", "would answer"],
    after.map(({ shard, voters, answering }) => [shard, String(voters), String(answering)]),
  );
}

function show(shard: string, { voters, learners }: Membership, options: OperatorOptions): void {
  const following = learners.length === 0 ? "" : `; without a vote: ${learners.join(", ")}`;
  answer(options, { shard, voters, learners }, `${shard}: ${voters.join(", ")} vote${following}`);
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
