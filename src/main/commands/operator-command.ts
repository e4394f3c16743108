import type { Command } from "commander";
import { Operator } from "../client/operator.js";
import { DATA_DIR, DATA_OPTION, OUTPUT_OPTION, examples, print } from "../command-line-parts.js";
import type { Output } from "../command-line-parts.js";
import { requireLocalCluster } from "../ready-file.js";
import { formatTable } from "../table.js";

/** What every command of an operator is told. */
export interface OperatorOptions {
  readonly data: string;
  readonly output: Output;
}

/** A command for operators, with the options that all of them have and an example. */
export function operatorCommand(
  group: Command,
  [name, description, example]: readonly [name: string, description: string, example: string],
): Command {
  return group
    .command(name)
    .description(description)
    .addOption(OUTPUT_OPTION)
    .option(...DATA_OPTION, DATA_DIR)
    .addHelpText("after", examples(`${group.name()} ${name} ${example}`.trimEnd()));
}

export async function openOperator({ data }: OperatorOptions): Promise<Operator> {
  return Operator.open(await requireLocalCluster(data));
}

/** A sentence for a person, the same facts for a program. */
export function answer(
  { output }: Pick<OperatorOptions, "output">,
  facts: object,
  sentence: string,
): void {
  print(output === "json" ? JSON.stringify(facts) : sentence);
}

export function answerTable(
  { output }: OperatorOptions,
  facts: object,
  head: readonly string[],
  rows: readonly (readonly string[])[],
): void {
  print(output === "json" ? JSON.stringify(facts, null, 2) : formatTable(head, rows));
}
