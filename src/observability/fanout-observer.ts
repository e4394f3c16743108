import { Counter, exponentialBuckets, Gauge, Histogram } from "prom-client";
import type { Registry } from "prom-client";
import type { Backlog, FanoutEvent, FanoutObserver } from "../fanout/index.js";

const MS_PER_SECOND = 1000;
/** Nothing, and 1 KiB to 16 MiB: a socket leaves the live path at 1 MiB, unless it is told otherwise. */
const UNSENT_BYTES = [0, ...exponentialBuckets(1024, 4, 8)];

/** Counts what a fan-out tells. */
export function createFanoutObserver(
  registry: Registry,
  shardName: (shard: number) => string,
): FanoutObserver {
  const meters = createMeters(registry);
  return (event) => count(meters, event, shardName);
}

/** What waits for clients to take it, asked when somebody scrapes. */
export function observeBacklog(
  registry: Registry,
  shardName: (shard: number) => string,
  ask: () => Backlog,
): void {
  const registers = [registry];
  // The first of them: the others are read after it.
  const unsent: Gauge = new Gauge({
    name: "cabildo_ws_backpressure_bytes",
    help: "Bytes that were sent to sockets and wait for their clients to take them.",
    registers,
    collect: () => {
      const backlog = ask();
      let sum = 0;
      let max = 0;
      for (const bytes of backlog.unsentBytesEach) {
        sum += bytes;
        max = Math.max(max, bytes);
        each.observe(bytes);
      }
      unsent.set(sum);
      fullest.set(max);
      behind.set(backlog.connectionsBehind);
      for (const [shard, count] of backlog.changesBehind) {
        changes.set({ shard: shardName(shard) }, count);
      }
    },
  });
  const fullest = new Gauge({
    name: "cabildo_ws_backpressure_max_bytes",
    help: "Of the socket that has most of them, bytes that were sent and wait for its client.",
    registers,
  });
  const each = new Histogram({
    name: "cabildo_ws_backpressure_each_bytes",
    help: "Of each socket, as often as this is read, bytes that were sent and wait for its client.",
    buckets: UNSENT_BYTES,
    registers,
  });
  const behind = new Gauge({
    name: "cabildo_ws_behind",
    help: "Sockets that are off the live path, and are given what they missed.",
    registers,
  });
  const changes = new Gauge({
    name: "cabildo_ws_behind_changes",
    help: "Changes of a shard that the socket which is furthest behind still has to be given.",
    labelNames: ["shard"],
    registers,
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
    sentBytes: new Counter({
      name: "cabildo_ws_bytes_sent_total",
      help: "Length of the changes delivered to sockets, before framing and encryption.",
      labelNames: ["path"],
      registers,
    }),
    stalled: new Counter({
      name: "cabildo_ws_stalls_total",
      help: "Sockets that left the live path because they did not keep up.",
      registers,
    }),
    caughtUp: new Histogram({
      name: "cabildo_ws_caught_up_seconds",
      help: "Of sockets that did not keep up, from leaving the live path to being back on it.",
      buckets: exponentialBuckets(0.01, 2, 13),
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
      meters.sentBytes.inc({ path: event.path }, bytesOf(event));
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
    case "caught-up":
      meters.caughtUp.observe(event.ms / MS_PER_SECOND);
      return;
    case "connected":
    case "refreshed":
    case "checkpoint":
      return;
  }
}

/** One text for all, but where each socket reads at its own pace. */
function bytesOf(event: Extract<FanoutEvent, { kind: "pushed" }>): number {
  return event.path === "replay" ? event.bytes : event.bytes * event.deliveries;
}
