import type { ShardClient, ShardStatus } from "../shards/index.js";
import type { Clock } from "./clock.js";
import { CLUSTER_CHANNEL } from "./channels.js";

/** Who hears the channel of the cluster. */
export interface ClusterHearer {
  readonly isClosed: boolean;
  readonly unsentBytesLow: number;
  send(text: string): void;
  buffered(): number;
}

const LOOK_MS = 1_000;

/**
 * The channel `cluster`: who leads each shard and which replicas answer. First all shards, then those that changed. Best
 * effort: it has no positions, and whoever does not keep up hears the newest state once there is room.
 */
export class ClusterWatch {
  readonly #shards: ShardClient;
  readonly #clock: Clock;
  /** For each hearer what it was told of each shard. */
  readonly #told = new Map<ClusterHearer, Map<string, string>>();
  readonly #names: ReadonlyMap<number, string>;
  #looking = false;

  constructor(shards: ShardClient, clock: Clock) {
    this.#shards = shards;
    this.#clock = clock;
    this.#names = new Map(shards.rangeMap.shards.map(({ number, name }) => [number, name]));
  }

  add(hearer: ClusterHearer): void {
    this.#told.set(hearer, new Map());
    if (!this.#looking) void this.#look();
  }

  delete(hearer: ClusterHearer): void {
    this.#told.delete(hearer);
  }

  /** For as long as somebody hears it. */
  async #look(): Promise<void> {
    this.#looking = true;
    while (this.#told.size > 0) {
      const statuses = await this.#shards.probe(LOOK_MS);
      const states = new Map(statuses.map((status) => this.#describe(status)));
      for (const [hearer, told] of this.#told) tell(hearer, told, states);
      await new Promise<void>((resolve) => {
        this.#clock.after(LOOK_MS, resolve);
      });
    }
    this.#looking = false;
  }

  #describe({ shard, ready, replicas }: ShardStatus): [name: string, json: string] {
    const name = this.#names.get(shard) ?? String(shard);
    return [name, JSON.stringify({ name, ready, replicas })];
  }
}

function tell(
  hearer: ClusterHearer,
  told: Map<string, string>,
  states: ReadonlyMap<string, string>,
): void {
  if (hearer.isClosed || hearer.buffered() > hearer.unsentBytesLow) return;
  const news = [...states].filter(([name, state]) => told.get(name) !== state);
  if (news.length === 0) return;
  for (const [name, state] of news) told.set(name, state);
  const shards = news.map(([, state]) => state).join(",");
  hearer.send(`{"push":{"channel":"${CLUSTER_CHANNEL}","shards":[${shards}]}}`);
}
