import { mkdir, readdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Store } from "../runtime/index.js";
import { MarkerFile, syncDirectory } from "./marker-file.js";
import { openStore } from "./open-store.js";
import type { StoreOptions } from "./open-store.js";
import { RocksDbEngine } from "./rocksdb-engine.js";

export const DEFAULT_WRITE_BUFFER_BYTES = 64 * 1024 * 1024;
export const DEFAULT_CACHE_BYTES = 256 * 1024 * 1024;

/** Names within the store's directory. */
export const DATABASE_DIRECTORY = "db";
export const MARKER_FILE = "marker";

export interface RocksDbStoreOptions extends StoreOptions {
  /** Made if it is missing. Holds the database and the marker, which belong together. */
  readonly directory: string;
  /** Bytes of a memtable. Default: 64 MiB. */
  readonly writeBufferBytes?: number;
  /** Bytes of the block cache. Default: 256 MiB. */
  readonly cacheBytes?: number;
}

/**
 * Opens or formats the store of a node process. Throws `failed-precondition` if another process has
 * it open, and `corrupt-storage` if what is there is damaged or does not belong together.
 */
export async function openRocksDbStore(options: RocksDbStoreOptions): Promise<Store> {
  const { directory } = options;
  const database = join(directory, DATABASE_DIRECTORY);
  await mkdir(database, { recursive: true });
  const engine = await RocksDbEngine.open(database, {
    writeBufferBytes: options.writeBufferBytes ?? DEFAULT_WRITE_BUFFER_BYTES,
    cacheBytes: options.cacheBytes ?? DEFAULT_CACHE_BYTES,
  });
  await syncDirectory(directory);
  await syncDirectory(dirname(directory));
  return openStore(engine, new MarkerFile(join(directory, MARKER_FILE)), directory, options);
}

/** Whether a store was formatted there; what else may lie in a directory, such as `lost+found`, is none. */
export async function holdsStore(directory: string): Promise<boolean> {
  const names = await namesIn(directory);
  if (names.includes(MARKER_FILE)) return true;
  return (await namesIn(join(directory, DATABASE_DIRECTORY))).length > 0;
}

async function namesIn(directory: string): Promise<readonly string[]> {
  try {
    return await readdir(directory);
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && cause.code === "ENOENT") return [];
    throw cause;
  }
}
