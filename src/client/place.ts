import type { Change } from "../../gen/cabildo/v1/sync_pb.js";

/** Sequences of a shard that are remembered, to tell whether the change that another one follows was heard. */
const RECENT_MAX = 4096;

/** The newest sequences of one shard that were heard, in their order. */
class Recent {
  readonly #sequences = new Set<bigint>();
  /** Everything up to here is forgotten. */
  #forgotten = 0n;

  /** Whether it is known not to have been heard. */
  lacks(sequence: bigint): boolean {
    return sequence > this.#forgotten && !this.#sequences.has(sequence);
  }

  add(sequence: bigint): void {
    this.#sequences.add(sequence);
    if (this.#sequences.size <= RECENT_MAX) return;
    for (const oldest of this.#sequences) {
      this.#sequences.delete(oldest);
      if (oldest > this.#forgotten) this.#forgotten = oldest;
      return;
    }
  }
}

/** How a change stands to those that were heard before. */
export type Arrival = "next" | "repeated" | "gap";

interface ShardPlace {
  readonly last: bigint;
  /** Empty where a position of all shards says as much. */
  readonly newest: string;
  readonly recent: Recent;
}

/**
 * How far a subscription has heard: a position of all shards, and behind it that of the newest change of each.
 * Invariant: everything up to it was handed on, so that going on from it loses nothing. Nothing after it was, save what some
 * of the channels brought while others waited; that is remembered.
 */
export class Place {
  #base: readonly string[];
  /** Where to go on while some of the channels are not heard. */
  #held: readonly string[] | undefined;
  readonly #shards = new Map<string, ShardPlace>();
  /** Last change that came as one of a channel: every later one of that channel must come too. */
  readonly #lastOn = new Map<string, bigint>();

  constructor(base: readonly string[]) {
    this.#base = base;
  }

  /** Of several positions of one shard the last counts. */
  get since(): readonly string[] {
    if (this.#held !== undefined) return this.#held;
    const newest = [...this.#shards.values()].map((place) => place.newest);
    return [...this.#base, ...newest.filter((position) => position !== "")];
  }

  /** Everything up to positions of all its shards was heard. */
  rebase(positions: readonly string[]): void {
    this.#base = positions;
    this.#held = undefined;
    for (const [shard, place] of this.#shards) this.#shards.set(shard, { ...place, newest: "" });
  }

  /** Not all of its channels are heard: it stays where it is, whatever comes on the others, up to the next `rebase`. */
  hold(): void {
    this.#held = this.since;
  }

  /** Further channels are heard from positions of their own. */
  extend(positions: readonly string[]): void {
    this.#base = [...new Set([...positions, ...this.#base])];
  }

  /** These alone are heard from here on: what others have missed by the time they are heard again is no gap. */
  keep(channels: readonly string[]): void {
    for (const channel of this.#lastOn.keys()) {
      if (!channels.includes(channel)) this.#lastOn.delete(channel);
    }
  }

  /** Moves on only where the change is the next one. */
  hear(channel: string, change: Change): Arrival {
    const { shard, sequence, previousSequence, position } = change;
    const place = this.#shards.get(shard) ?? { last: 0n, newest: "", recent: new Recent() };
    const { recent } = place;
    if (!recent.lacks(sequence)) return "repeated";
    const last = this.#lastOn.get(channel);
    if (last !== undefined && previousSequence > last && recent.lacks(previousSequence))
      return "gap";
    recent.add(sequence);
    const isNewest = sequence > place.last;
    this.#shards.set(shard, isNewest ? { last: sequence, newest: position, recent } : place);
    this.#lastOn.set(channel, sequence);
    return "next";
  }
}
