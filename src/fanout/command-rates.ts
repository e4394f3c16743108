import { LRUCache } from "lru-cache";
import { TokenBucket } from "../base/index.js";
import type { Clock } from "./clock.js";
import type { Limits } from "./limits.js";

/** Who is not remembered has said nothing for a while, or is one of very many. */
const REMEMBERED_MAX = 50_000;

/**
 * How much all connections of one user, and of one address, may say to this process. It outlives a connection, so that to
 * connect again gives no more.
 */
export class CommandRates {
  readonly #limits: Limits;
  readonly #clock: Clock;
  readonly #users = new LRUCache<string, TokenBucket>({ max: REMEMBERED_MAX });
  readonly #addresses = new LRUCache<string, TokenBucket>({ max: REMEMBERED_MAX });

  constructor(limits: Limits, clock: Clock) {
    this.#limits = limits;
    this.#clock = clock;
  }

  /** 0 if one more command may be said, else how long until it may be. `user` is undefined before `connect`. */
  take(user: string | undefined, address: string): number {
    const { userCommandsPerSecond, addressCommandsPerSecond } = this.#limits;
    const waitMs = this.#take(this.#addresses, address, addressCommandsPerSecond);
    if (waitMs > 0 || user === undefined) return waitMs;
    return this.#take(this.#users, user, userCommandsPerSecond);
  }

  #take(buckets: LRUCache<string, TokenBucket>, key: string, perSecond: number): number {
    const nowMs = this.#clock.monotonicMs();
    let bucket = buckets.get(key);
    if (bucket === undefined) {
      bucket = new TokenBucket(perSecond, nowMs);
      buckets.set(key, bucket);
    }
    return bucket.take(nowMs);
  }
}
