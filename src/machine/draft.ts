import { assert } from "../base/index.js";
import type { AuditHead, Change, Delivery, Resource } from "../domain/index.js";
import type { ErrorCode } from "../base/index.js";
import { findShard } from "../placement/index.js";
import type { Collection, RangeMap, ShardNumber } from "../placement/index.js";
import { indexOf } from "./calendar-index.js";
import { KEYS } from "./rows.js";
import type { CalendarIndexRow, OutboxLaneRow, RowCodecs } from "./rows.js";
import { StateReader } from "./state-reader.js";
import type { ApplyContext, RowCodec, StateKey, View, Write } from "./types.js";

/** A command touches no more rows than this: a batch is atomic, so it has to be small. */
export const WRITES_MAX = 1_000;
/** Three to remember the outcome, two of the audit trail. */
const OWN_ROWS = 5;

/**
 * Rows that wait for one shard. More work for it is refused; what comes of work that was taken before is not, for a shard that
 * waits for room in another, which waits for room in it, would wait for ever.
 */
export const OUTBOX_ROWS_MAX = 100_000;

/** Not an error: the command is refused as a whole, and nothing of it is written. */
export class OutboxFull extends Error {
  override readonly name = "OutboxFull";
}

/** Not an error: what the command asks for does not fit one batch, and nothing of it is written. */
export class CommandTooLarge extends Error {
  override readonly name = "CommandTooLarge";
}

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
  /** Where the audit trail stands by this command, before its own entry is added to it. */
  auditHead: AuditHead | undefined;

  readonly #rangeMap: RangeMap;
  readonly #isBounded: boolean;
  /** Entries that it wrote into the audit trail. */
  audited = 0;
  /** As this command leaves them. */
  readonly #lanes = new Map<ShardNumber, OutboxLaneRow>();
  readonly #indexes = new Map<string, CalendarIndexRow>();

  constructor(
    context: ApplyContext,
    rows: RowCodecs,
    view: View,
    options: { readonly rangeMap: RangeMap; readonly boundsOutbox: boolean },
  ) {
    super(rows, view);
    this.context = context;
    this.#rangeMap = options.rangeMap;
    this.#isBounded = options.boundsOutbox;
  }

  /** Shards that this command has something for. */
  get posted(): readonly ShardNumber[] {
    return [...this.#lanes.keys()];
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

  /** Whether so many rows more fit the command, beside those of its outcome and its audit. */
  hasRoom(rows: number): boolean {
    return this.writes.length + rows <= WRITES_MAX - OWN_ROWS;
  }

  /** Nothing is written after all: a refusal changes nothing. */
  discard(): void {
    this.writes.length = 0;
    this.changes.length = 0;
    this.auditHead = undefined;
    this.audited = 0;
    this.#lanes.clear();
    this.#indexes.clear();
  }

  /** For the shard that owns a key: it comes there after everything that was posted before. */
  postTo(collection: Collection, key: string, delivery: Delivery): void {
    this.#post(this.shardOf(collection, key), delivery);
  }

  /** For all shards of a collection. */
  postToAll(collection: Collection, delivery: Delivery): void {
    for (const shard of this.#rangeMap.shards) {
      if (shard.collection === collection) this.#post(shard.number, delivery);
    }
  }

  /** Number of the shard that owns a key. */
  shardOf(collection: Collection, key: string): ShardNumber {
    const shard = findShard(this.#rangeMap, collection, key);
    assert(shard !== undefined, `no shard owns ${collection}/${key}`);
    return shard.number;
  }

  /** Adds to what a calendar's index says; by several events of one command, all that they add. */
  noteIndex(calendar: string, added: Partial<CalendarIndexRow>): void {
    const row = this.#indexes.get(calendar) ?? indexOf(this, calendar);
    const [classes, further] = [added.classes ?? [], added.further ?? []];
    const isKnown =
      classes.every((name) => row.classes.includes(name)) &&
      further.every((key) => row.further.includes(key));
    if (isKnown) return;
    this.#indexes.set(calendar, {
      classes: [...new Set([...row.classes, ...classes])].sort(),
      further: [...new Set([...row.further, ...further])].sort(),
    });
  }

  /** Once, at the end: what all of the command came to, how far the numbers were given among it. */
  close(): void {
    for (const [calendar, row] of this.#indexes) {
      this.put(this.rows.calendarIndex, KEYS.calendarIndex(calendar), row);
    }
    for (const [target, lane] of this.#lanes) {
      this.put(this.rows.outboxLane, KEYS.outboxLane(target), lane);
    }
  }

  #post(target: ShardNumber, delivery: Delivery): void {
    const before = this.#lanes.get(target) ??
      this.find(this.rows.outboxLane, KEYS.outboxLane(target)) ?? { last: 0, done: 0 };
    if (this.#isBounded && before.last - before.done >= OUTBOX_ROWS_MAX) throw new OutboxFull();
    const last = before.last + 1;
    const row = { timeMs: this.nowMs, delivery };
    this.put(this.rows.outboxRow, KEYS.outboxRow(target, last), row);
    this.#lanes.set(target, { ...before, last });
  }

  /** One change for a resource that was written at `nextRevision`. */
  change(change: Omit<Change, "revision">): void {
    this.changes.push({ ...change, revision: this.nextRevision });
  }

  #write(write: Write): void {
    if (this.writes.length === WRITES_MAX) throw new CommandTooLarge();
    this.writes.push(write);
  }
}
