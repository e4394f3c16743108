import { assert } from "../base/index.js";
import type { Change, ChangeKind, Resource } from "../domain/index.js";
import type { ErrorCode } from "../base/index.js";
import type { RowCodecs } from "./rows.js";
import { StateReader } from "./state-reader.js";
import type { ApplyContext, RowCodec, StateKey, View, Write } from "./types.js";

/** A command touches no more rows than this: a batch is atomic, so it has to be small. */
export const WRITES_MAX = 1_000;
const OUTCOME_ROWS = 3;

/** What an operation came to. */
export type Outcome =
  | {
      readonly kind: "done";
      readonly name: string;
      readonly revision: number;
      readonly resource?: Resource;
    }
  | Refusal;

export interface Refusal {
  readonly kind: "refused";
  readonly code: ErrorCode;
  readonly message: string;
}

export function refuse(code: ErrorCode, message: string): Refusal {
  return { kind: "refused", code, message };
}

/** Absent and forbidden say the same. */
export function refuseNotFound(name: string): Refusal {
  return refuse("not-found", `${name} was not found`);
}

export function refuseStale(name: string): Refusal {
  return refuse("stale-etag", `${name} has changed since: read it again, then write`);
}

/**
 * What one command writes, in order. Reads see the state before the command: no row is read after
 * it was written.
 */
export class Draft extends StateReader {
  readonly context: ApplyContext;
  readonly writes: Write[] = [];
  readonly changes: Change[] = [];

  constructor(context: ApplyContext, rows: RowCodecs, view: View) {
    super(rows, view);
    this.context = context;
  }

  get nowMs(): number {
    return this.context.timeMs;
  }

  /** Revision of the next change, and so of what it writes. */
  get nextRevision(): number {
    return this.context.sequence + this.changes.length + 1;
  }

  /** Sequence of the last change so far. */
  get sequence(): number {
    return this.context.sequence + this.changes.length;
  }

  put<Row>(codec: RowCodec<Row>, key: StateKey, row: Row): void {
    this.putBytes(key, codec.encode(row));
  }

  putBytes(key: StateKey, value: Uint8Array): void {
    this.#write({ key, value });
  }

  delete(key: StateKey): void {
    this.#write({ key, value: undefined });
  }

  /** Whether so many rows more fit the command, beside those that remember its outcome. */
  hasRoom(rows: number): boolean {
    return this.writes.length + rows <= WRITES_MAX - OUTCOME_ROWS;
  }

  /** Nothing is written after all: a refusal changes nothing. */
  discard(): void {
    this.writes.length = 0;
    this.changes.length = 0;
  }

  /** One change for a resource that was written at `nextRevision`. */
  change(change: {
    readonly kind: ChangeKind;
    readonly channel: string;
    readonly audience: readonly string[];
    readonly resourceName: string;
    readonly resource: Resource;
  }): void {
    const { kind, channel, audience, resourceName, resource } = change;
    const revision = this.nextRevision;
    this.changes.push({ kind, channel, audience, resourceName, revision, resource });
  }

  #write(write: Write): void {
    assert(this.writes.length < WRITES_MAX, "a command writes too many rows");
    this.writes.push(write);
  }
}
