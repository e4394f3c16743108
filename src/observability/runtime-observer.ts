import { Counter, exponentialBuckets, Gauge, Histogram } from "prom-client";
import type { Registry } from "prom-client";
import type { RuntimeObserver } from "../runtime/index.js";
import type { Log } from "./log.js";

/** etcd's buckets (1 ms to 8.2 s) and two finer ones for disks that answer faster. */
const DISK_BUCKETS = exponentialBuckets(0.000_25, 2, 16);

/** Counts what happens in a node's engine, and logs what an operator would want to read. */
export function createRuntimeObserver(options: {
  readonly registry: Registry;
  readonly log: Log;
  readonly shardName: (shard: number) => string;
}): Omit<RuntimeObserver, "posted"> {
  const { registry, log, shardName } = options;
  const registers = [registry];
  const leaderChanges = new Counter({
    name: "cabildo_raft_leader_changes_seen_total",
    help: "Changes of leader that this replica saw.",
    labelNames: ["shard"],
    registers,
  });
  const failed = new Counter({
    name: "cabildo_raft_proposals_failed_total",
    help: "Proposals that failed, by the reason that the proposer was told.",
    labelNames: ["shard", "reason"],
    registers,
  });
  const applied = new Counter({
    name: "cabildo_raft_proposals_applied_total",
    help: "Log entries applied since the process started.",
    labelNames: ["shard"],
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
  const refused = new Counter({
    name: "cabildo_raft_peers_refused_total",
    help: "Connections of peers that were refused.",
    registers,
  });
  const snapshots = new Counter({
    name: "cabildo_raft_snapshots_total",
    help: "Snapshots that were sent or received, by how it ended.",
    labelNames: ["shard", "direction", "outcome"],
    registers,
  });
  const lost = new Counter({
    name: "cabildo_raft_promises_lost_total",
    help: "Times that a replica was told by a peer that its disk forgot what it had promised.",
    labelNames: ["shard"],
    registers,
  });
  const full = new Gauge({
    name: "cabildo_storage_disk_full",
    help: "1 while the disk has less left than the reserve, and proposals are refused.",
    registers,
  });
  return {
    roleChanged: (shard, role, leaderChanged) => {
      if (leaderChanged) leaderChanges.inc({ shard: shardName(shard) });
      log.info(`is now ${role}`, { shard: shardName(shard) });
    },
    proposalsFailed: (shard, count, reason) =>
      failed.inc({ shard: shardName(shard), reason }, count),
    applied: (shard, entries) => applied.inc({ shard: shardName(shard) }, entries),
    roundWritten: (seconds, _replicas, sync) => (sync ? fsync : commit).observe(seconds),
    peerRefused: (node, reason) => {
      refused.inc();
      log.warn("refused a peer", { node, reason });
    },
    snapshot: (shard, direction, succeeded) => {
      const outcome = succeeded ? "done" : "failed";
      snapshots.inc({ shard: shardName(shard), direction, outcome });
      log.info(`snapshot ${direction}`, { shard: shardName(shard), outcome });
    },
    promiseLost: (shard, reason) => {
      lost.inc({ shard: shardName(shard) });
      log.error("lost what it had promised", { shard: shardName(shard), reason });
    },
    diskFull: (isFull) => {
      full.set(Number(isFull));
      if (isFull) log.error("the disk is nearly full: proposals are refused until there is room");
      else log.info("there is room on the disk again");
    },
  };
}
