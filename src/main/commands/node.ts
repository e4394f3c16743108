import type { Command } from "commander";
import { liveAs } from "../process-life.js";
import { createProcessLog, setUpProcess } from "../process-setup.js";
import { parseWhole, UsageError } from "../command-line-parts.js";
import { withProcessOptions } from "./process-options.js";
import type { ProcessOptions } from "./process-options.js";

const MS_PER_SECOND = 1000;
const MIB = 1024 * 1024;

interface NodeOptions extends ProcessOptions {
  readonly data: string;
  readonly host?: string;
  readonly port?: number;
  readonly metricsPort?: number;
  readonly listen?: string;
  readonly raftListen?: string;
  readonly join?: true | readonly string[];
  readonly balanceLeaders: number;
  readonly snapshotMib: number;
}

export function addNode(program: Command): void {
  withProcessOptions(program.command("node"))
    .description("run one node of a cluster: the replicas that the cluster file gives it")
    .requiredOption("--data <dir>", "directory of the node's store")
    .option("--host <host>", "address to listen on, of a node that the cluster file does not name")
    .option("--port <n>", "port for other processes, of such a node", parseWhole)
    .option("--metrics-port <n>", "port of its metrics and health, of such a node", parseWhole)
    .option(
      "--listen <address>",
      "address to listen on, if not that at which others reach it; for a network, such as 10.80.2.0/24, its own in it",
    )
    .option("--raft-listen <address>", "the same for Raft, where the cluster file sets it apart")
    .option(
      "--join [shards...]",
      "add such a node to a running cluster: as a learner of these shards, of all if none is named",
    )
    .option(
      "--balance-leaders <seconds>",
      "without a change before a leader is moved to spread the load; 0 leaves leaders where they are",
      parseWhole,
      30,
    )
    .option(
      "--snapshot-mib <n>",
      "MiB a second that snapshots to other nodes may take of the network, together",
      parseWhole,
      64,
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
        const setup = await setUpProcess("node", options, log);
        const all = setup.cluster.rangeMap.shards.map(({ name }) => name);
        const join = options.join === true ? all : (options.join ?? []);
        const { data, listen, raftListen, balanceLeaders, snapshotMib } = options;
        if (snapshotMib === 0) throw new UsageError("--snapshot-mib is at least 1");
        return await startNode(setup, {
          data,
          place: placeOf(options),
          listen,
          raftListen,
          join,
          balanceLeadersMs: balanceLeaders * MS_PER_SECOND,
          snapshotBytesPerSecondMax: snapshotMib * MIB,
        });
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
