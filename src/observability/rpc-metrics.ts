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

export interface RpcMetrics {
  /** Counts a call that begins; the returned function counts its end, by the name of the gRPC code (`OK`, `NotFound`). */
  started(call: RpcCall): (code: string) => void;
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
      return (code) => {
        handled.inc({ ...labels, grpc_code: code });
        handling.observe(labels, (performance.now() - startedMs) / MS_PER_SECOND);
      };
    },
  };
}
