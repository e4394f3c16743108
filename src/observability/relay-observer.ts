import { Counter, exponentialBuckets, Gauge, Histogram } from "prom-client";
import type { Registry } from "prom-client";
import type { RelayObserver } from "../node/index.js";
import type { Log } from "./log.js";

/** Failures in a row, about two seconds of them: an election is over by then. */
const WORTH_A_WARNING = 7;
/** 1 ms to 32 s. */
const BUCKETS = exponentialBuckets(0.001, 2, 16);

/** Measures what goes from shard to shard: how long after its commit it is committed where it belongs. */
export function createRelayObserver(options: {
  readonly registry: Registry;
  readonly log: Log;
  readonly shardName: (shard: number) => string;
}): RelayObserver {
  const { registry, log, shardName } = options;
  const labelNames: ("shard" | "target")[] = ["shard", "target"];
  const common = { labelNames, registers: [registry] };
  const delivery = new Histogram({
    ...common,
    name: "cabildo_outbox_delivery_seconds",
    help: "Time from the commit in one shard to the commit in the other.",
    buckets: BUCKETS,
  });
  const cut = new Histogram({
    ...common,
    name: "cabildo_rights_cut_seconds",
    help: "Time from the commit that ends somebody's place in a group to its commit in a shard of calendars.",
    buckets: BUCKETS,
  });
  const failures = new Counter({
    ...common,
    name: "cabildo_outbox_failures_total",
    help: "Deliveries that will be tried again.",
  });
  const waiting = new Gauge({
    ...common,
    name: "cabildo_outbox_pending",
    help: "Deliveries that wait; of the node that leads the shard alone.",
  });
  const oldest = new Gauge({
    ...common,
    name: "cabildo_outbox_oldest_seconds",
    help: "Age of the delivery that has waited longest; of the node that leads the shard alone.",
  });
  const labels = (source: number, target: number) => ({
    shard: shardName(source),
    target: shardName(target),
  });
  return {
    delivered: (source, target, seconds) =>
      delivery.observe(labels(source, target), Math.max(0, seconds)),
    cut: (source, target, seconds) => cut.observe(labels(source, target), Math.max(0, seconds)),
    failed: (source, target, reason, times) => {
      failures.inc(labels(source, target));
      const level = times < WORTH_A_WARNING ? "debug" : "warn";
      log[level]("a delivery failed, and is tried again", { ...labels(source, target), reason });
    },
    waiting: (source, target, rows, oldestSeconds) => {
      waiting.set(labels(source, target), Math.max(0, rows));
      oldest.set(labels(source, target), Math.max(0, oldestSeconds));
    },
    handedOver: (source, target) => {
      for (const gauge of [waiting, oldest]) gauge.remove(labels(source, target));
    },
  };
}
