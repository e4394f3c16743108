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
  /** Records that could not be kept. */
  readonly lost: (count: number) => void;
}

export type Refusal = Omit<AuditRecord, "count" | "requestId">;

/**
 * Writes into the audit trail of the `system` shard what happened without a command of its own: what operators did, and what was
 * refused before the log. A first refusal is told at once; alike ones that follow, together.
 */
export class AuditRecorder {
  readonly #options: AuditRecorderOptions;
  /** Counted since the first of its kind was told. */
  #alike = new Map<string, { readonly record: Refusal; count: number }>();
  #waiting: AuditRecord[] = [];
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

  /** What waits is given up. Idempotent. */
  close(): void {
    this.#closed = true;
    this.#cancelTold?.();
    this.#cancelAgain?.();
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
    if (this.#waiting.length >= WAITING_MAX) {
      this.#options.lost(record.count);
      return;
    }
    this.#waiting.push(record);
    this.#sending ??= this.#send().finally(() => (this.#sending = undefined));
  }

  /** Never fails: what could not be written waits for another time. */
  async #send(): Promise<void> {
    const { shards, newId } = this.#options;
    const shard = findShard(shards.rangeMap, "system", "");
    while (this.#waiting.length > 0 && !this.#closed && shard !== undefined) {
      const records = this.#waiting.splice(0, RECORDS_MAX);
      const command: Command = {
        caller: { kind: "system" },
        requestId: newId(),
        fingerprint: "",
        operation: { kind: "record-audit", records },
      };
      try {
        await shards.execute(shard.number, command, { timeoutMs: TIMEOUT_MS });
      } catch {
        this.#waiting.unshift(...records);
        this.#tryAgain();
        return;
      }
    }
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
