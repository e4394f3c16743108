import { Counter, exponentialBuckets, Gauge, Histogram } from "prom-client";
import type { Registry } from "prom-client";
import type { PeerObserver } from "../peer/index.js";
import type { Log } from "./log.js";

/** As etcd's: 0.1 ms to 3.3 s. */
const ROUND_TRIP_BUCKETS = exponentialBuckets(0.0001, 2, 16);

/** Counts and logs the connections between nodes. */
export function createPeerObserver(options: {
  readonly registry: Registry;
  readonly log: Log;
  readonly shardName: (shard: number) => string;
}): PeerObserver {
  const { registry, log, shardName } = options;
  const registers = [registry];
  const labelNames = ["to"] as const;
  const active = new Gauge({
    name: "cabildo_raft_peer_connected",
    help: "1 while there is a connection to the node.",
    labelNames,
    registers,
  });
  const lost = new Counter({
    name: "cabildo_raft_peer_disconnected_total",
    help: "Connections to the node that were lost.",
    labelNames,
    registers,
  });
  const dropped = new Counter({
    name: "cabildo_raft_peer_sent_failures_total",
    help: "Messages that were not sent: no connection, or too much waited on it.",
    labelNames,
    registers,
  });
  const bytes = new Counter({
    name: "cabildo_raft_peer_sent_bytes_total",
    help: "Bytes of frames sent to the node.",
    labelNames,
    registers,
  });
  const arrived = new Counter({
    name: "cabildo_raft_peer_received_bytes_total",
    help: "Bytes of frames that came from the node.",
    labelNames: ["from"],
    registers,
  });
  const unreadable = new Counter({
    name: "cabildo_raft_peer_received_failures_total",
    help: "Times that what came from the node was refused, and ended its stream.",
    labelNames: ["from"],
    registers,
  });
  const heartbeats = new Counter({
    name: "cabildo_raft_heartbeat_send_failures_total",
    help: "Heartbeats of leaders that were not sent: no connection, or too much waited on it.",
    labelNames,
    registers,
  });
  const roundTrip = new Histogram({
    name: "cabildo_raft_peer_round_trip_time_seconds",
    help: "Time from a word to the node to its answer, once a second.",
    labelNames,
    buckets: ROUND_TRIP_BUCKETS,
    registers,
  });
  const snapshots = new Counter({
    name: "cabildo_raft_snapshot_bytes_total",
    help: "Bytes of rows of snapshots that were sent or received.",
    labelNames: ["shard", "direction"],
    registers,
  });
  /** Why there is no connection; a node that is away is dialled again and again, which is worth a line once. */
  const away = new Map<string, string>();
  return {
    connected: (to) => {
      away.delete(to);
      active.set({ to }, 1);
      log.info("connected", { node: to });
    },
    disconnected: (to, reason) => {
      active.set({ to }, 0);
      if (!away.has(to)) lost.inc({ to });
      if (away.get(to) !== reason) log.info("not connected", { node: to, reason });
      away.set(to, reason);
    },
    dropped: (to, messages) => dropped.inc({ to }, messages),
    // A new group's last member is offered one where the others were quicker: a leader cannot tell it from one that joined
    // later, which the log from its start would not tell who was in the group. Entries that were on their way came first.
    snapshotDeclined: (to, shard) =>
      log.debug("a snapshot was no longer wanted", { node: to, shard }),
    snapshotFailed: (to, shard, reason) =>
      log.warn("a snapshot was not sent", { node: to, shard, reason }),
    framed: (to, size) => bytes.inc({ to }, size),
    answered: (to, size) => bytes.inc({ to }, size),
    received: (from, size) => arrived.inc({ from }, size),
    receiveFailed: (from) => unreadable.inc({ from }),
    heartbeatsDropped: (to, count) => heartbeats.inc({ to }, count),
    roundTrip: (to, seconds) => roundTrip.observe({ to }, seconds),
    snapshotBytes: (shard, direction, size) =>
      snapshots.inc({ shard: shardName(shard), direction }, size),
  };
}
