import type { Command } from "commander";
import { answer, openOperator, operatorCommand } from "./operator-command.js";
import type { OperatorOptions } from "./operator-command.js";

export function addRoute(program: Command): void {
  const route = program.command("route").description("say where things are kept");
  operatorCommand(route, ["explain", "which shard a name belongs to, and why", "calendars/ana"])
    .argument("<name>", "such as calendars/ana, groups/choir or users/zoe")
    .action(explain);
}

async function explain(name: string, options: OperatorOptions): Promise<void> {
  const operator = await openOperator(options);
  const { nodes } = await operator.status();
  const [first] = nodes;
  if (first === undefined) throw new Error("no node is known: is the cluster up?");
  const { shard, leader, rangeVersion } = await operator.at(first.address).explainRoute({ name });
  answer(
    options,
    { name, shard, leader, rangeVersion: String(rangeVersion) },
    `${name} is in ${shard}, led by ${leader === "" ? "nobody" : leader} (range map ${rangeVersion})`,
  );
}
