import type { Command } from "commander";
import { liveAs } from "../process-life.js";
import { createProcessLog, setUpProcess } from "../process-setup.js";
import { withProcessOptions } from "./process-options.js";
import type { ProcessOptions } from "./process-options.js";

interface NodeOptions extends ProcessOptions {
  readonly data: string;
}

export function addNode(program: Command): void {
  withProcessOptions(program.command("node"))
    .description("run one node of a cluster: the replicas that the cluster file gives it")
    .requiredOption("--data <dir>", "directory of the node's store")
    .addHelpText(
      "after",
      `
Example:
  cabildo node --name node-1 --cluster cluster.json --certs certs --data node-1`,
    )
    .action((options: NodeOptions) => {
      const log = createProcessLog(options);
      liveAs(log, async () => {
        // Loaded by the process that needs it alone: the other commands start sooner without.
        const { startNode } = await import("../node-process.js");
        return await startNode(await setUpProcess(options, log), options.data);
      });
    });
}
