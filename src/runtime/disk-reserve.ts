import type { StoreUsage } from "./ports.js";

/** There is room again only with so much more than the reserve, or a disk at its edge would change its mind all the time. */
const HEALED_FACTOR = 1.1;

/**
 * Whether a node stops taking entries: RocksDB fails for good when its disk is full, so what it may need at once, for two
 * memtables and a compaction, is kept free, and the reserve at least.
 */
export function isDiskFull(usage: StoreUsage, reserveBytes: number, wasFull: boolean): boolean {
  const needed = neededBytes(usage, reserveBytes);
  return usage.freeBytes < (wasFull ? needed * HEALED_FACTOR : needed);
}

/** What has to stay free. */
export function neededBytes({ workingBytes }: StoreUsage, reserveBytes: number): number {
  return Math.max(reserveBytes, workingBytes);
}
