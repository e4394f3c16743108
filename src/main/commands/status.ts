import { readFile } from "node:fs/promises";
import { toJsonString } from "@bufbuild/protobuf";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import type { Command } from "commander";
import pc from "picocolors";
import { ClusterService, ClusterStatusSchema } from "../../../gen/cabildo/admin/v1/admin_pb.js";
import type { ClusterStatus } from "../../../gen/cabildo/admin/v1/admin_pb.js";
import { DATA_DIR, DATA_OPTION, print } from "../command-line-parts.js";
import { requireLocalCluster } from "../ready-file.js";
import type { LocalCluster } from "../ready-file.js";
import { formatStatus } from "./status-table.js";

const TIMEOUT_MS = 5000;

interface StatusOptions {
  readonly data: string;
  readonly json?: true;
}

export function addStatus(program: Command): void {
  program
    .command("status")
    .description("show every shard: who leads, and how far each replica is")
    .option("--json", "as JSON")
    .option(...DATA_OPTION, DATA_DIR)
    .addHelpText("after", "\nExample:\n  cabildo status")
    .action(showStatus);
}

async function showStatus({ data, json }: StatusOptions): Promise<void> {
  const status = await askAnyNode(await requireLocalCluster(data));
  print(
    json === true
      ? toJsonString(ClusterStatusSchema, status, { prettySpaces: 2, alwaysEmitImplicit: true })
      : formatStatus(status, pc),
  );
}

/** Every node knows how to ask the others: the first one that answers is enough. */
async function askAnyNode(cluster: LocalCluster): Promise<ClusterStatus> {
  const [ca, cert, key] = await Promise.all(
    [cluster.ca, cluster.operatorCert, cluster.operatorKey].map((path) => readFile(path)),
  );
  const troubles: string[] = [];
  for (const { name, address } of cluster.nodes) {
    const transport = createGrpcTransport({
      baseUrl: `https://${address}`,
      defaultTimeoutMs: TIMEOUT_MS,
      nodeOptions: { ca, cert, key },
    });
    try {
      return await createClient(ClusterService, transport).getStatus({});
    } catch (cause) {
      troubles.push(`${name}: ${cause instanceof Error ? cause.message : String(cause)}`);
    }
  }
  throw new Error(`no node answers (is the cluster up?): ${troubles.join("; ")}`);
}
