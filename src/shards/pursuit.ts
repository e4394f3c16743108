import { ClusterError, type CancelSignal, type ErrorDetails } from "../base/index.js";
import type { ShardNumber } from "../placement/index.js";
import type { ShardFailure, ShardOperation } from "../wire/index.js";
import { sleep, type ShardClock } from "./clock.js";
import type { Attempt } from "./execute-link.js";
import type { Leaders } from "./leaders.js";
import type { ShardObserver } from "./observer.js";
import type { Readers } from "./readers.js";
import type { RetryBudget } from "./retry-budget.js";

/** A node that says nothing must not eat the whole deadline. */
const ATTEMPT_MS = 1000;
const BACKOFF_FIRST_MS = 10;
const BACKOFF_SPREAD_MS = 40;
const BACKOFF_MAX_MS = 200;
const OVERLOADED_RETRIES_MAX = 5;

export interface Pursuit {
  readonly shard: ShardNumber;
  readonly operation: Exclude<ShardOperation, { readonly kind: "cancel" }>;
  readonly timeoutMs: number;
  readonly signal: CancelSignal | undefined;
  readonly traceparent: string;
  /** Of the range map that the call goes by; undefined: the latest that is known, which is learned if it is too old. */
  readonly rangeVersion: number | undefined;
}

export interface PursuitContext {
  readonly leaders: Leaders;
  readonly readers: Readers;
  readonly budget: RetryBudget;
  readonly clock: ShardClock;
  readonly random: () => number;
  readonly observer: Partial<ShardObserver>;
  /** Aborts when the client is closed. */
  readonly closing: AbortSignal;
  /** A node goes by this version of the range map: resolves once ours is as late, if it could be had. */
  readonly outdated: (rangeVersion: number) => Promise<void>;
  readonly attempt: (node: string, pursuit: Pursuit, timeoutMs: number) => Promise<Attempt>;
}

type Done = Extract<Attempt, { readonly kind: "done" }>;

/** What follows from an attempt that failed. */
type Next =
  | { readonly kind: "hint"; readonly node: string }
  | { readonly kind: "another" }
  | { readonly kind: "wait"; readonly delayMs: number }
  | { readonly kind: "give-up"; readonly error: ClusterError };

/**
 * Carries one call through elections, dead nodes and silent ones until it is answered, refused for good, or out of time.
 * Repeating is safe: a command has a request id, a read changes nothing. It remembers whether any attempt may have been
 * proposed, because that is what the caller has to know when there is no answer.
 */
export async function pursue(context: PursuitContext, pursuit: Pursuit): Promise<Done> {
  const { leaders, readers, budget, clock, observer, closing } = context;
  const { shard, operation, signal } = pursuit;
  const deadlineMs = clock.monotonicMs() + pursuit.timeoutMs;
  const choose = (): string | undefined =>
    operation.kind === "read"
      ? readers.choose(shard, operation.maxStalenessMs > 0)
      : leaders.choose(shard);
  const tried = new Set<string>();
  budget.earn();
  let backoffMs = BACKOFF_FIRST_MS;
  let overloaded = 0;
  let maybeProposed = false;
  let target: string | undefined;
  const outcome = (): ErrorDetails =>
    operation.kind === "read" ? {} : { outcome: maybeProposed ? "unknown" : "not_applied" };

  for (;;) {
    if (signal?.aborted === true) throw canceled(outcome());
    if (closing.aborted) throw new ClusterError("stopping", "the client was closed", outcome());
    const leftMs = deadlineMs - clock.monotonicMs();
    if (leftMs <= 0) throw deadlineExceeded(outcome());
    const node = target ?? choose();
    if (node === undefined) {
      throw new ClusterError("unreachable", `no node holds shard ${shard}`, outcome());
    }
    const attempt = await context.attempt(node, pursuit, Math.min(leftMs, ATTEMPT_MS));
    if (attempt.kind === "done") {
      if (operation.kind === "command") leaders.learn(shard, node);
      return attempt;
    }
    maybeProposed ||= mayBeProposed(attempt);
    if (attempt.kind === "canceled") throw canceled(outcome());
    if (attempt.kind === "failed" && isPressure(attempt.failure)) overloaded++;
    const isOutdated = attempt.kind === "failed" && attempt.failure.code === "wrong-shard";
    // The question for the map itself must not wait for its own answer.
    if (isOutdated && pursuit.rangeVersion === undefined) {
      await context.outdated(attempt.failure.rangeVersion);
    }
    const next = judge(attempt, node, tried, overloaded, outcome);
    if (next.kind === "give-up") throw next.error;
    // A hint costs the shard nothing; what else is repeated, is repeated within the budget.
    const isAffordable = next.kind === "hint" || budget.take();
    if (next.kind === "wait" && !isAffordable && attempt.kind === "failed") {
      throw refusal(attempt.failure, outcome());
    }
    observer.retried?.(
      shard,
      node,
      attempt.kind === "failed" ? attempt.failure.code : attempt.kind,
    );
    if (attempt.kind === "silent") leaders.suspect(node);
    tried.add(node);
    if (next.kind === "wait") {
      await sleep(clock, Math.min(next.delayMs, deadlineMs - clock.monotonicMs()), signal, closing);
      target = node;
      continue;
    }
    leaders.forget(shard, node);
    if (operation.kind === "read") readers.avoid(shard, node);
    if (next.kind === "hint") leaders.learn(shard, next.node);
    target = next.kind === "hint" ? next.node : untried(leaders, shard, tried);
    if (target !== undefined && !tried.has(target) && isAffordable) continue;
    tried.clear();
    const spreadMs = context.random() * BACKOFF_SPREAD_MS;
    const pauseMs = isAffordable
      ? Math.min(BACKOFF_MAX_MS, backoffMs + spreadMs)
      : BACKOFF_MAX_MS + spreadMs;
    backoffMs = Math.min(BACKOFF_MAX_MS, backoffMs * 2);
    await sleep(clock, Math.min(pauseMs, deadlineMs - clock.monotonicMs()), signal, closing);
  }
}

function judge(
  attempt: Exclude<Attempt, { readonly kind: "done" | "canceled" }>,
  node: string,
  tried: ReadonlySet<string>,
  overloaded: number,
  outcome: () => ErrorDetails,
): Next {
  if (attempt.kind !== "failed") return { kind: "another" };
  const { failure } = attempt;
  switch (failure.code) {
    case "not-leader":
      return failure.leaderNode === "" ||
        failure.leaderNode === node ||
        tried.has(failure.leaderNode)
        ? { kind: "another" }
        : { kind: "hint", node: failure.leaderNode };
    case "wrong-shard":
    case "no-leader":
    case "transferring":
    case "stopping":
    case "unreachable":
    case "outcome-unknown":
    case "deadline-exceeded":
    case "disk-slow":
      return { kind: "another" };
    case "overloaded":
    case "log-full":
    case "disk-full":
      return overloaded <= OVERLOADED_RETRIES_MAX
        ? {
            kind: "wait",
            delayMs: Math.max(failure.retryAfterMs, BACKOFF_FIRST_MS * 2 ** overloaded),
          }
        : { kind: "give-up", error: refusal(failure, outcome()) };
    default:
      return { kind: "give-up", error: refusal(failure, outcome()) };
  }
}

function isPressure({ code }: ShardFailure): boolean {
  return code === "overloaded" || code === "log-full" || code === "disk-full";
}

function mayBeProposed(attempt: Attempt): boolean {
  if (attempt.kind === "canceled") return true;
  if (attempt.kind === "failed") return !attempt.failure.notApplied;
  return attempt.kind !== "done" && attempt.sent;
}

function untried(
  leaders: Leaders,
  shard: ShardNumber,
  tried: ReadonlySet<string>,
): string | undefined {
  const known = leaders.choose(shard);
  if (known !== undefined && !tried.has(known)) return known;
  return leaders.nodesOf(shard).find((node) => !tried.has(node));
}

function refusal(failure: ShardFailure, outcome: ErrorDetails): ClusterError {
  return new ClusterError(failure.code, failure.message, {
    ...(outcome.outcome === "unknown" ? outcome : {}),
    ...(failure.notApplied && outcome.outcome === "not_applied" ? outcome : {}),
    ...(failure.retryAfterMs > 0 ? { retryAfterMs: failure.retryAfterMs } : {}),
  });
}

function canceled(details: ErrorDetails): ClusterError {
  return new ClusterError("canceled", "the caller gave up", details);
}

function deadlineExceeded(details: ErrorDetails): ClusterError {
  return new ClusterError(
    "deadline-exceeded",
    "the shard did not answer in time: repeat with the same request id",
    details,
  );
}
