import { ClusterError } from "../base/index.js";
import type { AuditRecord, Command } from "../domain/index.js";
import { findShard } from "../placement/index.js";
import { sleep, type ShardClock } from "./clock.js";
import type { ShardClient } from "./types.js";

/** Alike refusals of this time are put together. */
const TOGETHER_MS = 10_000;
/** Different refusals that wait to be told; more are counted as one. */
const KINDS_MAX = 256;
/** Records that wait for the shard. More are given up, and that is told. */
const WAITING_MAX = 1_000;
const RECORDS_MAX = 64;
const TIMEOUT_MS = 10_000;
const AGAIN_MS = 1_000;
/** An operator waits no longer for the record of what is about to be done. */
const WAIT_MS = 2_000;
const TEXT_CHARS_MAX = 128;
const UNPRINTABLE = /[^\x20-\x7e]/g;

export interface AuditRecorderOptions {
  readonly shards: Pick<ShardClient, "execute" | "rangeMap">;
  readonly clock: ShardClock;
  /** A request id, so that a record is written once. */
  readonly newId: () => string;
  /** Records that could not be kept, or of which that is not known. */
  readonly lost: (count: number) => void;
}

export type Refusal = Omit<AuditRecord, "count" | "requestId">;

/** What is told in one command. It keeps its id, so that it is in the trail once however often it is told. */
interface Batch {
  readonly requestId: string;
  readonly records: readonly AuditRecord[];
}

/**
 * Writes into the audit trail of the `system` shard what happened without a command of its own: what operators did, and what was
 * refused before the log. A first refusal is told at once; alike ones that follow, together.
 */
export class AuditRecorder {
  readonly #options: AuditRecorderOptions;
  /** Counted since the first of its kind was told. */
  #alike = new Map<string, { readonly record: Refusal; count: number }>();
  #waiting: AuditRecord[] = [];
  /** Of which it is not known whether the shard has taken it. */
  #unanswered: Batch | undefined;
  #sending: Promise<void> | undefined;
  #cancelTold: (() => void) | undefined;
  #cancelAgain: (() => void) | undefined;
  #closed = false;

  constructor(options: AuditRecorderOptions) {
    this.#options = options;
  }

  /** Resolves when the record is in the log, or could not be written yet: nobody waits for ever to repair a cluster. */
  async record(record: Refusal): Promise<void> {
    this.#enqueue({ ...printable(record), requestId: "", count: 1 });
    await Promise.race([this.#sending, sleep(this.#options.clock, WAIT_MS)]);
  }

  refused(refusal: Refusal): void {
    const record = printable(refusal);
    const isKnown = this.#alike.has(JSON.stringify(record));
    const isFull = this.#alike.size >= KINDS_MAX;
    const kept = isKnown || !isFull ? record : { ...record, ...OTHERS };
    const key = JSON.stringify(kept);
    const alike = this.#alike.get(key);
    if (alike !== undefined) {
      alike.count++;
      return;
    }
    this.#alike.set(key, { record: kept, count: 0 });
    this.#enqueue({ ...kept, requestId: "", count: 1 });
    this.#cancelTold ??= this.#options.clock.after(TOGETHER_MS, () => this.#tellAlike());
  }

  /** What waits is given up, and that is told. Idempotent. */
  close(): void {
    this.#closed = true;
    this.#cancelTold?.();
    this.#cancelAgain?.();
    this.#giveUp([...(this.#unanswered?.records ?? []), ...this.#waiting, ...this.#alike.values()]);
    this.#unanswered = undefined;
    this.#waiting = [];
    this.#alike.clear();
  }

  #tellAlike(): void {
    this.#cancelTold = undefined;
    const alike = this.#alike;
    this.#alike = new Map();
    for (const { record, count } of alike.values()) {
      if (count > 0) this.#enqueue({ ...record, requestId: "", count });
    }
  }

  #enqueue(record: AuditRecord): void {
    if (this.#closed || this.#waiting.length >= WAITING_MAX) {
      this.#giveUp([record]);
      return;
    }
    this.#waiting.push(record);
    this.#sending ??= this.#send().finally(() => (this.#sending = undefined));
  }

  /** Never fails: what could not be written waits for another time. */
  async #send(): Promise<void> {
    const { shards } = this.#options;
    const shard = findShard(shards.rangeMap, "system", "");
    while (!this.#closed && shard !== undefined) {
      const batch = this.#unanswered ?? this.#nextBatch();
      if (batch === undefined) return;
      this.#unanswered = undefined;
      const { requestId, records } = batch;
      const command: Command = {
        caller: { kind: "system" },
        requestId,
        fingerprint: "",
        operation: { kind: "record-audit", records },
      };
      try {
        const { reply } = await shards.execute(shard.number, command, { timeoutMs: TIMEOUT_MS });
        if (reply.kind === "refused") this.#giveUp(records);
      } catch (cause) {
        this.#keep(batch, cause);
        this.#tryAgain();
        return;
      }
    }
  }

  #nextBatch(): Batch | undefined {
    if (this.#waiting.length === 0) return undefined;
    return { requestId: this.#options.newId(), records: this.#waiting.splice(0, RECORDS_MAX) };
  }

  #keep(batch: Batch, cause: unknown): void {
    if (this.#closed) {
      this.#giveUp(batch.records);
    } else if (cause instanceof ClusterError && cause.details.outcome === "not_applied") {
      // Under a new id: this one may be too old before the shard can be reached.
      this.#waiting.unshift(...batch.records);
    } else {
      this.#unanswered = batch;
    }
  }

  #giveUp(records: readonly Pick<AuditRecord, "count">[]): void {
    const count = records.reduce((sum, record) => sum + record.count, 0);
    if (count > 0) this.#options.lost(count);
  }

  #tryAgain(): void {
    if (this.#closed) return;
    this.#cancelAgain ??= this.#options.clock.after(AGAIN_MS, () => {
      this.#cancelAgain = undefined;
      this.#sending ??= this.#send().finally(() => (this.#sending = undefined));
    });
  }
}

const OTHERS = { subject: "anonymous", object: "", detail: "others", origin: "" } as const;

/** Texts of a request may be anything: whoever reads the trail is shown characters that do nothing. */
function printable(record: Refusal): Refusal {
  const safe = (text: string): string => text.slice(0, TEXT_CHARS_MAX).replace(UNPRINTABLE, "?");
  return {
    subject: safe(record.subject),
    action: safe(record.action).slice(0, 64),
    object: safe(record.object),
    decision: record.decision,
    detail: safe(record.detail),
    origin: safe(record.origin).slice(0, 64),
  };
}
