import { Counter, exponentialBuckets, Gauge, Histogram } from "prom-client";
import type { Registry } from "prom-client";
import type { RuntimeObserver, SnapshotDirection } from "../runtime/index.js";
import type { Log } from "./log.js";

/** etcd's buckets (1 ms to 8.2 s) and two finer ones for disks that answer faster. */
const DISK_BUCKETS = exponentialBuckets(0.000_25, 2, 16);

/** As etcd's: 0.1 s to 51 s. */
const SNAPSHOT_BUCKETS = exponentialBuckets(0.1, 2, 10);

/** As etcd counts them. */
const SLOW_APPLY_SECONDS = 0.1;

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
  const applying = new Histogram({
    name: "cabildo_raft_apply_duration_seconds",
    help: "Time to apply a run of committed entries, with the state that they had to read.",
    labelNames: ["shard"],
    buckets: DISK_BUCKETS,
    registers,
  });
  const slow = new Counter({
    name: "cabildo_raft_slow_apply_total",
    help: "Runs of committed entries that took more than 100 ms to apply.",
    labelNames: ["shard"],
    registers,
  });
  const unread = new Counter({
    name: "cabildo_raft_read_indexes_failed_total",
    help: "Reads whose deadline passed before a majority had confirmed how far they have to see.",
    labelNames: ["shard"],
    registers,
  });
  const appended = new Counter({
    name: "cabildo_raft_log_append_bytes_total",
    help: "Bytes of entries that were appended to the logs.",
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
  const handOver = new Histogram({
    name: "cabildo_raft_log_append_duration_seconds",
    help: "Time to encode one round of all replicas and hand it to the disk, before the wait for it.",
    buckets: DISK_BUCKETS,
    registers,
  });
  const committed = new Histogram({
    name: "cabildo_raft_commit_duration_seconds",
    help: "Time from a command's arrival at its leader to its outcome: durable on a majority, and applied.",
    labelNames: ["shard"],
    buckets: DISK_BUCKETS,
    registers,
  });
  const audited = new Counter({
    name: "cabildo_audit_entries_total",
    help: "Entries of the audit trail that this replica has applied.",
    labelNames: ["shard"],
    registers,
  });
  const slowReads = new Counter({
    name: "cabildo_raft_slow_read_indexes_total",
    help: "Times that no majority had confirmed within 250 ms how far reads have to see, and was asked again.",
    labelNames: ["shard"],
    registers,
  });
  const elections = new Counter({
    name: "cabildo_raft_elections_total",
    help: "Elections in which this replica stood, by how far it came: pre-candidate is the poll before.",
    labelNames: ["shard", "role"],
    registers,
  });
  const refused = new Counter({
    name: "cabildo_raft_peers_refused_total",
    help: "Connections of peers that were refused.",
    registers,
  });
  const snapshots = {
    send: createSnapshotMeters(registry, "send"),
    receive: createSnapshotMeters(registry, "receive"),
  };
  const installing = new Gauge({
    name: "cabildo_raft_snapshot_apply_in_progress",
    help: "1 while a snapshot that came takes the place of the shard's state.",
    labelNames: ["shard"],
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
    roleChanged: (shard, role, { term, leaderChanged }) => {
      if (role === "candidate" || role === "pre-candidate") {
        elections.inc({ shard: shardName(shard), role });
      }
      if (leaderChanged) leaderChanges.inc({ shard: shardName(shard) });
      log.info(`is now ${role}`, { shard: shardName(shard), term });
    },
    proposalsFailed: (shard, count, reason) =>
      failed.inc({ shard: shardName(shard), reason }, count),
    applied: (shard, entries, seconds) => {
      applied.inc({ shard: shardName(shard) }, entries);
      applying.observe({ shard: shardName(shard) }, seconds);
      if (seconds > SLOW_APPLY_SECONDS) slow.inc({ shard: shardName(shard) });
    },
    committed: (shard, seconds) => committed.observe({ shard: shardName(shard) }, seconds),
    audited: (shard, entries) => audited.inc({ shard: shardName(shard) }, entries),
    readsFailed: (shard, count) => unread.inc({ shard: shardName(shard) }, count),
    readIndexSlow: (shard, rounds) => slowReads.inc({ shard: shardName(shard) }, rounds),
    roundWritten: ({ seconds, handOverSeconds, sync, logBytes }) => {
      (sync ? fsync : commit).observe(seconds);
      handOver.observe(handOverSeconds);
      appended.inc(logBytes);
    },
    peerRefused: (node, reason) => {
      refused.inc();
      log.warn("refused a peer", { node, reason });
    },
    snapshotBegan: (shard, direction) =>
      snapshots[direction].inflights.inc({ shard: shardName(shard) }),
    snapshotInstalling: (shard) => installing.set({ shard: shardName(shard) }, 1),
    snapshotEnded: (number, direction, { installed, seconds }) => {
      const shard = shardName(number);
      const { inflights, success, failures, duration } = snapshots[direction];
      inflights.dec({ shard });
      (installed ? success : failures).inc({ shard });
      duration.observe({ shard }, seconds);
      if (direction === "receive") installing.set({ shard }, 0);
      const outcome = installed ? "done" : "failed";
      log.info(`snapshot ${direction === "send" ? "sent" : "received"}`, { shard, outcome });
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

function createSnapshotMeters(registry: Registry, direction: SnapshotDirection) {
  const prefix = `cabildo_raft_snapshot_${direction}`;
  const did = direction === "send" ? "sent" : "received";
  const common = { labelNames: ["shard"] as const, registers: [registry] };
  return {
    inflights: new Gauge({
      ...common,
      name: `${prefix}_inflights`,
      help: `Snapshots that are being ${did}.`,
    }),
    success: new Counter({
      ...common,
      name: `${prefix}_success_total`,
      help: `Snapshots that were ${did} and installed.`,
    }),
    failures: new Counter({
      ...common,
      name: `${prefix}_failures_total`,
      help: `Snapshots that were begun to be ${did}, and not installed.`,
    }),
    duration: new Histogram({
      ...common,
      name: `${prefix}_total_duration_seconds`,
      help: `Time from the beginning of a snapshot that was ${did} to its end, whatever that was.`,
      buckets: SNAPSHOT_BUCKETS,
    }),
  };
}
