import { setMaxListeners } from "node:events";
import type { RangeMap, ShardNumber } from "../placement/index.js";
import type { ReplicaHandle } from "../runtime/index.js";
import type { ShardClient } from "../shards/index.js";
import { OutboxLane } from "./outbox-lane.js";

/** Port: time as the relay needs it. */
export interface RelayClock {
  wallMs(): number;
  /** Runs once, later; the returned function cancels. */
  after(delayMs: number, run: () => void): () => void;
}

/** What happens on the way from shard to shard, for metrics and logs. */
export interface RelayObserver {
  /** Seconds from the commit in the source to the answer of the target. */
  delivered(source: ShardNumber, target: ShardNumber, seconds: number): void;
  /** The same for what ends somebody's place in a group: until there, the target's changes go on to them. */
  cut(source: ShardNumber, target: ShardNumber, seconds: number): void;
  /** For the `times`th time in a row: a few come with every election. */
  failed(source: ShardNumber, target: ShardNumber, reason: string, times: number): void;
  /** `oldestSeconds` since the commit of what has waited longest; 0 where nothing waits. */
  waiting(source: ShardNumber, target: ShardNumber, rows: number, oldestSeconds: number): void;
  /** What waits is another node's to say. */
  handedOver(source: ShardNumber, target: ShardNumber): void;
}

export interface OutboxRelayOptions {
  readonly rangeMap: RangeMap;
  /** Of a node's certificate; closed by whoever made it. */
  readonly shards: ShardClient;
  readonly clock: RelayClock;
  readonly observer: RelayObserver;
}

/** However it came that nobody said so, what waits is found. */
const LOOK_MS = 1_000;

/** Carries what the shards that this node leads have for others. */
export class OutboxRelay {
  readonly #options: OutboxRelayOptions;
  readonly #lanes = new Map<string, OutboxLane>();
  readonly #closing = new AbortController();
  #hold: { readonly id: string; readonly release: () => void } | undefined;
  #cancelRelease: () => void = () => undefined;
  #cancelLook: () => void = () => undefined;

  constructor(options: OutboxRelayOptions) {
    this.#options = options;
    // One listener a lane that waits: all of them, while no shard has a leader.
    setMaxListeners(0, this.#closing.signal);
  }

  /** Once, when there can be replicas; what they post before is found by looking. */
  start(replicas: () => readonly ReplicaHandle[]): void {
    this.#cancelLook = this.#options.clock.after(LOOK_MS, () => {
      for (const replica of replicas()) {
        for (const { number } of this.#options.rangeMap.shards) this.#lane(replica, number).wake();
      }
      this.start(replicas);
    });
  }

  /** A shard has something new for another. */
  posted(source: ShardNumber, target: ShardNumber): void {
    this.#lanes.get(laneKey(source, target))?.wake();
  }

  /**
   * Delivers nothing for a while, or goes on at once if it is none. Resolves when nothing is under way, with a name of the
   * hold: the same as long as it is prolonged in time.
   */
  async hold(forMs: number): Promise<string> {
    this.#cancelRelease();
    if (forMs <= 0) {
      this.#hold?.release();
      return "";
    }
    this.#hold ??= {
      id: String(this.#options.clock.wallMs()),
      release: () => {
        this.#hold = undefined;
        for (const lane of this.#lanes.values()) lane.wake();
      },
    };
    const { id, release } = this.#hold;
    this.#cancelRelease = this.#options.clock.after(forMs, release);
    await Promise.all([...this.#lanes.values()].map((lane) => lane.idle()));
    return id;
  }

  /** Idempotent: what is under way is given up, and found again by the next leader. */
  close(): void {
    this.#cancelLook();
    this.#cancelRelease();
    this.#closing.abort();
  }

  #lane(replica: ReplicaHandle, target: ShardNumber): OutboxLane {
    const key = laneKey(replica.shard, target);
    let lane = this.#lanes.get(key);
    // Of a replica that was taken out, and came back as another one, nothing is heard any more.
    if (lane?.replica !== replica) {
      const { shards, clock, observer } = this.#options;
      const { signal } = this.#closing;
      const isHeld = () => this.#hold !== undefined;
      lane = new OutboxLane({ replica, target, shards, clock, observer, signal, isHeld });
      this.#lanes.set(key, lane);
    }
    return lane;
  }
}

function laneKey(source: ShardNumber, target: ShardNumber): string {
  return `${source}/${target}`;
}
