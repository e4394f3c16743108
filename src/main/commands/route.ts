import type { Command } from "commander";
import { examples } from "../command-line-parts.js";
import { answer, openOperator, operatorCommand } from "./operator-command.js";
import type { OperatorOptions } from "./operator-command.js";

export function addRoute(program: Command): void {
  const route = program
    .command("route")
    .description("say where things are kept")
    .addHelpText("after", examples("route explain calendars/ana"));
  operatorCommand(route, ["explain", "which shard a name belongs to, and why", "calendars/ana"])
    .argument("<name>", "such as calendars/ana, groups/choir or users/zoe")
    .action(explain);
}

async function explain(name: string, options: OperatorOptions): Promise<void> {
  const operator = await openOperator(options);
  const { shard, leader, rangeVersion } = await operator.explainRoute(name);
  answer(
    options,
    { name, shard, leader, rangeVersion: String(rangeVersion) },
    `${name} is in ${shard}, led by ${leader === "" ? "nobody" : leader} (range map ${rangeVersion})`,
  );
}
