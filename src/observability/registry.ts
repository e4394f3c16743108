import { collectDefaultMetrics, Gauge, Registry } from "prom-client";

const MS_PER_SECOND = 1000;

export interface ProcessIdentity {
  /** Name of the process in its cluster, such as `node-1`. */
  readonly name: string;
  readonly version: string;
}

/** A process's metrics: what prom-client knows of every Node process, and which build this is. */
export function createRegistry(identity: ProcessIdentity): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  new Gauge({
    name: "cabildo_build_info",
    help: "Always 1; the labels say which build runs.",
    labelNames: ["process", "version", "node"],
    registers: [registry],
  }).set({ process: identity.name, version: identity.version, node: process.version }, 1);
  const time: Gauge = new Gauge({
    name: "cabildo_time_seconds",
    help: "The wall clock of this process, in seconds since 1970 UTC: against timestamp() it shows how far it is off.",
    registers: [registry],
    collect: () => time.set(Date.now() / MS_PER_SECOND),
  });
  return registry;
}
