/**
 * The disk of a node process: the `Store` port on RocksDB, and the same on memory. Nothing outside
 * of this folder knows how rows are laid out or that RocksDB is below.
 *
 * What the caller owes:
 * 1. One `write` at a time; a replica stands in it at most once.
 * 2. What depends on a round leaves the process after its `write` resolved, and not at all if it
 *    failed: then nobody knows what is on the disk, and the process stops.
 * 3. Entries are compacted only once they are applied, and feed sequences have no gaps.
 * 4. A replica that opened with `lost` does not campaign until its log came past that, and one that needs a snapshot
 *    installs one before it writes anything but term and vote.
 * 5. Every snapshot source is closed, and every sink installed or discarded.
 */
export { holdsStore, openRocksDbStore } from "./rocksdb-store.js";
export type { RocksDbStoreOptions } from "./rocksdb-store.js";
export { openMemoryStore } from "./memory-store.js";
export type { MemoryStoreOptions } from "./memory-store.js";
export { MemoryDisk } from "./memory-disk.js";
export type { MemoryDiskOptions } from "./memory-disk.js";
export type { StoreOptions } from "./open-store.js";
export { DEFAULT_SCRUB } from "./scrubber.js";
