import type { StoreUsage } from "../runtime/index.js";

export type EngineRow = readonly [key: Buffer, value: Buffer];

export type Failure = Error | undefined;

/** Changes that happen together. Key and value are copied before `put` and `del` return. */
export interface EngineBatch {
  put(key: Buffer, value: Buffer): void;
  del(key: Buffer): void;
  /** Once; the batch must not be used afterwards. Durable at the callback if `sync`. */
  write(sync: boolean, callback: (error: Failure) => void): void;
}

export interface CursorRange {
  readonly gte: Buffer;
  readonly lt: Buffer;
  /** Rows at most; -1 is all. */
  readonly limit?: number;
  readonly reverse?: boolean;
  /** False leaves the values empty. */
  readonly values?: boolean;
  /** Of keys and values, about as much as a page has; 256 KiB where nothing is said. */
  readonly pageBytes?: number;
}

/** Rows of a range as of the moment when the cursor was made. One `nextPage` at a time. */
export interface EngineCursor {
  /** Undefined after the last page; a page may be empty. */
  nextPage(callback: (error: Failure, rows: readonly EngineRow[] | undefined) => void): void;
  /** The next page begins at this key, or at the first after it. Not while a page is read. */
  seek(key: Buffer): void;
  end(): void;
}

/**
 * An ordered store of bytes: what this folder needs of RocksDB, so that everything above it also
 * runs on memory. Batches take effect in the order in which `write` was called where the earlier
 * was called back before.
 */
export interface Engine {
  batch(): EngineBatch;
  /** Reads the newest value at some moment before the callback: there is no snapshot. */
  get(key: Buffer, callback: (error: Failure, value: Buffer | undefined) => void): void;
  cursor(range: CursorRange): EngineCursor;
  usage(): Promise<StoreUsage>;
  /** Ends open cursors; what is under way must have ended. */
  close(): Promise<void>;
}

export function commit(batch: EngineBatch, sync: boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    batch.write(sync, (error) => {
      if (error) reject(error);
      else resolve();
    });
  });
}
