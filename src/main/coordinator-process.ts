import { startCoordinator } from "../coordinator/index.js";
import { countLogins, createRpcMetrics } from "../observability/index.js";
import { SYSTEM_CLOCK } from "./clock.js";
import { limitsOf, rateLimitsOf, type CoordinatorOptions } from "./commands/coordinator-options.js";
import { openGateway } from "./open-gateway.js";
import { ownAddress } from "./own-address.js";
import type { RunningProcess } from "./process-life.js";
import { serveMetrics } from "./process-setup.js";
import type { ProcessSetup } from "./process-setup.js";

/** For calls that are under way when the coordinator stops. */
const STOP_GRACE_MS = 5000;

/** A coordinator: the public API over the shards. */
export async function startCoordinatorProcess(
  setup: ProcessSetup,
  options: CoordinatorOptions,
): Promise<RunningProcess> {
  const { registry, log } = setup;
  const { host, port, metricsPort } = options;
  const behind = openGateway(setup, rateLimitsOf(options));
  const { gateway } = behind;
  const tls = setup.serverTls();
  const coordinator = await startCoordinator({
    gateway,
    tls: tls.pair,
    host: ownAddress(host),
    port,
    origins: options.corsOrigin,
    limits: limitsOf(options),
    reflection: options.reflection,
    shortWay: options.shortWay === "on",
    clock: SYSTEM_CLOCK,
    ready: () => behind.isServing(),
    parts: () => behind.shardHealth(),
    jwks: () => (gateway.isReady() ? gateway.jwks() : undefined),
    observer: countLogins(registry, createRpcMetrics(registry)),
    logger: log,
  });
  tls.onRenewed(() => coordinator.renewTls(tls.pair));
  const metrics = await serveMetrics(setup, options.metricsHost ?? host, metricsPort);
  log.info("listening", { port: coordinator.port });
  return {
    ready: behind.serving,
    stop: async () => {
      await coordinator.close({ graceMs: STOP_GRACE_MS });
      await behind.close();
      await metrics.close();
    },
  };
}
