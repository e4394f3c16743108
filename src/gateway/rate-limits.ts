import { LRUCache } from "lru-cache";
import { ClusterError, TokenBucket } from "../base/index.js";
import type { Caller } from "../domain/index.js";
import type { GatewayClock } from "./clock.js";

/** Of one process: with several doors a caller has as much at each. */
export interface RateLimits {
  /** Calls of one signed-in user in a second, and as many at once. */
  readonly callsPerSecondMax: number;
  /** Calls without a token from one address in a second, and as many at once: logins and registrations. */
  readonly anonymousCallsPerSecondMax: number;
}

export const RATE_LIMITS: RateLimits = { callsPerSecondMax: 2000, anonymousCallsPerSecondMax: 100 };

/** Whom it does not remember has called nothing for a while, or is one of very many. */
const REMEMBERED_MAX = 50_000;

/** Who asks for more than its share is told when to come again, before anything is done for it. */
export class RateLimiter {
  readonly #limits: RateLimits;
  readonly #clock: GatewayClock;
  readonly #buckets = new LRUCache<string, TokenBucket>({ max: REMEMBERED_MAX });

  constructor(limits: RateLimits, clock: GatewayClock) {
    this.#limits = limits;
    this.#clock = clock;
  }

  require(caller: Caller, remoteAddress: string): void {
    const isUser = caller.kind === "user";
    const key = isUser ? `user ${caller.user}` : `address ${remoteAddress}`;
    const { callsPerSecondMax, anonymousCallsPerSecondMax } = this.#limits;
    const nowMs = this.#clock.monotonicMs();
    let bucket = this.#buckets.get(key);
    if (bucket === undefined) {
      bucket = new TokenBucket(isUser ? callsPerSecondMax : anonymousCallsPerSecondMax, nowMs);
      this.#buckets.set(key, bucket);
    }
    const retryAfterMs = bucket.take(nowMs);
    if (retryAfterMs === 0) return;
    const who = isUser ? "you ask" : "your address asks";
    throw new ClusterError("rate-limited", `${who} too much at once: come again when it says`, {
      retryAfterMs,
      outcome: "not_applied",
    });
  }
}
