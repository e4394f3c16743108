import { shardOfReplica } from "../placement/index.js";
import type { ShardNumber } from "../placement/index.js";
import type { ConfState, ReplicaId } from "../raft/index.js";
import { NO_MEMBERS } from "./members.js";
import { joinsAlready, tooOld } from "./refusals.js";
import { Replica } from "./replica.js";
import type { ReplicaHost } from "./replica-host.js";

/** A replica that this node hosts. */
export interface HostedReplica {
  readonly shard: ShardNumber;
  readonly replica: ReplicaId;
  /** Members of the group when it is formed; ignored once the replica exists. */
  readonly initial: ConfState;
}

interface Join {
  readonly replica: ReplicaId;
  readonly joined: Promise<void>;
}

/** The replicas that a node hosts: one of each shard at most, and further ones as it joins shards. */
export class HostedReplicas {
  readonly #host: ReplicaHost;
  readonly #byShard = new Map<ShardNumber, Replica>();
  /** Under way. */
  readonly #joins = new Map<ShardNumber, Join>();

  constructor(host: ReplicaHost) {
    this.#host = host;
  }

  [Symbol.iterator](): IterableIterator<Replica> {
    return this.#byShard.values();
  }

  of(shard: ShardNumber): Replica | undefined {
    return this.#byShard.get(shard);
  }

  async open({ shard, replica, initial }: HostedReplica): Promise<Replica> {
    const { store, machine } = this.#host;
    const opened = await store.openReplica(replica, initial);
    if (opened.applied.featureLevel > machine.featureLevel) {
      throw tooOld(opened.applied.featureLevel, machine.featureLevel);
    }
    const open = new Replica(this.#host, { shard, replica, opened });
    await open.loadMembers();
    this.#byShard.set(shard, open);
    return open;
  }

  /** Whoever asks for the same meanwhile waits for the same. */
  join(shard: ShardNumber, replica: ReplicaId): Promise<void> {
    const underWay = this.#joins.get(shard);
    if (underWay?.replica === replica) return underWay.joined;
    if (underWay !== undefined) return Promise.reject(joinsAlready(shard, underWay.replica));
    const joined = this.#join(shard, replica).finally(() => this.#joins.delete(shard));
    this.#joins.set(shard, { replica, joined });
    return joined;
  }

  async #join(shard: ShardNumber, replica: ReplicaId): Promise<void> {
    const former = this.#byShard.get(shard);
    if (former?.replica === replica) return;
    // It was removed, or the group would not have given this node another one.
    await former?.stop();
    this.#byShard.delete(shard);
    const joined = await this.open({ shard, replica, initial: NO_MEMBERS });
    // Nobody can remember anything of a new replica.
    joined.settle();
  }
}

/**
 * What a node hosts: what it was told, and what its store ever opened, for nobody else writes down which groups it joined. Of two
 * replicas of a shard the later: who joins a group again had been removed from it.
 */
export function withOpened(
  told: readonly HostedReplica[],
  opened: readonly ReplicaId[],
): readonly HostedReplica[] {
  const byShard = new Map(told.map((hosted) => [hosted.shard, hosted]));
  for (const replica of opened) {
    const shard = shardOfReplica(replica);
    if (replica > (byShard.get(shard)?.replica ?? 0)) {
      byShard.set(shard, { shard, replica, initial: NO_MEMBERS });
    }
  }
  return [...byShard.values()];
}
