import { Counter, Gauge } from "prom-client";
import type { Registry } from "prom-client";
import type { PeerObserver } from "../peer/index.js";
import type { Log } from "./log.js";

/** Counts and logs the connections between nodes. */
export function createPeerObserver(registry: Registry, log: Log): PeerObserver {
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
    name: "cabildo_raft_peer_dropped_messages_total",
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
    snapshotFailed: (to, shard, reason) =>
      log.warn("a snapshot was not sent", { node: to, shard, reason }),
    framed: (to, size) => bytes.inc({ to }, size),
  };
}
