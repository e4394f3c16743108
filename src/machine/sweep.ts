import type { Caller, Operation } from "../domain/index.js";
import { decide } from "../policy/index.js";
import { refuse, WRITES_MAX } from "./draft.js";
import type { Draft, Outcome } from "./draft.js";
import { gather } from "./gather.js";
import { NO_USAGE, REQUEST_WINDOW_MS, TIMED_BYTES_KEPT } from "./idempotency.js";
import { EXPIRY_QUEUES, expiryTarget, expiryTimeMs, keyAfter, KEYS, timeKey } from "./rows.js";
import type { ExpiryQueue, ExpiryRow, RequestUsageRow } from "./rows.js";
import type { KeyRange, StateKey, StateRow } from "./types.js";

type Sweep = Extract<Operation, { kind: "sweep" }>;

/**
 * Names that a sweep answers with: whether the limit ended it, so that another one has work at
 * once.
 */
export const SWEEP_MORE = "sweep/more";
export const SWEEP_DONE = "sweep/done";

/** Rows that one sweep may take away, beside two of its own: two or three an entry. */
const ROWS_MAX = WRITES_MAX - 2;
const ROWS_MIN = 3;

/**
 * Takes away what has expired by log time, at most `limit` rows, oldest first in each queue, and
 * the oldest outcomes of requests while they take too much. Says nothing on the feed: an event was
 * reported when it was deleted.
 */
export function sweep(draft: Draft, caller: Caller, operation: Sweep): Outcome {
  if (decide(caller, "shard.sweep", { kind: "none" }).kind === "deny") {
    return refuse("permission-denied", "only the cluster sweeps");
  }
  const bounds = draft.find(draft.rows.sweepBounds, KEYS.sweepBounds)?.starts ?? [];
  const usageBefore = draft.find(draft.rows.requestUsage, KEYS.requestUsage) ?? NO_USAGE;
  let rowsLeft = Math.min(Math.max(operation.limit, ROWS_MIN), ROWS_MAX);
  const rangeOf = (queue: ExpiryQueue, i: number): KeyRange =>
    queueRange(queue, bounds[i], usageBefore, draft.nowMs, rowsLeft);
  const queues = EXPIRY_QUEUES.map((queue, i) => ({
    queue,
    start: bounds[i] ?? `${queue.prefix}/`,
    range: rangeOf(queue, i),
  }));
  gather(draft.view, { keys: [], ranges: queues.map(({ range }) => range) });

  const starts: StateKey[] = [];
  let usage = usageBefore;
  let isMore = false;
  for (const { queue, start, range } of queues) {
    let next = start;
    for (const row of draft.view.range(range)) {
      if (!isDue(queue, row, usage, draft.nowMs)) break;
      const expiry = draft.rows.expiry.decode(row.value);
      rowsLeft -= 2 + expiry.keys.length;
      if (rowsLeft < 0) {
        isMore = true;
        break;
      }
      takeAway(draft, queue, row.key, expiry);
      usage = freed(queue, row.key, expiry, usage);
      next = nextStart(queue, row.key, draft.nowMs);
    }
    starts.push(next);
  }

  if (draft.writes.length > 0) draft.put(draft.rows.sweepBounds, KEYS.sweepBounds, { starts });
  if (usage !== usageBefore) draft.put(draft.rows.requestUsage, KEYS.requestUsage, usage);
  return { kind: "done", name: isMore ? SWEEP_MORE : SWEEP_DONE, revision: 0 };
}

/** Due entries alone, but for requests when they take too much. An entry has two rows or more. */
function queueRange(
  queue: ExpiryQueue,
  bound: StateKey | undefined,
  usage: RequestUsageRow,
  nowMs: number,
  rows: number,
): KeyRange {
  const early = queue.prefix === "rx" && usage.timedBytes > TIMED_BYTES_KEPT;
  const end = early ? "rx0" : `${queue.prefix}/${timeKey(nowMs + 1)}`;
  const start = bound ?? `${queue.prefix}/`;
  return { start: start < end ? start : end, end, limit: Math.floor(rows / 2) + 1 };
}

function isDue(queue: ExpiryQueue, row: StateRow, usage: RequestUsageRow, nowMs: number): boolean {
  if (expiryTimeMs(queue, row.key) <= nowMs) return true;
  return queue.prefix === "rx" && usage.timedBytes > TIMED_BYTES_KEPT;
}

function takeAway(draft: Draft, queue: ExpiryQueue, entryKey: StateKey, expiry: ExpiryRow): void {
  draft.delete(entryKey);
  draft.delete(expiryTarget(queue, entryKey));
  for (const key of expiry.keys) draft.delete(key);
}

function freed(
  queue: ExpiryQueue,
  entryKey: StateKey,
  { bytes }: ExpiryRow,
  usage: RequestUsageRow,
): RequestUsageRow {
  switch (queue.prefix) {
    case "rx": {
      // The id is from before this, for its outcome was to be kept until it is too old.
      const floorMs = expiryTimeMs(queue, entryKey) - REQUEST_WINDOW_MS;
      return {
        ...usage,
        timedBytes: usage.timedBytes - bytes,
        floorMs: Math.max(usage.floorMs, floorMs),
      };
    }
    case "ry":
      return { ...usage, opaqueBytes: usage.opaqueBytes - bytes };
    case "sx":
    case "ep":
    case "nx":
    case "up":
    case "gp":
    case "gq":
    case "gx":
    case "tx":
    case "ty":
      return usage;
  }
}

/**
 * No later entry comes before this: what expires later than now is written later than now, but for
 * outcomes that went early, where later ones come at least a window after now.
 */
function nextStart(queue: ExpiryQueue, removed: StateKey, nowMs: number): StateKey {
  const after = keyAfter(removed);
  if (queue.prefix !== "rx") return after;
  const later = `rx/${timeKey(nowMs + REQUEST_WINDOW_MS)}`;
  return after < later ? after : later;
}
