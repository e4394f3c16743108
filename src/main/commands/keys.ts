import type { Command } from "commander";
import { examples } from "../command-line-parts.js";
import { answer, openOperator, operatorCommand } from "./operator-command.js";
import type { OperatorOptions } from "./operator-command.js";

export function addKeys(program: Command): void {
  const keys = program
    .command("keys")
    .description("the keys that sign access tokens")
    .addHelpText("after", examples("keys rotate"));
  operatorCommand(keys, [
    "rotate",
    "sign with the next key from now on, and make the one after it",
    "",
  ])
    .addHelpText(
      "after",
      "\nTokens that are in use hold until they end, after five minutes at most.",
    )
    .action(rotate);
}

async function rotate(options: OperatorOptions): Promise<void> {
  const operator = await openOperator(options);
  const { currentKeyId, nextKeyId } = await operator.anywhere((client) => client.rotateKeys({}));
  answer(
    options,
    { currentKeyId, nextKeyId },
    `${currentKeyId} signs from now on, ${nextKeyId} is next`,
  );
}
