import { Counter, exponentialBuckets } from "prom-client";
import type { Registry } from "prom-client";
import type { ShardObserver } from "../shards/index.js";
import { remembered } from "./remembered.js";
import { TalliedCounter } from "./tallied-counter.js";
import { TalliedHistogram } from "./tallied-histogram.js";

/** 1 ms to 8.2 s. */
const BUCKETS = exponentialBuckets(0.001, 2, 14);

/** Counts what a process asks of the shards, and how often it had to ask again. */
export function createShardObserver(
  registry: Registry,
  shardName: (shard: number) => string,
): Partial<ShardObserver> {
  const registers = [registry];
  const requests = new TalliedCounter({
    name: "cabildo_router_requests_total",
    help: "Calls to shards that ended, by outcome.",
    labelNames: ["shard", "outcome"],
    registry,
  });
  const duration = new TalliedHistogram({
    name: "cabildo_router_request_duration_seconds",
    help: "Time from a call to a shard to its outcome, with all its attempts.",
    labelNames: ["shard"],
    buckets: BUCKETS,
    registry,
  });
  const endedOf = remembered((number: number) => {
    const shard = shardName(number);
    return {
      as: remembered((outcome: string) => requests.tally({ shard, outcome })),
      seconds: duration.of({ shard }),
    };
  });
  const retries = new Counter({
    name: "cabildo_router_retries_total",
    help: "Attempts that were not the last, by why.",
    labelNames: ["shard", "reason"],
    registers,
  });
  const misses = new Counter({
    name: "cabildo_router_leader_cache_misses_total",
    help: "Attempts that went to a node that did not lead the shard.",
    labelNames: ["shard"],
    registers,
  });
  const switches = new Counter({
    name: "cabildo_router_feed_switches_total",
    help: "Times that a feed was followed over another replica.",
    labelNames: ["shard", "reason"],
    registers,
  });
  return {
    ended: (shard, outcome, seconds) => {
      const calls = endedOf(shard);
      calls.as(outcome).count++;
      calls.seconds.observe(seconds);
    },
    retried: (shard, _node, reason) => {
      retries.inc({ shard: shardName(shard), reason });
      if (reason === "not-leader") misses.inc({ shard: shardName(shard) });
    },
    feedSwitched: (shard, _node, reason) => switches.inc({ shard: shardName(shard), reason }),
  };
}
