import { ClusterError } from "../base/index.js";
import { DamageError } from "./damage.js";

/** Whether the store takes calls: open until it is closed, or until the first write that failed. */
export class StoreHealth {
  #failure: ClusterError | undefined;
  #closing = false;
  readonly #onFatal: (error: ClusterError) => void;

  constructor(onFatal: (error: ClusterError) => void) {
    this.#onFatal = onFatal;
  }

  get failed(): boolean {
    return this.#failure !== undefined;
  }

  /** Throws where no call may begin. */
  check(): void {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#closing) throw new ClusterError("stopping", "the store is closed");
  }

  /** Something still under way goes on while the store closes, but not after a failure. */
  checkNotFailed(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Awaits a write; where it fails, that is the end of the store. */
  async writing<T>(write: Promise<T>): Promise<T> {
    try {
      return await write;
    } catch (error) {
      throw this.fail(error);
    }
  }

  close(): void {
    this.#closing = true;
  }

  /**
   * A failed write is final, whatever later ones would say: RocksDB reports success for synced
   * writes after a failed fsync. So is damage that was found and noted. Returns the error that
   * every call gets from now on.
   */
  fail(cause: unknown): ClusterError {
    if (this.#failure !== undefined) return this.#failure;
    const why = cause instanceof Error ? cause.message : String(cause);
    this.#failure = cause instanceof DamageError ? damaged(cause) : failedWrite(why, cause);
    this.#onFatal(this.#failure);
    return this.#failure;
  }
}

function damaged(cause: DamageError): ClusterError {
  return new ClusterError(
    "corrupt-storage",
    `${cause.message}: the replica is rebuilt from a leader's snapshot when the process starts again`,
    { outcome: "unknown" },
    cause,
  );
}

function failedWrite(why: string, cause: unknown): ClusterError {
  return new ClusterError(
    "corrupt-storage",
    `the store's disk failed (${why}): whether the last write is there is unknown; check the ` +
      "disk and start the process again",
    { outcome: "unknown" },
    cause,
  );
}
