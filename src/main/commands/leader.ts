import type { Command } from "commander";
import { planLeaderMoves } from "../../placement/index.js";
import { examples } from "../command-line-parts.js";
import { moveLeaders, placementOf } from "../drain-node.js";
import { answer, answerTable, openOperator, operatorCommand } from "./operator-command.js";
import type { OperatorOptions } from "./operator-command.js";

interface TransferOptions extends OperatorOptions {
  readonly to?: string;
}

interface BalanceOptions extends OperatorOptions {
  readonly dryRun?: true;
}

export function addLeader(program: Command): void {
  const leader = program
    .command("leader")
    .description("say who leads which shard")
    .addHelpText(
      "after",
      examples("leader balance --dry-run", "leader transfer groups --to node-2"),
    );
  operatorCommand(leader, ["transfer", "hand a shard's leadership over", "groups --to node-2"])
    .argument("<shard>")
    .option("--to <node>", "who is to lead; whoever has most of the log if not given")
    .action(transfer);
  operatorCommand(leader, [
    "balance",
    "let every node have about as much to do, by who leads",
    "--dry-run",
  ])
    .option("--dry-run", "say who would lead, and change nothing")
    .action(balance);
}

async function transfer(shard: string, options: TransferOptions): Promise<void> {
  const operator = await openOperator(options);
  const toNode = options.to ?? "";
  const { leader } = await operator.atLeader(shard, (at) => at.transferLeader({ shard, toNode }));
  answer(options, { shard, leader }, `${leader} leads ${shard}`);
}

async function balance(options: BalanceOptions): Promise<void> {
  const operator = await openOperator(options);
  const status = await operator.status();
  const moves = planLeaderMoves(placementOf(status));
  const plan = new Map(moves.map(({ shard, to }) => [shard, to]));
  const rows = status.shards.map(({ name, leader }) => ({
    shard: name,
    from: leader,
    to: plan.get(name) ?? leader,
  }));
  if (options.dryRun !== true) await moveLeaders(operator, moves);
  answerTable(
    options,
    rows,
    [
      "shard",
      options.dryRun === true ? "leads" : "led",
      options.dryRun === true ? "would lead" : "leads",
    ],
    rows.map(({ shard, from, to }) => [shard, from === "" ? "none" : from, to]),
  );
}
