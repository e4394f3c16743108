import { assert } from "../base/index.js";
import type { Caller, Operation, OutboxPage, Question } from "../domain/index.js";
import { decide } from "../policy/index.js";
import { refuse } from "./draft.js";
import type { Draft, Outcome } from "./draft.js";
import { receive } from "./receive.js";
import { KEYS } from "./rows.js";
import type { StateReader } from "./state-reader.js";
import type { KeyRange } from "./types.js";

type Deliver = Extract<Operation, { kind: "deliver" }>;
type SettleOutbox = Extract<Operation, { kind: "settle-outbox" }>;

/** Rows that one command marks as done. */
export const SETTLED_MAX = 500;
const PAGE_ROWS_MAX = 256;

/** A row of another shard's outbox, once: numbers tell what came before, and what is missing. */
export function deliver(draft: Draft, caller: Caller, operation: Deliver): Outcome {
  const { source, epoch, number, delivery } = operation;
  if (decide(caller, "outbox.deliver", { kind: "none" }).kind === "deny") {
    return refuse("permission-denied", "only the cluster delivers");
  }
  const key = KEYS.inbox(source, epoch);
  const last = draft.find(draft.rows.inbox, key)?.last ?? 0;
  const name = `outbox/${source}/${number}`;
  if (number <= last) return { kind: "done", name, revision: 0 };
  if (number !== last + 1) {
    return refuse("failed-precondition", `${name} comes before its turn: ${last + 1} is next`);
  }
  receive(draft, delivery);
  draft.put(draft.rows.inbox, key, { last: number });
  return { kind: "done", name, revision: 0 };
}

/** Done rows go; what was done before is no fault. */
export function settleOutbox(draft: Draft, caller: Caller, operation: SettleOutbox): Outcome {
  const { target, upTo } = operation;
  if (decide(caller, "outbox.settle", { kind: "none" }).kind === "deny") {
    return refuse("permission-denied", "only the cluster marks deliveries as done");
  }
  const lane = draft.find(draft.rows.outboxLane, KEYS.outboxLane(target)) ?? { last: 0, done: 0 };
  const done = Math.min(upTo, lane.last, lane.done + SETTLED_MAX);
  const outcome = { kind: "done", name: `outbox/${target}/${done}`, revision: 0 } as const;
  if (done <= lane.done) return outcome;
  for (let n = lane.done + 1; n <= done; n++) draft.delete(KEYS.outboxRow(target, n));
  draft.put(draft.rows.outboxLane, KEYS.outboxLane(target), { ...lane, done });
  return outcome;
}

/** What waits for a target, from the first row that is not done. */
export function readOutbox(
  state: StateReader,
  question: Extract<Question, { kind: "list-outbox" }>,
): OutboxPage {
  const { target, after, pageSize } = question;
  const lane = state.find(state.rows.outboxLane, KEYS.outboxLane(target)) ?? { last: 0, done: 0 };
  const first = Math.max(after, lane.done) + 1;
  if (first > lane.last) return { ...lane, entries: [] };
  const range: KeyRange = {
    start: KEYS.outboxRow(target, first),
    end: KEYS.outboxRow(target, lane.last + 1),
    limit: Math.min(Math.max(pageSize, 1), PAGE_ROWS_MAX),
  };
  const entries = state.view.range(range).map(({ key, value }, i) => {
    assert(key === KEYS.outboxRow(target, first + i), `outbox: ${key} out of order`);
    return { number: first + i, ...state.rows.outboxRow.decode(value) };
  });
  return { ...lane, entries };
}
