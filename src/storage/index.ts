/**
 * The disk of a node process: the `Store` port on RocksDB, and the same on memory. Nothing outside
 * of this folder knows how rows are laid out or that RocksDB is below.
 */
export { openRocksDbStore } from "./rocksdb-store.js";
export type { RocksDbStoreOptions } from "./rocksdb-store.js";
export { openMemoryStore } from "./memory-store.js";
export type { MemoryStoreOptions } from "./memory-store.js";
export { MemoryDisk } from "./memory-disk.js";
export type { MemoryDiskOptions } from "./memory-disk.js";
export type { StoreOptions } from "./open-store.js";
