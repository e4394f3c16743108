import type { Command } from "commander";
import { liveAs } from "../process-life.js";
import { createProcessLog, setUpProcess } from "../process-setup.js";
import { parseWhole, UsageError } from "../command-line-parts.js";
import { withProcessOptions } from "./process-options.js";
import type { ProcessOptions } from "./process-options.js";

interface NodeOptions extends ProcessOptions {
  readonly data: string;
  readonly host?: string;
  readonly port?: number;
  readonly metricsPort?: number;
  readonly join?: true | readonly string[];
}

export function addNode(program: Command): void {
  withProcessOptions(program.command("node"))
    .description("run one node of a cluster: the replicas that the cluster file gives it")
    .requiredOption("--data <dir>", "directory of the node's store")
    .option("--host <host>", "address to listen on, of a node that the cluster file does not name")
    .option("--port <n>", "port for other processes, of such a node", parseWhole)
    .option("--metrics-port <n>", "port of its metrics and health, of such a node", parseWhole)
    .option(
      "--join [shards...]",
      "add such a node to a running cluster: as a learner of these shards, of all if none is named",
    )
    .addHelpText(
      "after",
      `
Examples:
  cabildo node --name node-1 --cluster cluster.json --certs certs --data node-1

  cabildo certs issue node-4 --role node --dir certs --host 127.0.0.1
  cabildo node --name node-4 --cluster cluster.json --certs certs --data node-4 \\
    --host 127.0.0.1 --port 7460 --metrics-port 7560 --join
  cabildo replica replace node-1 node-4`,
    )
    .action((options: NodeOptions) => {
      const log = createProcessLog(options);
      liveAs(log, async () => {
        // Loaded by the process that needs it alone: the other commands start sooner without.
        const { startNode } = await import("../node-process.js");
        const setup = await setUpProcess(options, log);
        const all = setup.cluster.rangeMap.shards.map(({ name }) => name);
        const join = options.join === true ? all : (options.join ?? []);
        return await startNode(setup, { data: options.data, place: placeOf(options), join });
      });
    });
}

function placeOf({ host, port, metricsPort }: NodeOptions) {
  if (host === undefined && port === undefined && metricsPort === undefined) return undefined;
  if (host === undefined || port === undefined || metricsPort === undefined) {
    throw new UsageError("--host, --port and --metrics-port go together");
  }
  return { host, port, metricsPort };
}
