import type { Caller, Operation } from "../domain/index.js";
import { decide } from "../policy/index.js";
import { refuse } from "./draft.js";
import type { Draft, Outcome } from "./draft.js";
import { gather } from "./gather.js";
import { REQUEST_WINDOW_MS, TIMED_BYTES_KEPT } from "./idempotency.js";
import { EXPIRY_QUEUES, expiryTarget, expiryTimeMs, keyAfter, KEYS, timeKey } from "./rows.js";
import type { ExpiryQueue, RequestUsageRow } from "./rows.js";
import type { KeyRange, StateKey, StateRow } from "./types.js";

type Sweep = Extract<Operation, { kind: "sweep" }>;

/** Names that a sweep answers with: whether the limit ended it, so that another one has work at once. */
export const SWEEP_MORE = "sweep/more";
export const SWEEP_DONE = "sweep/done";

/** Entries that one sweep may take away: at most three rows each, and two of its own. */
const ENTRIES_MAX = 300;
const NO_USAGE: RequestUsageRow = { timedBytes: 0, opaqueBytes: 0, floorMs: 0 };

/**
 * Takes away what has expired by log time, at most `limit` entries, oldest first in each queue, and the oldest outcomes of
 * requests while they take too much. Says nothing on the feed: an event was reported when it was deleted.
 */
export function sweep(draft: Draft, caller: Caller, operation: Sweep): Outcome {
  if (decide(caller, "shard.sweep", { kind: "none" }).kind === "deny") {
    return refuse("permission-denied", "only the cluster sweeps");
  }
  const limit = Math.min(Math.max(operation.limit, 1), ENTRIES_MAX);
  const bounds = draft.find(draft.rows.sweepBounds, KEYS.sweepBounds)?.starts ?? [];
  const usageBefore = draft.find(draft.rows.requestUsage, KEYS.requestUsage) ?? NO_USAGE;
  const ranges = EXPIRY_QUEUES.map((queue, i) => queueRange(queue, bounds[i], draft.nowMs, limit));
  gather(draft.view, { keys: [], ranges });

  const starts: StateKey[] = [];
  let usage = usageBefore;
  let left = limit;
  let more = false;
  EXPIRY_QUEUES.forEach((queue, i) => {
    const range = ranges[i];
    let start = bounds[i] ?? `${queue.prefix}/`;
    for (const row of range === undefined ? [] : draft.view.range(range)) {
      if (!isDue(queue, row, usage, draft.nowMs)) break;
      if (left === 0) {
        more = true;
        break;
      }
      left--;
      usage = takeAway(draft, queue, row, usage);
      start = nextStart(queue, row.key, draft.nowMs);
    }
    starts.push(start);
  });

  if (left < limit) draft.put(draft.rows.sweepBounds, KEYS.sweepBounds, { starts });
  if (usage !== usageBefore) draft.put(draft.rows.requestUsage, KEYS.requestUsage, usage);
  return { kind: "done", name: more ? SWEEP_MORE : SWEEP_DONE, revision: 0 };
}

/** Due entries alone, but for requests that may have to go early. */
function queueRange(
  queue: ExpiryQueue,
  bound: StateKey | undefined,
  nowMs: number,
  limit: number,
): KeyRange {
  const end = queue.prefix === "rx" ? "rx0" : `${queue.prefix}/${timeKey(nowMs + 1)}`;
  const start = bound ?? `${queue.prefix}/`;
  return { start: start < end ? start : end, end, limit: limit + 1 };
}

function isDue(queue: ExpiryQueue, row: StateRow, usage: RequestUsageRow, nowMs: number): boolean {
  if (expiryTimeMs(queue, row.key) <= nowMs) return true;
  return queue.prefix === "rx" && usage.timedBytes > TIMED_BYTES_KEPT;
}

function takeAway(
  draft: Draft,
  queue: ExpiryQueue,
  row: StateRow,
  usage: RequestUsageRow,
): RequestUsageRow {
  const { keys, bytes } = draft.rows.expiry.decode(row.value);
  draft.delete(row.key);
  draft.delete(expiryTarget(queue, row.key));
  for (const key of keys) draft.delete(key);
  switch (queue.prefix) {
    case "rx": {
      // The id is not from after this, for it was kept for a window from then on.
      const floorMs = expiryTimeMs(queue, row.key) - REQUEST_WINDOW_MS + 1;
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
      return usage;
  }
}

/**
 * No later entry comes before this: what expires later than now is written later than now, but for outcomes that went early,
 * where later ones come at least a window after now.
 */
function nextStart(queue: ExpiryQueue, removed: StateKey, nowMs: number): StateKey {
  const after = keyAfter(removed);
  if (queue.prefix !== "rx") return after;
  const later = `rx/${timeKey(nowMs + REQUEST_WINDOW_MS)}`;
  return after < later ? after : later;
}
