import { readdir, stat, statfs } from "node:fs/promises";
import { join } from "node:path";
import RocksDb from "rocksdb";
import { assert, ClusterError } from "../base/index.js";
import type { StoreUsage } from "../runtime/index.js";
import type {
  CursorRange,
  Engine,
  EngineBatch,
  EngineCursor,
  EngineRow,
  Failure,
} from "./engine.js";

/** Bytes of one page of a cursor, about. */
const PAGE_BYTES = 256 * 1024;
/**
 * A native batch keeps its memory for the next one; one that grew larger is left to the collector.
 */
const REUSED_BATCH_BYTES = 4 * 1024 * 1024;
const REUSED_BATCHES_MAX = 4;
/** RocksDB compacts at most so much at once: 25 files of 64 MiB (max_compaction_bytes). */
const COMPACTION_BYTES_MAX = 25 * 64 * 1024 * 1024;

type NativeBatch = ReturnType<RocksDb["_chainedBatch"]>;
type NativeIterator = ReturnType<RocksDb["iterator"]>;

export interface RocksDbSizes {
  readonly writeBufferBytes: number;
  readonly cacheBytes: number;
}

export class RocksDbEngine implements Engine {
  readonly #directory: string;
  readonly #db: RocksDb;
  readonly #writeBufferBytes: number;
  readonly #freeBatches: NativeBatch[] = [];
  /** An iterator that failed is never released by the binding, and its close then never returns. */
  #stuckIterator = false;

  private constructor(directory: string, writeBufferBytes: number, db: RocksDb) {
    this.#directory = directory;
    this.#writeBufferBytes = writeBufferBytes;
    this.#db = db;
  }

  static async open(directory: string, sizes: RocksDbSizes): Promise<RocksDbEngine> {
    const db = new RocksDb(directory);
    const options = {
      createIfMissing: true,
      writeBufferSize: sizes.writeBufferBytes,
      cacheSize: sizes.cacheBytes,
    };
    await new Promise<void>((resolve, reject) => {
      db.open(options, (error) => {
        if (error) reject(openFailure(directory, error));
        else resolve();
      });
    });
    return new RocksDbEngine(directory, sizes.writeBufferBytes, db);
  }

  batch(): EngineBatch {
    const native = this.#freeBatches.pop() ?? this.#db._chainedBatch();
    let bytes = 0;
    return {
      put: (key, value) => {
        bytes += key.length + value.length;
        native._put(key, value);
      },
      del: (key) => {
        bytes += key.length;
        native._del(key);
      },
      write: (sync, callback) => {
        native._write({ sync }, (error) => {
          this.#recycle(native, bytes);
          callback(error ?? undefined);
        });
      },
    };
  }

  get(key: Buffer, callback: (error: Failure, value: Buffer | undefined) => void): void {
    this.#db.get(key, (error, value) => {
      if (!error) callback(undefined, value);
      else if (/notfound/i.test(error.message)) callback(undefined, undefined);
      else callback(error, undefined);
    });
  }

  cursor(range: CursorRange): EngineCursor {
    const iterator = this.#db.iterator({
      gte: range.gte,
      lt: range.lt,
      limit: range.limit ?? -1,
      reverse: range.reverse ?? false,
      values: range.values ?? true,
      highWaterMark: range.pageBytes ?? PAGE_BYTES,
    });
    return new RocksDbCursor(iterator, () => (this.#stuckIterator = true));
  }

  async usage(): Promise<StoreUsage> {
    const { bavail, bsize } = await statfs(this.#directory);
    const names = await readdir(this.#directory);
    const sizes = await Promise.all(names.map((name) => fileSize(join(this.#directory, name))));
    const storeBytes = sizes.reduce((sum, size) => sum + size, 0);
    const workingBytes = 2 * this.#writeBufferBytes + Math.min(storeBytes, COMPACTION_BYTES_MAX);
    return { freeBytes: bavail * bsize, storeBytes, workingBytes };
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve, reject) => {
      this.#db.close((error) => {
        if (error) reject(error);
        else resolve();
      });
    });
    if (!this.#stuckIterator) await closed;
  }

  #recycle(native: NativeBatch, bytes: number): void {
    if (bytes > REUSED_BATCH_BYTES || this.#freeBatches.length >= REUSED_BATCHES_MAX) return;
    native._clear();
    this.#freeBatches.push(native);
  }
}

class RocksDbCursor implements EngineCursor {
  readonly #iterator: NativeIterator;
  readonly #stuck: () => void;
  #reading = false;
  #ended = false;
  #failed = false;

  constructor(iterator: NativeIterator, stuck: () => void) {
    this.#iterator = iterator;
    this.#stuck = stuck;
  }

  nextPage(callback: (error: Failure, rows: readonly EngineRow[] | undefined) => void): void {
    if (this.#ended) {
      callback(new Error("the cursor has ended"), undefined);
      return;
    }
    this.#reading = true;
    this.#iterator.nextPage((error, rows) => {
      this.#reading = false;
      if (error) {
        this.#failed = true;
        this.#stuck();
        callback(error, undefined);
        return;
      }
      if (this.#ended) this.#release();
      callback(undefined, rows);
    });
  }

  seek(key: Buffer): void {
    assert(!this.#reading, "a cursor moves between two pages");
    if (!this.#ended && !this.#failed) this.#iterator.seek(key);
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    if (!this.#reading) this.#release();
  }

  #release(): void {
    if (!this.#failed) this.#iterator.end(() => undefined);
  }
}

async function fileSize(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch {
    return 0; // compaction removed it meanwhile
  }
}

function openFailure(directory: string, error: Error): ClusterError {
  if (/\block\b/i.test(error.message)) {
    return new ClusterError(
      "failed-precondition",
      `another process uses ${directory}: stop it, or give this node a directory of its own`,
      {},
      error,
    );
  }
  return new ClusterError(
    "corrupt-storage",
    `${directory} cannot be opened (${error.message}): repair the disk, or remove the node's ` +
      `whole data directory so that it joins as a new one`,
    {},
    error,
  );
}
