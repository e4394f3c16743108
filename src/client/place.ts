import type { Change } from "../../gen/cabildo/v1/sync_pb.js";

/** Sequences of a shard that are remembered, to tell whether the change that another one follows was heard. */
const RECENT_MAX = 4096;

/** What a connection has heard of each shard lately, on whichever of its channels. */
export class Heard {
  readonly #recent = new Map<string, Set<bigint>>();

  has(shard: string, sequence: bigint): boolean {
    return this.#recent.get(shard)?.has(sequence) === true;
  }

  add(shard: string, sequence: bigint): void {
    const recent = this.#recent.get(shard) ?? new Set();
    this.#recent.set(shard, recent);
    recent.add(sequence);
    if (recent.size <= RECENT_MAX) return;
    for (const oldest of recent) {
      recent.delete(oldest);
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
}

/**
 * How far a subscription has heard: a position of all shards, and behind it that of the newest change of each.
 * Invariant: everything up to it was handed on and nothing after it, so that going on from it loses nothing and repeats
 * nothing.
 */
export class Place {
  readonly #heard: Heard;
  #base: readonly string[];
  readonly #shards = new Map<string, ShardPlace>();
  /** Last change that came as one of a channel: every later one of that channel must come too. */
  readonly #lastOn = new Map<string, bigint>();

  constructor(heard: Heard, base: readonly string[]) {
    this.#heard = heard;
    this.#base = base;
  }

  /** Of several positions of one shard the last counts. */
  get since(): readonly string[] {
    const newest = [...this.#shards.values()].map((place) => place.newest);
    return [...this.#base, ...newest.filter((position) => position !== "")];
  }

  /** Everything up to positions of all its shards was heard. */
  rebase(positions: readonly string[]): void {
    this.#base = positions;
    for (const [shard, { last }] of this.#shards) this.#shards.set(shard, { last, newest: "" });
  }

  /** Further channels are heard from positions of their own. */
  extend(positions: readonly string[]): void {
    this.#base = [...new Set([...positions, ...this.#base])];
  }

  /** What came before is given up. */
  forget(): void {
    this.#base = [];
    this.#shards.clear();
    this.#lastOn.clear();
  }

  /** Moves on only where the change is the next one. */
  hear(channel: string, change: Change): Arrival {
    const { shard, sequence, previousSequence, position } = change;
    if (sequence <= (this.#shards.get(shard)?.last ?? 0n)) return "repeated";
    const last = this.#lastOn.get(channel);
    const follows = last !== undefined && previousSequence > last;
    if (follows && !this.#heard.has(shard, previousSequence)) return "gap";
    this.#heard.add(shard, sequence);
    this.#shards.set(shard, { last: sequence, newest: position });
    this.#lastOn.set(channel, sequence);
    return "next";
  }
}
