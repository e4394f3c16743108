import { NO_MEMBERS } from "./members.js";
import type { ShardNumber } from "../placement/index.js";
import type { ReplicaId } from "../raft/index.js";
import type { Store } from "./ports.js";
import { listOf, parseList } from "./stored-list.js";

const FACT = "joined";

interface Joined {
  readonly shard: ShardNumber;
  readonly replica: ReplicaId;
}

/** Replicas with which this node joined running groups, kept on its own disk: no file that others write has to name them. */
export class JoinedReplicas {
  readonly #store: Store;
  #joined: readonly Joined[];

  static async open(store: Store): Promise<JoinedReplicas> {
    return new JoinedReplicas(store, parse(await store.readFact(FACT)));
  }

  private constructor(store: Store, joined: readonly Joined[]) {
    this.#store = store;
    this.#joined = joined;
  }

  async add(shard: ShardNumber, replica: ReplicaId): Promise<void> {
    const others = this.#joined.filter((joined) => joined.shard !== shard);
    const joined = [...others, { shard, replica }];
    const rows = joined.map((one) => [one.shard, one.replica]);
    await this.#store.writeFact(FACT, Buffer.from(JSON.stringify(rows)));
    this.#joined = joined;
  }

  /** Who joined a shard had been removed from it before, if it ever was there: only the new replica counts. */
  addTo<Hosted extends Joined>(hosted: readonly Hosted[]) {
    const joined = this.#joined.map((one) => ({ ...one, initial: NO_MEMBERS }));
    const isNew = ({ shard }: Joined): boolean => joined.some((one) => one.shard === shard);
    return [...hosted.filter((one) => !isNew(one)), ...joined];
  }
}

function parse(stored: Uint8Array | undefined): readonly Joined[] {
  return parseList(stored).flatMap((row) => {
    const [shard, replica] = listOf(row);
    return typeof shard === "number" && typeof replica === "number" ? [{ shard, replica }] : [];
  });
}
