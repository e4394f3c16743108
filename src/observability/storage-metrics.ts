import { Gauge } from "prom-client";
import type { Registry } from "prom-client";

/** Asked when somebody scrapes. */
export type UsageSource = () => Promise<{
  readonly freeBytes: number;
  readonly storeBytes: number;
  /** What has to stay free: with less, commands are refused. */
  readonly reserveBytes: number;
}>;

export function observeStorage(registry: Registry, usage: UsageSource): void {
  const registers = [registry];
  const free = new Gauge({
    name: "cabildo_storage_free_bytes",
    help: "Bytes left on the file system of the store.",
    registers,
  });
  const quota = new Gauge({
    name: "cabildo_storage_quota_bytes",
    help: "Bytes that the store may take before commands are refused: what it takes, and what is free beyond the reserve.",
    registers,
  });
  const size: Gauge = new Gauge({
    name: "cabildo_storage_db_size_bytes",
    help: "Bytes that the store takes.",
    registers,
    collect: async () => {
      const { freeBytes, storeBytes, reserveBytes } = await usage();
      quota.set(storeBytes + Math.max(0, freeBytes - reserveBytes));
      free.set(freeBytes);
      size.set(storeBytes);
    },
  });
}
