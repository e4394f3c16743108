import type { ConnectRouter, HandlerContext } from "@connectrpc/connect";
import {
  Health,
  HealthCheckResponse_ServingStatus as Serving,
  type HealthCheckRequest,
} from "../../gen/grpc/health/v1/health_pb.js";
import { ClusterError } from "../base/index.js";
import { toConnectError } from "../wire/index.js";
import { CALL_RECORD } from "./call-record.js";
import type { Clock } from "./clock.js";

const POLL_MS = 500;

export interface HealthServiceOptions {
  readonly ready: () => boolean;
  /** Names that can be asked for beside the empty one: all are served by one process, and share its state. */
  readonly services: readonly string[];
  /** Those whose state is their own, such as `shard/users`. */
  readonly parts: () => ReadonlyMap<string, boolean>;
  readonly clock: Clock;
  readonly stopping: AbortSignal;
  /** Milliseconds that one watch may last. */
  readonly streamMsMax: number;
}

/** Gives grpc.health.v1, as its documentation says: Check refuses an unknown name, Watch says that it is unknown. */
export function routeHealth(router: ConnectRouter, options: HealthServiceOptions): void {
  const { ready, services, parts, clock, stopping, streamMsMax } = options;
  const whole = ["", ...services];
  const statusOf = (name: string): Serving => {
    const serves = whole.includes(name) ? ready() : parts().get(name);
    if (serves === undefined) return Serving.SERVICE_UNKNOWN;
    return serves ? Serving.SERVING : Serving.NOT_SERVING;
  };
  const implementation = {
    check: ({ service }: HealthCheckRequest, context: HandlerContext) => {
      const status = statusOf(service);
      const known = status !== Serving.SERVICE_UNKNOWN;
      context.values.get(CALL_RECORD).code = known ? "OK" : "NotFound";
      if (known) return { status };
      throw toConnectError(new ClusterError("not-found", `there is no service "${service}" here`));
    },
    list: (_request: object, context: HandlerContext) => {
      context.values.get(CALL_RECORD).code = "OK";
      const names = [...whole, ...parts().keys()];
      return {
        statuses: Object.fromEntries(names.map((name) => [name, { status: statusOf(name) }])),
      };
    },
    watch: async function* ({ service }: HealthCheckRequest, { signal }: HandlerContext) {
      let told: Serving | undefined;
      while (!signal.aborted) {
        const status = statusOf(service);
        if (status !== told) yield { status };
        told = status;
        await pause(clock, signal);
      }
      signal.throwIfAborted();
    },
  };
  router.service(Health, implementation, { shutdownSignal: stopping, maxTimeoutMs: streamMsMax });
}

/** Until the next look, or the end. */
function pause(clock: Clock, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      signal.removeEventListener("abort", end);
      cancel();
      resolve();
    };
    const cancel = clock.after(POLL_MS, end);
    signal.addEventListener("abort", end);
    if (signal.aborted) end();
  });
}
