import { toJsonString } from "@bufbuild/protobuf";
import type { Command } from "commander";
import { ClusterStatusSchema } from "../../../gen/cabildo/admin/v1/admin_pb.js";
import { Operator } from "../client/operator.js";
import { colorsOf } from "../colors.js";
import { DATA_DIR, DATA_OPTION, JSON_OPTION, OUTPUT_OPTION, print } from "../command-line-parts.js";
import type { Output } from "../command-line-parts.js";
import { requireLocalCluster } from "../ready-file.js";
import { formatStatus } from "./status-table.js";

interface StatusOptions {
  readonly data: string;
  readonly output: Output;
}

export function addStatus(program: Command): void {
  program
    .command("status")
    .description("show every shard: who leads, and how far each replica is")
    .addOption(OUTPUT_OPTION)
    .addOption(JSON_OPTION)
    .option(...DATA_OPTION, DATA_DIR)
    .addHelpText("after", "\nExample:\n  cabildo status")
    .action(showStatus);
}

async function showStatus({ data, output }: StatusOptions): Promise<void> {
  const status = await (await Operator.open(await requireLocalCluster(data))).status();
  print(
    output === "json"
      ? toJsonString(ClusterStatusSchema, status, { prettySpaces: 2, alwaysEmitImplicit: true })
      : formatStatus(status, colorsOf(process.stdout)),
  );
}
