import type { Command } from "commander";
import { liveAs } from "../process-life.js";
import { createProcessLog, setUpProcess } from "../process-setup.js";
import { withFanoutOptions } from "./fanout-options.js";
import type { FanoutOptions } from "./fanout-options.js";
import { withDoorOptions } from "./process-options.js";

export function addFanout(program: Command): void {
  withFanoutOptions(withDoorOptions(program.command("fanout")))
    .description("run one fan-out: the live channels of a cluster")
    .addHelpText(
      "after",
      `
Example:
  cabildo fanout --name fanout-1 --cluster cluster.json --certs certs \\
    --host 0.0.0.0 --port 7444 --metrics-port 7497`,
    )
    .action((options: FanoutOptions) => {
      const log = createProcessLog(options);
      liveAs(log, async () => {
        // Loaded by the process that needs it alone: the other commands start sooner without.
        const { startFanoutProcess } = await import("../fanout-process.js");
        return await startFanoutProcess(await setUpProcess("fanout", options, log), options);
      });
    });
}
