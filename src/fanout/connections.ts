import { TokenBucket } from "../base/index.js";
import type { Clock } from "./clock.js";
import type { Connection } from "./connection.js";
import type { Limits } from "./limits.js";

const DRAIN_BATCHES = 20;
const DRAIN_BATCH_MIN = 500;
/** Of so many times what may come, those are heard who are too many, to be told when to come back; of more, nobody is. */
const HEARD_FACTOR = 2;
const MS_PER_SECOND = 1_000;

/** Who is connected here, within the limits of the process, of each address and of each user. */
export class Connections {
  readonly #limits: Limits;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #all = new Set<Connection>();
  readonly #perAddress = new Map<string, number>();
  readonly #perUser = new Map<string, Set<Connection>>();
  readonly #arrivals: TokenBucket;
  readonly #upgrades: TokenBucket;
  #draining = false;
  #onEmpty: () => void = () => undefined;

  constructor(limits: Limits, clock: Clock, random: () => number) {
    this.#limits = limits;
    this.#clock = clock;
    this.#random = random;
    const { connectionsPerSecond } = limits;
    this.#arrivals = new TokenBucket(connectionsPerSecond, clock.monotonicMs());
    this.#upgrades = new TokenBucket(connectionsPerSecond * HEARD_FACTOR, clock.monotonicMs());
  }

  get size(): number {
    return this.#all.size;
  }

  [Symbol.iterator](): Iterator<Connection> {
    return this.#all.values();
  }

  /** Asked for each socket before there is one: 0 lets it come, else in how many seconds it is to be tried again. */
  waitSeconds(): number {
    const waitMs = this.#upgrades.take(this.#clock.monotonicMs());
    return waitMs === 0 ? 0 : Math.ceil((waitMs + this.#spread()) / MS_PER_SECOND);
  }

  /** Sends away what is too much. The socket must have its listener by now. */
  admit(connection: Connection): void {
    this.#all.add(connection);
    const { remoteAddress } = connection;
    const ofAddress = (this.#perAddress.get(remoteAddress) ?? 0) + 1;
    this.#perAddress.set(remoteAddress, ofAddress);
    const waitMs = this.#arrivals.take(this.#clock.monotonicMs());
    if (this.#draining) {
      connection.shutDown();
    } else if (ofAddress > this.#limits.connectionsPerAddress) {
      connection.disconnect("connection-limit", "too many connections from this address");
    } else if (this.#all.size > this.#limits.connectionsMax) {
      connection.disconnect("overloaded", "this server is full: connect to another one");
    } else if (waitMs > 0) {
      connection.disconnect("overloaded", "too many come at once: connect again a little later", {
        retryAfterMs: waitMs + this.#spread(),
      });
    }
  }

  /** Whose it is; false where the user has as many as may be. */
  claim(connection: Connection, user: string): boolean {
    const own = this.#perUser.get(user);
    if (own === undefined) {
      this.#perUser.set(user, new Set([connection]));
      return true;
    }
    if (own.size >= this.#limits.connectionsPerUser) return false;
    own.add(connection);
    return true;
  }

  of(user: string): readonly Connection[] {
    return [...(this.#perUser.get(user) ?? [])];
  }

  forget(connection: Connection): void {
    if (!this.#all.delete(connection)) return;
    const { remoteAddress, user } = connection;
    const left = (this.#perAddress.get(remoteAddress) ?? 1) - 1;
    if (left > 0) this.#perAddress.set(remoteAddress, left);
    else this.#perAddress.delete(remoteAddress);
    const own = user === undefined ? undefined : this.#perUser.get(user);
    if (user !== undefined && own?.delete(connection) === true && own.size === 0) {
      this.#perUser.delete(user);
    }
    if (this.#all.size === 0) this.#onEmpty();
  }

  /** Tells everybody when to come back, in batches, so that not all of them come to the next server at once. */
  async drain(): Promise<void> {
    this.#draining = true;
    const all = [...this.#all];
    const batch = Math.max(DRAIN_BATCH_MIN, Math.ceil(all.length / DRAIN_BATCHES));
    const pauseMs = Math.floor(this.#limits.drainMs / (2 * DRAIN_BATCHES));
    for (let at = 0; at < all.length; at += batch) {
      for (const connection of all.slice(at, at + batch)) connection.shutDown();
      if (at + batch < all.length) {
        await new Promise<void>((resolve) => {
          this.#clock.after(pauseMs, resolve);
        });
      }
    }
    if (this.#all.size === 0) return;
    await new Promise<void>((resolve) => {
      this.#onEmpty = resolve;
    });
  }

  #spread(): number {
    return Math.floor(this.#random() * this.#limits.retrySpreadMs);
  }
}
