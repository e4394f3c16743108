import type { Command } from "commander";
import { Operator } from "../client/operator.js";
import { DATA_DIR, DATA_OPTION, print } from "../command-line-parts.js";
import { requireLocalCluster } from "../ready-file.js";

export function addKeys(program: Command): void {
  const keys = program.command("keys").description("the keys that sign access tokens");
  keys
    .command("rotate")
    .description("sign with the next key from now on, and make the one after it")
    .option(...DATA_OPTION, DATA_DIR)
    .addHelpText(
      "after",
      "\nTokens that are in use hold until they end, after five minutes at most.\n\nExample:\n  cabildo keys rotate",
    )
    .action(rotate);
}

async function rotate({ data }: { readonly data: string }): Promise<void> {
  const operator = await Operator.open(await requireLocalCluster(data));
  const { currentKeyId, nextKeyId } = await operator.anywhere((client) => client.rotateKeys({}));
  print(`${currentKeyId} signs from now on, ${nextKeyId} is next`);
}
