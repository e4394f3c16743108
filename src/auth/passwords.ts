import { hash, verify } from "@node-rs/argon2";
import { ClusterError } from "../base/index.js";

/** Argon2id by its number in the library, with the parameters that OWASP names as the least. */
const PARAMETERS = { algorithm: 2, memoryCost: 19 * 1024, timeCost: 2, parallelism: 1 };
const WAITING_MAX = 64;
const RETRY_AFTER_MS = 1000;

/** Hashes and checks passwords, one at a time: the threads are shared with whoever waits for the disk. */
export class Passwords {
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;
  /** Checked in place of an unknown user's, so that the answer takes as long. */
  #decoy: string | undefined;

  hash(password: string): Promise<string> {
    return this.#inTurn(() => hash(password, PARAMETERS));
  }

  /** False for a wrong password, and for a user that there is not. */
  verify(password: string, stored: string | undefined): Promise<boolean> {
    return this.#inTurn(async () => {
      this.#decoy ??= await hash("nobody has this password", PARAMETERS);
      const matches = await verify(stored ?? this.#decoy, password);
      return matches && stored !== undefined;
    });
  }

  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (this.#waiting >= WAITING_MAX) {
      throw new ClusterError("overloaded", "too many people are signing in: try again soon", {
        retryAfterMs: RETRY_AFTER_MS,
        outcome: "not_applied",
      });
    }
    this.#waiting++;
    const turn = this.#last.then(work);
    this.#last = turn.catch(() => undefined);
    try {
      return await turn;
    } finally {
      this.#waiting--;
    }
  }
}
