/**
 * What this folder uses of the binding (an abstract-leveldown store; its own files are the
 * reference).
 */
declare module "rocksdb" {
  type Failure = Error | null | undefined;

  interface Iterator {
    /** Rows in order; undefined after the last one. The binding reads one row first, then pages. */
    nextPage(callback: (error: Failure, rows?: [Buffer, Buffer][]) => void): void;
    /** Within the same snapshot and range; reads from the disk before it returns. */
    seek(key: Buffer): void;
    /**
     * Releases the snapshot. Not called back, and not to be waited for, after a failed `nextPage`.
     */
    end(callback: (error: Failure) => void): void;
  }

  interface IteratorOptions {
    gte: Buffer;
    lt: Buffer;
    limit: number;
    reverse: boolean;
    values: boolean;
    highWaterMark: number;
  }

  /** The methods with an underscore are those without checks; key and value are copied at once. */
  interface ChainedBatch {
    _put(key: Buffer, value: Buffer): void;
    _del(key: Buffer): void;
    _clear(): void;
    _write(options: { sync: boolean }, callback: (error: Failure) => void): void;
  }

  interface OpenOptions {
    createIfMissing: boolean;
    writeBufferSize: number;
    cacheSize: number;
  }

  class RocksDb {
    constructor(location: string);
    open(options: OpenOptions, callback: (error: Failure) => void): void;
    close(callback: (error: Failure) => void): void;
    get(key: Buffer, callback: (error: Failure, value: Buffer) => void): void;
    /** Takes its snapshot now. */
    iterator(options: IteratorOptions): Iterator;
    _chainedBatch(): ChainedBatch;
  }

  export = RocksDb;
}
