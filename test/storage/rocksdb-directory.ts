import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openRocksDbStore } from "../../src/storage/index.js";
import type { RocksDbStoreOptions } from "../../src/storage/index.js";
import type { Store } from "../../src/runtime/index.js";

const SMALL_BYTES = 4 * 1024 * 1024;

/** A directory for one test's store. */
export class StoreDirectory {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  static async create(): Promise<StoreDirectory> {
    return new StoreDirectory(await mkdtemp(join(tmpdir(), "store-")));
  }

  open(options: Partial<RocksDbStoreOptions> = {}): Promise<Store> {
    return openRocksDbStore({ directory: this.path, cacheBytes: SMALL_BYTES, ...options });
  }

  dispose(): Promise<void> {
    return rm(this.path, { recursive: true, force: true });
  }
}
