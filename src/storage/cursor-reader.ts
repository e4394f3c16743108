import { ClusterError } from "../base/index.js";
import type { ReplicaId } from "../raft/index.js";
import { DamageError } from "./damage.js";
import type { EngineCursor, EngineRow } from "./engine.js";
import type { ReadSlots } from "./read-slots.js";

/** Takes the pages of a cursor, each through a read slot of its replica. */
export class CursorReader {
  readonly #cursor: EngineCursor;
  readonly #slots: ReadSlots;
  readonly #replica: ReplicaId;

  constructor(cursor: EngineCursor, slots: ReadSlots, replica: ReplicaId) {
    this.#cursor = cursor;
    this.#slots = slots;
    this.#replica = replica;
  }

  /** Undefined at the end. */
  nextPage(): Promise<readonly EngineRow[] | undefined> {
    return new Promise((resolve, reject) => {
      this.#slots.run(this.#replica, (release) => {
        this.#cursor.nextPage((error, rows) => {
          release();
          if (error) reject(readFailure(error));
          else resolve(rows);
        });
      });
    });
  }

  /** Calls `take` with each row until it returns false or the rows end; then the cursor is gone. */
  async drain(take: (row: EngineRow) => boolean): Promise<void> {
    try {
      for (let page = await this.nextPage(); page !== undefined; page = await this.nextPage()) {
        for (const row of page) if (!take(row)) return;
      }
    } finally {
      this.end();
    }
  }

  /** Not while a page is read. */
  seek(key: Buffer): void {
    this.#cursor.seek(key);
  }

  end(): void {
    this.#cursor.end();
  }
}

/** RocksDB says "Corruption" of a block that is not what it wrote, and "IO error" of a disk that does not answer. */
export function readFailure(cause: Error): ClusterError {
  if (/^corruption/i.test(cause.message)) {
    return new DamageError(`a block of the database is damaged (${cause.message})`, cause);
  }
  return new ClusterError(
    "corrupt-storage",
    `reading from the store failed (${cause.message}): check the disk`,
    {},
    cause,
  );
}
