import type { DoorOptions } from "./commands/process-options.js";
import { openShards, whenServing } from "./open-shards.js";
import type { RunningProcess } from "./process-life.js";
import { serveMetrics } from "./process-setup.js";
import type { ProcessSetup } from "./process-setup.js";

/** A coordinator: the public API over the shards. */
export async function startCoordinatorProcess(
  setup: ProcessSetup,
  options: DoorOptions,
): Promise<RunningProcess> {
  const shards = openShards(setup);
  const metrics = await serveMetrics(setup, options.host, options.metricsPort);
  return {
    ready: whenServing(shards),
    stop: async () => {
      await shards.close();
      await metrics.close();
    },
  };
}
