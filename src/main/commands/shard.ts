import { setTimeout as sleep } from "node:timers/promises";
import { ConnectError } from "@connectrpc/connect";
import type { Command } from "commander";
import type { ClusterStatus } from "../../../gen/cabildo/admin/v1/admin_pb.js";
import { requireAddress, requireShard } from "../client/operator.js";
import type { Operator } from "../client/operator.js";
import { examples, parseWhole, print } from "../command-line-parts.js";
import { loadOf, loadTexts } from "../shard-load.js";
import { formatTable } from "../table.js";
import { answerTable, openOperator, operatorCommand } from "./operator-command.js";
import type { OperatorOptions } from "./operator-command.js";

interface TopOptions extends OperatorOptions {
  readonly interval: number;
  readonly count: number;
}

const MS_PER_SECOND = 1000;

export function addShard(program: Command): void {
  const shard = program
    .command("shard")
    .description("look at the shards, and tidy their logs")
    .addHelpText("after", examples("shard top", "shard hash groups"));
  operatorCommand(shard, ["list", "who leads each shard, who votes in it, who follows", ""]).action(
    list,
  );
  operatorCommand(shard, ["top", "what each shard does, again and again", "--interval 5"])
    .option("--interval <seconds>", "between two looks", parseWhole, 2)
    .option("--count <n>", "how many looks; 0 until Ctrl-C", parseWhole, 0)
    .action(top);
  operatorCommand(shard, ["hash", "compare the state of a shard's replicas at one entry", "groups"])
    .argument("<shard>")
    .option(
      "--index <n>",
      "of a late entry; the last that all can know if not given",
      parseWhole,
      0,
    )
    .action(hash);
  operatorCommand(shard, ["compact", "drop the log up to what is applied", "groups --node node-2"])
    .argument("<shard>")
    .option("--node <node>", "on this node alone; on all if not given")
    .action(compact);
}

async function list(options: OperatorOptions): Promise<void> {
  const { shards } = await (await openOperator(options)).status();
  const rows = shards.map(({ name, leader, term, applied, replicas }) => {
    const names = (learner: boolean) =>
      replicas.filter((replica) => replica.learner === learner).map(({ node }) => node);
    return { shard: name, leader, term, applied, voters: names(false), learners: names(true) };
  });
  answerTable(
    options,
    rows.map((row) => ({ ...row, term: String(row.term), applied: String(row.applied) })),
    ["shard", "leader", "term", "applied", "voters", "learners"],
    rows.map((row) => [
      row.shard,
      row.leader === "" ? "none" : row.leader,
      String(row.term),
      String(row.applied),
      row.voters.join(" "),
      row.learners.join(" "),
    ]),
  );
}

/** Entries are counted by the commit index, from one look to the next; the load is what the replicas say of the last seconds. */
async function top(options: TopOptions): Promise<void> {
  const operator = await openOperator(options);
  process.once("SIGINT", () => process.exit(0));
  let before: { readonly status: ClusterStatus; readonly atMs: number } | undefined;
  for (let looks = 0; options.count === 0 || looks <= options.count; looks++) {
    const status = await operator.status();
    const atMs = performance.now();
    if (before !== undefined) showRates(options, before, { status, atMs });
    before = { status, atMs };
    if (looks < options.count || options.count === 0) await sleep(options.interval * MS_PER_SECOND);
  }
}

interface Look {
  readonly status: ClusterStatus;
  readonly atMs: number;
}

function showRates({ output }: OperatorOptions, before: Look, now: Look): void {
  const seconds = (now.atMs - before.atMs) / MS_PER_SECOND;
  const rows = now.status.shards.map((shard) => {
    const { name, leader, commit, sequence, replicas } = shard;
    const was = before.status.shards.find((one) => one.name === name);
    const rate = (value: bigint, earlier = value) => Number(value - earlier) / seconds;
    return {
      shard: name,
      leader,
      entriesPerSecond: rate(commit, was?.commit),
      changesPerSecond: rate(sequence, was?.sequence),
      ...loadOf(shard),
      lagMax: Math.max(0, ...replicas.map(({ lag }) => Number(lag))),
      silent: replicas.filter(({ reachable }) => !reachable).map(({ node }) => node),
    };
  });
  if (output === "json") {
    print(JSON.stringify(rows));
    return;
  }
  const head = [
    "shard",
    "leader",
    "requests/s",
    "KiB/s",
    "cpu %",
    "entries/s",
    "changes/s",
    "most behind",
    "silent",
  ];
  const cells = rows.map((row) => [
    row.shard,
    row.leader === "" ? "none" : row.leader,
    ...loadTexts(row),
    row.entriesPerSecond.toFixed(1),
    row.changesPerSecond.toFixed(1),
    String(row.lagMax),
    row.silent.join(" "),
  ]);
  if (process.stdout.isTTY) process.stdout.write("\u001b[2J\u001b[H");
  print(formatTable(head, cells));
}

interface HashOptions extends OperatorOptions {
  readonly index: number;
}

/** Exits with a failure where replicas differ. */
async function hash(shard: string, options: HashOptions): Promise<void> {
  const operator = await openOperator(options);
  const at =
    options.index > 0
      ? BigInt(options.index)
      : (await operator.atLeader(shard, (leader) => leader.getStateHash({ shard }))).index;
  const nodes = await hashesAt(operator, shard, at);
  const found = nodes.flatMap((row) => (row.trouble === "" ? [row.hash] : []));
  const equal = new Set(found).size === 1;
  answerTable(
    options,
    { shard, index: String(at), equal, nodes },
    ["node", `hash after entry ${at} of ${shard}`],
    nodes.map((row) => [row.node, row.hash || `no answer: ${row.trouble}`]),
  );
  if (found.length === 0) throw new Error(`no replica of ${shard} told its hash after entry ${at}`);
  if (!equal) {
    throw new Error(
      `the replicas of ${shard} differ after entry ${at}: keep their directories, and replace the one that is alone`,
    );
  }
}

async function hashesAt(operator: Operator, shard: string, index: bigint) {
  const status = await operator.status();
  return Promise.all(
    requireShard(status, shard).replicas.map(async ({ node, reachable }) => {
      if (!reachable) return { node, hash: "", trouble: "it is silent" };
      const client = operator.at(requireAddress(status, node));
      return client.getStateHash({ shard, index }).then(
        ({ hash: found }) => ({ node, hash: found, trouble: "" }),
        (cause: unknown) => ({ node, hash: "", trouble: ConnectError.from(cause).rawMessage }),
      );
    }),
  );
}

interface CompactOptions extends OperatorOptions {
  readonly node?: string;
}

async function compact(shard: string, options: CompactOptions): Promise<void> {
  const operator = await openOperator(options);
  const status = await operator.status();
  const { replicas } = requireShard(status, shard);
  const names = options.node === undefined ? replicas.map(({ node }) => node) : [options.node];
  const nodes: { readonly node: string; readonly firstIndex: string }[] = [];
  for (const node of names.filter((name) => !status.unreachable.includes(name))) {
    const client = operator.at(requireAddress(status, node));
    const { firstIndex } = await client.compactLog({ shard });
    nodes.push({ node, firstIndex: String(firstIndex) });
  }
  answerTable(
    options,
    { shard, nodes },
    ["node", `the log of ${shard} begins at`],
    nodes.map(({ node, firstIndex }) => [node, firstIndex]),
  );
  const silent = names.filter((name) => nodes.every(({ node }) => node !== name));
  if (silent.length > 0) throw new Error(`${silent.join(", ")} did not answer`);
}
