import { ClusterError } from "../base/index.js";
import { clientAddress } from "./client-address.js";
import type { GatewayClock } from "./clock.js";
import type { Call } from "./handlers.js";
import { SYSTEM } from "./shard-calls.js";

const RETRY_MIN_MS = 1_000;

/**
 * Lets nobody guess for long: what is counted is kept with the users, for all doors. Guesses at one user from one address come
 * one after the other at a door, so that many at once are no more than that.
 */
export class LoginGuard {
  readonly #clock: GatewayClock;
  readonly #turns = new Map<string, Promise<unknown>>();

  constructor(clock: GatewayClock) {
    this.#clock = clock;
  }

  /** `guess` resolves with undefined for a wrong secret, which counts; throws `overloaded` where there were too many. */
  async run<T>(
    call: Call,
    user: string,
    guess: (address: string) => Promise<T | undefined>,
  ): Promise<T | undefined> {
    const address = clientAddress(call.remoteAddress);
    return await this.#inTurn(`${user}/${address}`, async () => {
      await this.#requirePatience(call, user, address);
      const found = await guess(address);
      if (found === undefined) {
        const failure = { kind: "record-login-failure", user, address } as const;
        await call.shards.execute(call.shards.of("users", user), SYSTEM, failure);
      }
      return found;
    });
  }

  async #requirePatience(call: Call, user: string, address: string): Promise<void> {
    const shard = call.shards.of("users", user);
    const question = { kind: "get-login-throttle", user, address } as const;
    const { answer } = await call.shards.read(shard, SYSTEM, question);
    const waitMs = answer.untilMs - this.#clock.wallMs();
    if (waitMs <= 0) return;
    throw new ClusterError("overloaded", "too many wrong passwords were tried from here: wait", {
      retryAfterMs: Math.max(RETRY_MIN_MS, waitMs),
      outcome: "not_applied",
    });
  }

  async #inTurn<T>(key: string, work: () => Promise<T>): Promise<T> {
    const turn = (this.#turns.get(key) ?? Promise.resolve()).then(work);
    const settled = turn.catch(() => undefined);
    this.#turns.set(key, settled);
    try {
      return await turn;
    } finally {
      if (this.#turns.get(key) === settled) this.#turns.delete(key);
    }
  }
}
