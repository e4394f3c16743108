import { exponentialBuckets } from "prom-client";
import type { Registry } from "prom-client";
import type { CallObserver, ObservedCall } from "../base/index.js";
import { remembered } from "./remembered.js";
import { TalliedCounter, type Tally } from "./tallied-counter.js";
import { TalliedHistogram, type Observations } from "./tallied-histogram.js";

const MS_PER_SECOND = 1000;
const LABELS = ["grpc_type", "grpc_service", "grpc_method", "protocol"] as const;
type Label = (typeof LABELS)[number];

/** Of the calls to one method over one protocol. */
interface Tallies {
  readonly begun: Tally;
  readonly received: Tally;
  readonly sent: Tally;
  readonly handledAs: (code: string) => Tally;
  readonly seconds: Observations;
}

/** The calls to a door under the names that the gRPC ecosystem's dashboards expect, with the protocol beside. */
export function createRpcMetrics(registry: Registry): CallObserver {
  const begun = new TalliedCounter({
    name: "grpc_server_started_total",
    help: "Calls that began.",
    labelNames: LABELS,
    registry,
  });
  const received = new TalliedCounter({
    name: "grpc_server_msg_received_total",
    help: "Messages of clients that were read.",
    labelNames: LABELS,
    registry,
  });
  const sent = new TalliedCounter({
    name: "grpc_server_msg_sent_total",
    help: "Messages that were sent to clients.",
    labelNames: LABELS,
    registry,
  });
  const handled = new TalliedCounter({
    name: "grpc_server_handled_total",
    help: "Calls that ended, by code.",
    labelNames: [...LABELS, "grpc_code"] as const,
    registry,
  });
  const handling = new TalliedHistogram({
    name: "grpc_server_handling_seconds",
    help: "Time from the beginning of a call to its end.",
    labelNames: LABELS,
    buckets: exponentialBuckets(0.001, 2, 14),
    registry,
  });
  const known = new Map<string, Tallies>();
  const talliesOf = (call: ObservedCall): Tallies => {
    const key = `${call.service}/${call.method} ${call.type} ${call.protocol}`;
    let tallies = known.get(key);
    if (tallies === undefined) {
      const labels = labelsOf(call);
      tallies = {
        begun: begun.tally(labels),
        received: received.tally(labels),
        sent: sent.tally(labels),
        handledAs: remembered((code: string) => handled.tally({ ...labels, grpc_code: code })),
        seconds: handling.of(labels),
      };
      known.set(key, tallies);
    }
    return tallies;
  };
  return {
    started: (call) => {
      const tallies = talliesOf(call);
      tallies.begun.count++;
      const startedMs = performance.now();
      return {
        received: () => tallies.received.count++,
        sent: () => tallies.sent.count++,
        ended: (code) => {
          tallies.handledAs(code).count++;
          tallies.seconds.observe((performance.now() - startedMs) / MS_PER_SECOND);
        },
      };
    },
  };
}

function labelsOf({ type, service, method, protocol }: ObservedCall): Record<Label, string> {
  return { grpc_type: type, grpc_service: service, grpc_method: method, protocol };
}
