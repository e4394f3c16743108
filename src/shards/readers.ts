import type { ShardNumber } from "../placement/index.js";
import type { ShardClock } from "./clock.js";
import type { Leaders } from "./leaders.js";

/** A follower has to ask the leader before it answers: it is chosen once the leader has this many more reads open. */
const FOLLOWER_COST = 4;
/** How long a replica that could not answer a read is asked last: it may be cut off from its leader for a while. */
const AVOID_MS = 1000;

/**
 * Which replica a read goes to: the one with the fewest open, so that all of them share what is much, and one that is slow or
 * busy gets less. Each of them answers as of now (ReadIndex), or no older than was asked for.
 */
export class Readers {
  readonly #leaders: Leaders;
  readonly #clock: ShardClock;
  readonly #open = new Map<string, number>();
  readonly #avoidUntilMs = new Map<string, number>();

  constructor(leaders: Leaders, clock: ShardClock) {
    this.#leaders = leaders;
    this.#clock = clock;
  }

  choose(shard: ShardNumber, mayBeStale: boolean): string | undefined {
    const inTurn = this.#leaders.inTurn(shard);
    const sound = inTurn.filter((node) => !this.#isAvoided(shard, node));
    const leader = this.#leaders.leaderOf(shard);
    const cost = (node: string): number =>
      (this.#open.get(key(shard, node)) ?? 0) + (mayBeStale || node === leader ? 0 : FOLLOWER_COST);
    let best: string | undefined;
    for (const node of sound.length > 0 ? sound : inTurn) {
      if (best === undefined || cost(node) < cost(best)) best = node;
    }
    return best;
  }

  async during<T>(shard: ShardNumber, node: string, read: () => Promise<T>): Promise<T> {
    const at = key(shard, node);
    this.#open.set(at, (this.#open.get(at) ?? 0) + 1);
    try {
      return await read();
    } finally {
      this.#open.set(at, (this.#open.get(at) ?? 0) - 1);
    }
  }

  avoid(shard: ShardNumber, node: string): void {
    this.#avoidUntilMs.set(key(shard, node), this.#clock.monotonicMs() + AVOID_MS);
  }

  #isAvoided(shard: ShardNumber, node: string): boolean {
    return (this.#avoidUntilMs.get(key(shard, node)) ?? 0) > this.#clock.monotonicMs();
  }
}

const key = (shard: ShardNumber, node: string): string => `${shard} ${node}`;
