import { findShard } from "../placement/index.js";
import type { RangeMap } from "../placement/index.js";
import type { ReplicaHandle } from "../runtime/index.js";
import type { ShardClient } from "../shards/index.js";
import { encodeCommand } from "../wire/index.js";
import { Repeated } from "./repeated.js";
import type { After } from "./repeated.js";
import { systemCommand } from "./system-command.js";

export interface RangeMapKeeperOptions {
  /** What this node was started with. */
  readonly started: RangeMap;
  readonly shards: Pick<ShardClient, "rangeMap" | "refreshRangeMap">;
  readonly replicas: () => readonly ReplicaHandle[];
  readonly after: After;
  /** Hears why the map could not be had or published; it is tried again. */
  readonly trouble: (cause: unknown) => void;
}

const LOOK_MS = 2000;
const CALL_MS = 5000;

/**
 * Keeps this node's range map as the `system` shard has it. The node that leads that shard publishes the map which it was
 * started with where there is none, or an older one: so a new map comes with the restart of the nodes.
 */
export class RangeMapKeeper {
  readonly #options: RangeMapKeeperOptions;
  #published = 0;
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
    const { started, shards } = this.#options;
    if (this.#published < started.version) await this.#publish(started);
    await shards.refreshRangeMap(CALL_MS);
  }

  /** Once in the life of a leader: what is there already is refused, and that is as good. */
  async #publish(map: RangeMap): Promise<void> {
    const system = findShard(map, "system", "");
    const replica = this.#options.replicas().find(({ shard }) => shard === system?.number);
    if (replica?.status().role !== "leader") return;
    const command = systemCommand({ kind: "publish-range-map", map });
    await replica.execute(encodeCommand(command), { timeoutMs: CALL_MS });
    this.#published = map.version;
  }
}
