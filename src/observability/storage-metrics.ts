import { Gauge } from "prom-client";
import type { Registry } from "prom-client";

/** Asked when somebody scrapes. */
export type UsageSource = () => Promise<{
  readonly freeBytes: number;
  readonly storeBytes: number;
}>;

export function observeStorage(registry: Registry, usage: UsageSource): void {
  const registers = [registry];
  const free = new Gauge({
    name: "cabildo_storage_free_bytes",
    help: "Bytes left on the file system of the store.",
    registers,
  });
  const size: Gauge = new Gauge({
    name: "cabildo_storage_db_size_bytes",
    help: "Bytes that the store takes.",
    registers,
    collect: async () => {
      const { freeBytes, storeBytes } = await usage();
      free.set(freeBytes);
      size.set(storeBytes);
    },
  });
}
