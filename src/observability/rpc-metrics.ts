import { exponentialBuckets, Histogram } from "prom-client";
import type { Registry } from "prom-client";
import type { CallObserver, ObservedCall } from "../base/index.js";
import { TalliedCounter, type Tally } from "./tallied-counter.js";

const MS_PER_SECOND = 1000;
const LABELS = ["grpc_type", "grpc_service", "grpc_method", "protocol"] as const;
type Label = (typeof LABELS)[number];

/** Of the calls to one method over one protocol. */
interface Tallies {
  readonly labels: Record<Label, string>;
  readonly begun: Tally;
  readonly received: Tally;
  readonly sent: Tally;
  /** By code. */
  readonly handled: Map<string, Tally>;
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
  const handling = new Histogram({
    name: "grpc_server_handling_seconds",
    help: "Time from the beginning of a call to its end.",
    labelNames: LABELS,
    buckets: exponentialBuckets(0.001, 2, 14),
    registers: [registry],
  });
  const known = new Map<string, Tallies>();
  const talliesOf = (call: ObservedCall): Tallies => {
    const key = `${call.service}/${call.method} ${call.type} ${call.protocol}`;
    let tallies = known.get(key);
    if (tallies === undefined) {
      const labels = labelsOf(call);
      tallies = {
        labels,
        begun: begun.tally(labels),
        received: received.tally(labels),
        sent: sent.tally(labels),
        handled: new Map(),
      };
      known.set(key, tallies);
    }
    return tallies;
  };
  const handledAs = ({ labels, handled: byCode }: Tallies, code: string): Tally => {
    let tally = byCode.get(code);
    if (tally === undefined) {
      tally = handled.tally({ ...labels, grpc_code: code });
      byCode.set(code, tally);
    }
    return tally;
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
          handledAs(tallies, code).count++;
          handling.observe(tallies.labels, (performance.now() - startedMs) / MS_PER_SECOND);
        },
      };
    },
  };
}

function labelsOf({ type, service, method, protocol }: ObservedCall): Record<Label, string> {
  return { grpc_type: type, grpc_service: service, grpc_method: method, protocol };
}
