import { findShard, hasSameRanges } from "../placement/index.js";
import type { RangeMap } from "../placement/index.js";
import type { ReplicaHandle } from "../runtime/index.js";
import type { ShardClient } from "../shards/index.js";
import { propose } from "./ask-shard.js";
import { Repeated } from "./repeated.js";
import type { After } from "./repeated.js";

export interface RangeMapKeeperOptions {
  /** What this node was started with. */
  readonly started: RangeMap;
  readonly shards: Pick<ShardClient, "refreshRangeMap">;
  readonly replicas: () => readonly ReplicaHandle[];
  readonly after: After;
  /** Hears why the map could not be had or published; it is tried again. */
  readonly trouble: (cause: unknown) => void;
  /** Hears why the `system` shard refused the map; it is not offered again. */
  readonly refused: (why: string) => void;
  /** Hears that this node was started with other ranges than the cluster goes by: whatever it does is wrong. */
  readonly misled: (why: string) => void;
}

const LOOK_MS = 2000;
const CALL_MS = 5000;

/**
 * Keeps this node's range map as the `system` shard has it. The node that leads that shard publishes the map which it was
 * started with where there is none, or an older one: so a new map comes with the restart of the nodes. It may name shards
 * otherwise, but gives every key to the same one.
 */
export class RangeMapKeeper {
  readonly #options: RangeMapKeeperOptions;
  #offered = 0;
  readonly #looking: Repeated;

  constructor(options: RangeMapKeeperOptions) {
    this.#options = options;
    const { after, trouble: failed } = options;
    this.#looking = new Repeated({ after, pauseMs: LOOK_MS, work: () => this.#look(), failed });
  }

  close(): void {
    this.#looking.close();
  }

  async #look(): Promise<void> {
    const { started, shards, misled } = this.#options;
    const published = await shards.refreshRangeMap(CALL_MS);
    if (published !== undefined && !hasSameRanges(started, published)) {
      misled(
        `the cluster file gives keys to other shards than the range map of the cluster does, version ${published.version}: ` +
          "ranges do not move yet, put those back that the file had and start again",
      );
      return;
    }
    const isNewer = started.version > Math.max(this.#offered, published?.version ?? 0);
    if (isNewer) await this.#publish(started);
  }

  async #publish(map: RangeMap): Promise<void> {
    const { replicas, shards, refused } = this.#options;
    const system = findShard(map, "system", "");
    const replica = replicas().find(({ shard }) => shard === system?.number);
    if (replica?.status().role !== "leader") return;
    const reply = await propose(replica, { kind: "publish-range-map", map });
    this.#offered = map.version;
    const known = await shards.refreshRangeMap(CALL_MS);
    // Another node may have published it meanwhile.
    if (reply.kind === "refused" && (known?.version ?? 0) < map.version) refused(reply.message);
  }
}
