import type { AppliedCommand, ShardTruth } from "./shard-truth.js";
import { outcomeOfReply } from "./client.js";
import { EVENT_MODEL } from "./event-model.js";
import type { EventState } from "./event-model.js";
import type { History, Operation, Outcome } from "./history.js";
import { isLinearizable } from "./linearizability.js";
import type { TimedOperation } from "./linearizability.js";
import type { Call } from "./history.js";
import { PromiseBroken } from "./promise-broken.js";

/** Holds what the clients of one shard saw against what was committed there. */
export function judgeHistory(truth: ShardTruth, shard: number, history: History): void {
  const operations = history.operations.filter((operation) => operation.shard === shard);
  const executions = executionsOf(truth.commands);
  requireAcknowledgedOnce(operations, executions);
  requireReadsOfTheirTime(operations, statesOf(truth.commands));
  requireRealTime(operations);
  requireLinearizable(operations, executions);
}

/** What each request did, which it did once at most. */
function executionsOf(commands: readonly AppliedCommand[]): ReadonlyMap<string, AppliedCommand> {
  const executions = new Map<string, AppliedCommand>();
  for (const applied of commands) {
    const { requestId } = applied.command;
    if (requestId === "" || applied.applied.reply.replayed) continue;
    const before = executions.get(requestId);
    if (before !== undefined) {
      throw new PromiseBroken(
        `${requestId} took effect at ${before.index} and again at ${applied.index}`,
      );
    }
    executions.set(requestId, applied);
  }
  return executions;
}

function requireAcknowledgedOnce(
  operations: readonly Operation[],
  executions: ReadonlyMap<string, AppliedCommand>,
): void {
  for (const { requestId, answer } of operations) {
    if (requestId === "" || answer === undefined) continue;
    const execution = executions.get(requestId);
    if (execution === undefined)
      throw new PromiseBroken(`${requestId} was acknowledged and is lost`);
    const truth = JSON.stringify(outcomeOfReply(execution.applied.reply));
    if (truth !== JSON.stringify(answer.outcome)) {
      throw new PromiseBroken(
        `${requestId} came to ${truth}, its client heard ${JSON.stringify(answer.outcome)}`,
      );
    }
  }
}

interface StateAt {
  readonly sequence: number;
  readonly state: EventState;
}

/** Each event's states by the sequence that made them. */
function statesOf(commands: readonly AppliedCommand[]): ReadonlyMap<string, readonly StateAt[]> {
  const states = new Map<string, StateAt[]>();
  const inOrder = [...commands].sort((a, b) => a.index - b.index);
  for (const { applied } of inOrder) {
    for (const { resource, revision } of applied.changes) {
      if (resource.kind !== "event") continue;
      const { id, title, deleteTimeMs } = resource.event;
      const state = { title, revision, deleted: deleteTimeMs !== 0 };
      const ofEvent = states.get(id);
      if (ofEvent === undefined) states.set(id, [{ sequence: revision, state }]);
      else ofEvent.push({ sequence: revision, state });
    }
  }
  return states;
}

/** A read says as of which sequence it is: that is what must have been there then. */
function requireReadsOfTheirTime(
  operations: readonly Operation[],
  states: ReadonlyMap<string, readonly StateAt[]>,
): void {
  for (const { call, event, answer, client } of operations) {
    if (call.kind !== "get" || answer === undefined) continue;
    const then = states.get(event)?.findLast(({ sequence }) => sequence <= answer.sequence)?.state;
    const expected: Outcome = then === undefined ? { kind: "absent" } : { kind: "read", ...then };
    if (!isSameOutcome(expected, answer.outcome)) {
      throw new PromiseBroken(
        `${client} read ${JSON.stringify(answer.outcome)} as of ${answer.sequence}, ` +
          `where ${event} was ${JSON.stringify(expected)}`,
      );
    }
  }
}

function isSameOutcome(a: Outcome, b: Outcome): boolean {
  if (a.kind !== "read" || b.kind !== "read") return a.kind === b.kind;
  return a.title === b.title && a.revision === b.revision && a.deleted === b.deleted;
}

/** Whatever is asked after an answer is answered as of the same sequence or a later one; another write as of a later one. */
function requireRealTime(operations: readonly Operation[]): void {
  const answered = operations.filter(({ answer }) => answer !== undefined);
  const byAnswer = [...answered].sort((a, b) => (a.answer?.at ?? 0) - (b.answer?.at ?? 0));
  const byCall = [...answered].sort((a, b) => a.calledAt - b.calledAt);
  let sequence = 0;
  let next = 0;
  for (const { calledAt, answer, client, call } of byCall) {
    for (; (byAnswer[next]?.answer?.at ?? Infinity) < calledAt; next++) {
      sequence = Math.max(sequence, byAnswer[next]?.answer?.sequence ?? 0);
    }
    if (answer !== undefined && answer.sequence < sequence) {
      throw new PromiseBroken(
        `${client}'s ${call.kind} is as of ${answer.sequence}, after ${sequence} was answered`,
      );
    }
  }
}

function requireLinearizable(
  operations: readonly Operation[],
  executions: ReadonlyMap<string, AppliedCommand>,
): void {
  const byEvent = new Map<string, TimedOperation<Call, Outcome>[]>();
  for (const operation of operations) {
    const timed = timedOperation(operation, executions);
    if (timed === undefined) continue;
    const ofEvent = byEvent.get(operation.event);
    if (ofEvent === undefined) byEvent.set(operation.event, [timed]);
    else ofEvent.push(timed);
  }
  for (const [event, timed] of byEvent) {
    if (!isLinearizable(EVENT_MODEL, timed)) {
      throw new PromiseBroken(
        `the history of ${event} is not linearizable: ${JSON.stringify(timed)}`,
      );
    }
  }
}

/** What nobody heard of is in the log, and then open to the end, or it never happened. */
function timedOperation(
  { call, requestId, calledAt, answer }: Operation,
  executions: ReadonlyMap<string, AppliedCommand>,
): TimedOperation<Call, Outcome> | undefined {
  if (answer !== undefined)
    return { call, answer: answer.outcome, calledAt, answeredAt: answer.at };
  const execution = executions.get(requestId);
  if (execution === undefined) return undefined;
  const outcome = outcomeOfReply(execution.applied.reply);
  return { call, answer: outcome, calledAt, answeredAt: Infinity };
}
