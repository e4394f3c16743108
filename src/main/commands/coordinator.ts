import type { Command } from "commander";
import { liveAs } from "../process-life.js";
import { createProcessLog, setUpProcess } from "../process-setup.js";
import { withDoorOptions } from "./process-options.js";
import { withCoordinatorOptions, type CoordinatorOptions } from "./coordinator-options.js";

export function addCoordinator(program: Command): void {
  withCoordinatorOptions(withDoorOptions(program.command("coordinator")))
    .description("run one coordinator: the public API of a cluster")
    .addHelpText(
      "after",
      `
Example:
  cabildo coordinator --name coordinator-1 --cluster cluster.json --certs certs \\
    --host 0.0.0.0 --port 7443 --metrics-port 7496`,
    )
    .action((options: CoordinatorOptions) => {
      const log = createProcessLog(options);
      liveAs(log, async () => {
        // Loaded by the process that needs it alone: the other commands start sooner without.
        const { startCoordinatorProcess } = await import("../coordinator-process.js");
        return await startCoordinatorProcess(
          await setUpProcess("coordinator", options, log),
          options,
        );
      });
    });
}
