import { Counter, exponentialBuckets, Gauge, Histogram } from "prom-client";
import type { Registry } from "prom-client";

/** What happens in a node's engine, told as it happens. Shards are named, not numbered. */
export interface RaftMetrics {
  leaderChanged(shard: string): void;
  /** How many proposals wait for their entry to be applied. */
  proposalsPending(shard: string, count: number): void;
  proposalFailed(shard: string, reason: string): void;
  /** A round was made durable. */
  roundWritten(durationMs: number): void;
  /** A round was written without waiting for the disk. */
  roundUnsynced(durationMs: number): void;
}

const MS_PER_SECOND = 1000;
/** etcd's buckets (1 ms to 8.2 s) and two finer ones for disks that answer faster. */
const DISK_BUCKETS = exponentialBuckets(0.000_25, 2, 16);

export function createRaftMetrics(registry: Registry): RaftMetrics {
  const registers = [registry];
  const leaderChanges = new Counter({
    name: "cabildo_raft_leader_changes_seen_total",
    help: "Changes of leader that this replica saw.",
    labelNames: ["shard"],
    registers,
  });
  const pending = new Gauge({
    name: "cabildo_raft_proposals_pending",
    help: "Proposals that wait to be committed and applied.",
    labelNames: ["shard"],
    registers,
  });
  const failed = new Counter({
    name: "cabildo_raft_proposals_failed_total",
    help: "Proposals that failed, by the reason that the proposer was told.",
    labelNames: ["shard", "reason"],
    registers,
  });
  const fsync = new Histogram({
    name: "cabildo_raft_log_fsync_duration_seconds",
    help: "Time to make one round of all replicas durable.",
    buckets: DISK_BUCKETS,
    registers,
  });
  const commit = new Histogram({
    name: "cabildo_storage_batch_commit_duration_seconds",
    help: "Time to write one round that nobody waits for on the disk.",
    buckets: DISK_BUCKETS,
    registers,
  });
  return {
    leaderChanged: (shard) => leaderChanges.inc({ shard }),
    proposalsPending: (shard, count) => pending.set({ shard }, count),
    proposalFailed: (shard, reason) => failed.inc({ shard, reason }),
    roundWritten: (durationMs) => fsync.observe(durationMs / MS_PER_SECOND),
    roundUnsynced: (durationMs) => commit.observe(durationMs / MS_PER_SECOND),
  };
}
