import { toJsonString } from "@bufbuild/protobuf";
import type { Command } from "commander";
import { ClusterStatusSchema, type ClusterStatus } from "../../../gen/cabildo/admin/v1/admin_pb.js";
import { Operator } from "../client/operator.js";
import { colorsOf } from "../colors.js";
import {
  DATA_DIR,
  DATA_OPTION,
  JSON_OPTION,
  OUTPUT_OPTION,
  examples,
  parseWhole,
  print,
} from "../command-line-parts.js";
import type { Output } from "../command-line-parts.js";
import { awaitLocalCluster, requireLocalCluster } from "../ready-file.js";
import { whenWhole } from "../when-whole.js";
import { formatStatus } from "./status-table.js";

interface StatusOptions {
  readonly data: string;
  readonly output: Output;
  readonly wait?: number;
}

export function addStatus(program: Command): void {
  program
    .command("status")
    .description("show every shard: who leads, and how far each replica is")
    .addOption(OUTPUT_OPTION)
    .addOption(JSON_OPTION)
    .option(...DATA_OPTION, DATA_DIR)
    .option(
      "--wait <seconds>",
      "first wait until the cluster has started, every shard is led and every replica has caught up",
      parseWhole,
    )
    .addHelpText("after", examples("status"))
    .action(showStatus);
}

async function showStatus({ data, output, wait }: StatusOptions): Promise<void> {
  const status = wait === undefined ? await askNow(data) : await askWhenWhole(data, wait);
  print(
    output === "json"
      ? toJsonString(ClusterStatusSchema, status, { prettySpaces: 2, alwaysEmitImplicit: true })
      : formatStatus(status, colorsOf(process.stdout)),
  );
}

async function askNow(data: string): Promise<ClusterStatus> {
  const operator = await Operator.open(await requireLocalCluster(data));
  return await operator.status();
}

async function askWhenWhole(data: string, seconds: number): Promise<ClusterStatus> {
  const endMs = performance.now() + seconds * 1000;
  const operator = await Operator.open(await awaitLocalCluster(data, seconds));
  const left = Math.max(0, (endMs - performance.now()) / 1000);
  return await whenWhole(operator, left, `the cluster is not whole after ${seconds} seconds`);
}
