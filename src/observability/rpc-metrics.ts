import { Counter, exponentialBuckets, Histogram } from "prom-client";
import type { Registry } from "prom-client";

export interface RpcCall {
  /** Full name, such as `cabildo.v1.EventService`. */
  readonly service: string;
  readonly method: string;
  readonly type: "unary" | "server_stream" | "client_stream" | "bidi_stream";
  /** grpc, grpc-web, connect, rest or ws. */
  readonly protocol: string;
}

/** Counts what becomes of one call. */
export interface CountedCall {
  received(): void;
  sent(): void;
  /** By the name of the gRPC code (`OK`, `NotFound`). */
  ended(code: string): void;
}

export interface RpcMetrics {
  /** Counts a call that begins. */
  started(call: RpcCall): CountedCall;
}

const MS_PER_SECOND = 1000;
const LABELS = ["grpc_type", "grpc_service", "grpc_method", "protocol"] as const;

/** The calls to a door under the names that the gRPC ecosystem's dashboards expect, with the protocol beside. */
export function createRpcMetrics(registry: Registry): RpcMetrics {
  const registers = [registry];
  const begun = new Counter({
    name: "grpc_server_started_total",
    help: "Calls that began.",
    labelNames: LABELS,
    registers,
  });
  const received = new Counter({
    name: "grpc_server_msg_received_total",
    help: "Messages of clients that were read.",
    labelNames: LABELS,
    registers,
  });
  const sent = new Counter({
    name: "grpc_server_msg_sent_total",
    help: "Messages that were sent to clients.",
    labelNames: LABELS,
    registers,
  });
  const handled = new Counter({
    name: "grpc_server_handled_total",
    help: "Calls that ended, by code.",
    labelNames: [...LABELS, "grpc_code"] as const,
    registers,
  });
  const handling = new Histogram({
    name: "grpc_server_handling_seconds",
    help: "Time from the beginning of a call to its end.",
    labelNames: LABELS,
    buckets: exponentialBuckets(0.001, 2, 14),
    registers,
  });
  return {
    started: (call) => {
      const labels = {
        grpc_type: call.type,
        grpc_service: call.service,
        grpc_method: call.method,
        protocol: call.protocol,
      };
      begun.inc(labels);
      const startedMs = performance.now();
      // Streams carry many messages: their labels are looked up once.
      const [read, written] = [received.labels(labels), sent.labels(labels)];
      return {
        received: () => read.inc(),
        sent: () => written.inc(),
        ended: (code) => {
          handled.inc({ ...labels, grpc_code: code });
          handling.observe(labels, (performance.now() - startedMs) / MS_PER_SECOND);
        },
      };
    },
  };
}
