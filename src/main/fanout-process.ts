import { setTimeout as sleep } from "node:timers/promises";
import { DEFAULT_LIMITS, startFanout } from "../fanout/index.js";
import type { Fanout, Logger } from "../fanout/index.js";
import { createFanoutObserver, createRpcMetrics, observeBacklog } from "../observability/index.js";
import type { Log } from "../observability/index.js";
import { SYSTEM_CLOCK } from "./clock.js";
import { limitsOf } from "./commands/fanout-options.js";
import type { FanoutOptions } from "./commands/fanout-options.js";
import { openGateway } from "./open-gateway.js";
import { ownAddress } from "./own-address.js";
import type { RunningProcess } from "./process-life.js";
import { serveMetrics } from "./process-setup.js";
import type { ProcessSetup } from "./process-setup.js";

const ASK_AGAIN_MS = 50;

/** A fan-out: the live channels over the feeds of the shards. */
export async function startFanoutProcess(
  setup: ProcessSetup,
  options: FanoutOptions,
): Promise<RunningProcess> {
  const { host, port, metricsPort, corsOrigin, transport } = options;
  const { name, registry, log, health, shardName } = setup;
  const limits = { ...DEFAULT_LIMITS, ...limitsOf(options) };
  // Calls are commands, and counted as such before the gateway sees them.
  const behind = openGateway(setup, { callsPerSecondMax: limits.userCommandsPerSecond });
  const { gateway, shards } = behind;
  const tls = setup.serverTls();
  const fanout = await startFanout({
    gateway,
    shards,
    tls: tls.pair,
    origins: corsOrigin,
    host: ownAddress(host),
    port,
    transport,
    limits,
    name,
    clock: SYSTEM_CLOCK,
    random: Math.random,
    observer: createFanoutObserver(registry, shardName),
    callObserver: createRpcMetrics(registry),
    logger: fieldsFirst(log),
  });
  observeBacklog(registry, shardName, () => fanout.backlog());
  tls.onRenewed(() => {
    fanout.renewTls(tls.pair).catch((cause: unknown) => {
      log.error("the new certificate is not shown", { cause: String(cause) });
    });
  });
  health.add("feeds", () => (fanout.isReady() ? undefined : "not every shard's feed is followed"));
  const metrics = await serveMetrics(setup, options.metricsHost ?? host, metricsPort);
  log.info("listening", { port: fanout.port, transport: fanout.transport });
  return {
    about: { transport: fanout.transport },
    ready: behind.serving.then(() => whenFollowing(fanout)),
    stop: async () => {
      await fanout.close();
      await behind.close();
      await metrics.close();
    },
  };
}

async function whenFollowing(fanout: Fanout): Promise<void> {
  while (!fanout.isReady()) await sleep(ASK_AGAIN_MS);
}

function fieldsFirst(log: Log): Logger {
  return {
    debug: (fields, message) => log.debug(message, { ...fields }),
    info: (fields, message) => log.info(message, { ...fields }),
    warn: (fields, message) => log.warn(message, { ...fields }),
    error: (fields, message) => log.error(message, { ...fields }),
  };
}
