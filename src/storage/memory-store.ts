import type { Store } from "../runtime/index.js";
import { MemoryDisk } from "./memory-disk.js";
import { openStore } from "./open-store.js";
import type { StoreOptions } from "./open-store.js";

export interface MemoryStoreOptions extends StoreOptions {
  /** Outlives the store, as a disk does. Default: a new one. */
  readonly disk?: MemoryDisk;
}

/** The same store on memory, for tests and simulation. */
export async function openMemoryStore(options: MemoryStoreOptions = {}): Promise<Store> {
  const disk = options.disk ?? new MemoryDisk();
  return openStore(disk.openEngine(), disk.openMarker(), "the memory disk", options);
}
