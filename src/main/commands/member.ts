import { setTimeout as sleep } from "node:timers/promises";
import { Code, ConnectError } from "@connectrpc/connect";
import Table from "cli-table3";
import type { Command } from "commander";
import type { ClusterStatus, Membership } from "../../../gen/cabildo/admin/v1/admin_pb.js";
import { Operator, requireAddress, requireShard } from "../client/operator.js";
import { DATA_DIR, DATA_OPTION, print, say } from "../command-line-parts.js";
import { replaceInClusterFile } from "../replace-in-cluster-file.js";
import { requireLocalCluster } from "../ready-file.js";

const CATCH_UP_MS = 600_000;
const ASK_AGAIN_MS = 250;

interface MemberOptions {
  readonly data: string;
  readonly json?: true;
}

export function addMember(program: Command): void {
  const member = program.command("member").description("see and change who is in each shard");
  const add = (name: string, description: string, example: string): Command =>
    member
      .command(name)
      .description(description)
      .option("--json", "as JSON")
      .option(...DATA_OPTION, DATA_DIR)
      .addHelpText("after", `\nExample:\n  cabildo member ${example}`);
  add("list", "show who votes in each shard, and who follows", "list").action(list);
  add("join", "make a running node a learner of a shard", "join groups node-4")
    .argument("<shard>")
    .argument("<node>")
    .action(join);
  add("promote", "give a learner that has caught up a vote", "promote groups node-4")
    .argument("<shard>")
    .argument("<node>")
    .action(promote);
  add("remove", "take a node's replica out of a shard", "remove groups node-1")
    .argument("<shard>")
    .argument("<node>")
    .action(remove);
  add(
    "replace",
    "put a node in the place of another one in every shard of that, while the cluster serves",
    "replace node-1 node-4",
  )
    .argument("<node>")
    .argument("<new-node>")
    .action(replace);
}

async function list({ data, json }: MemberOptions): Promise<void> {
  const status = await (await open(data)).status();
  const rows = status.shards.map((shard) => ({
    shard: shard.name,
    voters: namesOf(status, shard.name, false),
    learners: namesOf(status, shard.name, true),
  }));
  if (json === true) {
    print(JSON.stringify({ nodes: nodesOf(status), shards: rows }, null, 2));
    return;
  }
  const table = new Table({
    head: ["shard", "voters", "learners"],
    style: { head: [], border: [], compact: true },
  });
  for (const { shard, voters, learners } of rows) {
    table.push([shard, voters.join(" "), learners.join(" ")]);
  }
  print(table.toString());
}

async function join(shard: string, node: string, options: MemberOptions): Promise<void> {
  const operator = await open(options.data);
  const { replica } = await (await operator.atNode(node)).joinShard({ shard });
  if (options.json === true) print(JSON.stringify({ shard, node, replica }));
  else print(`${node} follows ${shard} with replica ${replica}, without a vote`);
}

async function promote(shard: string, node: string, options: MemberOptions): Promise<void> {
  const operator = await open(options.data);
  show(shard, await operator.atLeader(shard, (at) => at.promoteLearner({ shard, node })), options);
}

async function remove(shard: string, node: string, options: MemberOptions): Promise<void> {
  const operator = await open(options.data);
  show(shard, await operator.atLeader(shard, (at) => at.removeReplica({ shard, node })), options);
}

async function replace(node: string, byNode: string, options: MemberOptions): Promise<void> {
  const operator = await open(options.data);
  const status = await operator.status();
  requireAddress(status, byNode);
  const shards = status.shards
    .filter(({ replicas }) => replicas.some((replica) => replica.node === node))
    .map(({ name }) => name);
  if (shards.length === 0) say(`${node} is in no shard any more`);
  for (const shard of shards) await replaceIn(operator, shard, { node, byNode }, options);
  await replaceInClusterFile(options.data, await operator.status(), node, byNode);
  if (options.json !== true) print(`${node} is in no shard any more: it can be stopped`);
}

async function replaceIn(
  operator: Operator,
  shard: string,
  { node, byNode }: { readonly node: string; readonly byNode: string },
  options: MemberOptions,
): Promise<void> {
  const isMember = async (): Promise<boolean> => {
    const { replicas } = requireShard(await operator.status(), shard);
    return replicas.some((replica) => replica.node === byNode);
  };
  if (!(await isMember())) await (await operator.atNode(byNode)).joinShard({ shard });
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

function show(shard: string, { voters, learners }: Membership, { json }: MemberOptions): void {
  if (json === true) {
    print(JSON.stringify({ shard, voters, learners }));
    return;
  }
  const following = learners.length === 0 ? "" : `; without a vote: ${learners.join(", ")}`;
  print(`${shard}: ${voters.join(", ")} vote${following}`);
}

function namesOf({ shards }: ClusterStatus, shard: string, learner: boolean): readonly string[] {
  const replicas = shards.find(({ name }) => name === shard)?.replicas ?? [];
  return replicas.filter((replica) => replica.learner === learner).map(({ node }) => node);
}

const nodesOf = ({ nodes }: ClusterStatus) => nodes.map(({ name, address }) => ({ name, address }));

async function open(data: string): Promise<Operator> {
  return Operator.open(await requireLocalCluster(data));
}
