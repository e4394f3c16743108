import { Counter, exponentialBuckets, Gauge, Histogram } from "prom-client";
import type { Registry } from "prom-client";
import type { FanoutEvent, FanoutObserver } from "../fanout/index.js";

const MS_PER_SECOND = 1000;

/** Counts what a fan-out tells. */
export function createFanoutObserver(
  registry: Registry,
  shardName: (shard: number) => string,
): FanoutObserver {
  const meters = createMeters(registry);
  return (event) => count(meters, event, shardName);
}

/** What waits for clients to take it, asked when somebody scrapes. */
export function observeBackpressure(registry: Registry, unsentBytes: () => number): void {
  const unsent: Gauge = new Gauge({
    name: "cabildo_ws_backpressure_bytes",
    help: "Bytes that were sent to sockets and wait for their clients to take them.",
    registers: [registry],
    collect: () => unsent.set(unsentBytes()),
  });
}

function createMeters(registry: Registry) {
  const registers = [registry];
  return {
    connections: new Gauge({
      name: "cabildo_ws_connections",
      help: "Open sockets.",
      registers,
    }),
    closed: new Counter({
      name: "cabildo_ws_closed_total",
      help: "Sockets that ended, by close code.",
      labelNames: ["code"],
      registers,
    }),
    dropped: new Counter({
      name: "cabildo_ws_dropped_clients_total",
      help: "Sockets that this server ended because their client did not keep up or did not answer.",
      labelNames: ["cause"],
      registers,
    }),
    subscriptions: new Gauge({
      name: "cabildo_ws_subscriptions",
      help: "Channels that open sockets are subscribed to.",
      registers,
    }),
    resumed: new Counter({
      name: "cabildo_ws_resumes_total",
      help: "Subscriptions that began at a position, by how.",
      labelNames: ["outcome"],
      registers,
    }),
    sent: new Counter({
      name: "cabildo_ws_messages_sent_total",
      help: "Changes delivered to sockets.",
      labelNames: ["path"],
      registers,
    }),
    stalled: new Counter({
      name: "cabildo_ws_stalls_total",
      help: "Sockets that left the live path because they did not keep up.",
      registers,
    }),
    latency: new Histogram({
      name: "cabildo_fanout_commit_to_client_seconds",
      help: "Age of the newest change of a batch when it was given out, from its commit.",
      labelNames: ["shard"],
      buckets: exponentialBuckets(0.001, 2, 14),
      registers,
    }),
    sequence: new Gauge({
      name: "cabildo_fanout_sequence",
      help: "Sequence of the last change of a shard that was given out.",
      labelNames: ["shard"],
      registers,
    }),
    feedFailures: new Counter({
      name: "cabildo_fanout_feed_failures_total",
      help: "Times that following a shard's feed had to begin anew.",
      labelNames: ["shard", "code"],
      registers,
    }),
    transport: new Gauge({
      name: "cabildo_ws_transport",
      help: "1 for the library that serves the sockets: uws, or ws where that does not load.",
      labelNames: ["transport"],
      registers,
    }),
    rightsEnded: new Histogram({
      name: "cabildo_ws_right_ended_seconds",
      help: "From the commit that ends a right or session to the end of what it allowed here.",
      labelNames: ["shard"],
      buckets: exponentialBuckets(0.001, 2, 14),
      registers,
    }),
    commands: new Counter({
      name: "cabildo_ws_commands_total",
      help: "Commands that came over a socket, by outcome.",
      labelNames: ["command", "code"],
      registers,
    }),
  };
}

function count(
  meters: ReturnType<typeof createMeters>,
  event: FanoutEvent,
  shardName: (shard: number) => string,
): void {
  switch (event.kind) {
    case "connection-opened":
      meters.connections.inc();
      return;
    case "connection-closed":
      meters.connections.dec();
      meters.closed.inc({ code: event.code });
      if (event.cause === "too-slow" || event.cause === "no-pong") {
        meters.dropped.inc({ cause: event.cause });
      }
      return;
    case "subscribed":
      meters.subscriptions.inc(event.channels);
      return;
    case "unsubscribed":
      meters.subscriptions.dec(event.channels);
      return;
    case "resumed":
      meters.resumed.inc({ outcome: event.outcome });
      return;
    case "pushed":
      meters.sent.inc({ path: event.path }, event.deliveries);
      return;
    case "stalled":
      meters.stalled.inc();
      return;
    case "feed":
      meters.sequence.set({ shard: shardName(event.shard) }, event.sequence);
      if (event.changes > 0) {
        meters.latency.observe({ shard: shardName(event.shard) }, event.ageMs / MS_PER_SECOND);
      }
      return;
    case "listening":
      meters.transport.set({ transport: event.transport }, 1);
      return;
    case "right-ended":
      meters.rightsEnded.observe({ shard: shardName(event.shard) }, event.ageMs / MS_PER_SECOND);
      return;
    case "feed-failed":
      meters.feedFailures.inc({ shard: shardName(event.shard), code: event.code });
      return;
    case "command":
      meters.commands.inc({ command: event.command, code: event.code });
      return;
    case "connected":
    case "refreshed":
    case "checkpoint":
    case "caught-up":
      return;
  }
}
