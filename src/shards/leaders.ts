import type { ShardNumber } from "../placement/index.js";
import type { ShardClock } from "./clock.js";

const SUSPECT_MS = 5000;

/** Who led each shard when last heard of, and where to ask when nobody is known to. */
export class Leaders {
  readonly #replicas = new Map<ShardNumber, string[]>();
  readonly #leaders = new Map<ShardNumber, string>();
  readonly #turns = new Map<ShardNumber, number>();
  readonly #suspectUntilMs = new Map<string, number>();
  readonly #clock: ShardClock;

  constructor(
    nodes: readonly { name: string; replicas: readonly { readonly shard: ShardNumber }[] }[],
    clock: ShardClock,
  ) {
    this.#clock = clock;
    for (const { name, replicas } of nodes) {
      for (const { shard } of replicas) {
        this.#replicas.set(shard, [...(this.#replicas.get(shard) ?? []), name]);
      }
    }
  }

  /** Who is in a shard may change while it runs. */
  place(shard: ShardNumber, nodes: readonly string[]): void {
    this.#replicas.set(shard, [...nodes]);
    const leader = this.#leaders.get(shard);
    if (leader !== undefined && !nodes.includes(leader)) this.#leaders.delete(shard);
  }

  /** Nodes with a replica of the shard. */
  nodesOf(shard: ShardNumber): readonly string[] {
    return this.#replicas.get(shard) ?? [];
  }

  /** The leader if one is known, else the next of the replicas in turn. */
  choose(shard: ShardNumber): string | undefined {
    return this.leaderOf(shard) ?? this.inTurn(shard)[0];
  }

  leaderOf(shard: ShardNumber): string | undefined {
    return this.#leaders.get(shard);
  }

  /** The replicas, each first in its turn, without those that were silent a moment ago while there are others. */
  inTurn(shard: ShardNumber): readonly string[] {
    const nodes = this.nodesOf(shard);
    const turn = this.#turns.get(shard) ?? 0;
    this.#turns.set(shard, turn + 1);
    const first = turn % Math.max(1, nodes.length);
    const inTurn = [...nodes.slice(first), ...nodes.slice(0, first)];
    const heard = inTurn.filter((node) => !this.#isSuspect(node));
    return heard.length > 0 ? heard : inTurn;
  }

  learn(shard: ShardNumber, node: string): void {
    if (this.nodesOf(shard).includes(node)) this.#leaders.set(shard, node);
  }

  forget(shard: ShardNumber, node: string): void {
    if (this.#leaders.get(shard) === node) this.#leaders.delete(shard);
  }

  suspect(node: string): void {
    this.#suspectUntilMs.set(node, this.#clock.monotonicMs() + SUSPECT_MS);
  }

  clear(node: string): void {
    this.#suspectUntilMs.delete(node);
  }

  #isSuspect(node: string): boolean {
    return (this.#suspectUntilMs.get(node) ?? 0) > this.#clock.monotonicMs();
  }
}
