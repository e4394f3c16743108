import { shardOfReplica } from "../placement/index.js";
import type { ShardNumber } from "../placement/index.js";
import type { ConfState, ReplicaId } from "../raft/index.js";
import { NO_MEMBERS } from "./members.js";

/** A replica that this node hosts. */
export interface HostedReplica {
  readonly shard: ShardNumber;
  readonly replica: ReplicaId;
  /** Members of the group when it is formed; ignored once the replica exists. */
  readonly initial: ConfState;
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
