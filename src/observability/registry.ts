import { collectDefaultMetrics, Gauge, Registry } from "prom-client";

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
  return registry;
}
