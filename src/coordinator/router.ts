import { createRegistry, type DescService } from "@bufbuild/protobuf";
import { createConnectRouter, type ConnectRouter } from "@connectrpc/connect";
import type { UniversalHandler } from "@connectrpc/connect/protocol";
import { Health } from "../../gen/grpc/health/v1/health_pb.js";
import { COMPRESSIONS } from "./compressions.js";
import { routeToGateway, type GatewayMethodsOptions } from "./gateway-methods.js";
import { routeHealth } from "./health-service.js";
import { routeReflection } from "./reflection-service.js";

export interface RouterOptions extends GatewayMethodsOptions {
  readonly ready: () => boolean;
  readonly parts: () => ReadonlyMap<string, boolean>;
  /** Answered by the backend. */
  readonly services: readonly DescService[];
  /** Adds what streams requests, which the backend does not take. */
  readonly addRoutes: ((router: ConnectRouter) => void) | undefined;
  readonly reflection: boolean;
}

/** Every method of this port by its path: the public API, health, and reflection where it is on. */
export function createRouter(options: RouterOptions): ReadonlyMap<string, UniversalHandler> {
  const { ready, services, limits, clock, stopping } = options;
  const router = createConnectRouter({
    acceptCompression: COMPRESSIONS,
    readMaxBytes: limits.requestBytesMax,
    writeMaxBytes: limits.responseBytesMax,
    binaryOptions: { readUnknownFields: false, writeUnknownFields: false },
    jsonOptions: {
      ignoreUnknownFields: false,
      registry: createRegistry(...services.map(({ file }) => file)),
    },
  });
  for (const method of services.flatMap((service) => service.methods)) {
    const streamsRequests = /^(?:client|bidi)_streaming$/u.test(method.methodKind);
    if (options.addRoutes === undefined || !streamsRequests)
      routeToGateway(router, method, options);
  }
  options.addRoutes?.(router);
  const names = services.map(({ typeName }) => typeName);
  const { streamMsMax } = limits;
  routeHealth(router, {
    ready,
    parts: options.parts,
    services: names,
    clock,
    stopping,
    streamMsMax,
  });
  if (options.reflection) {
    routeReflection(router, [...services, Health], {
      shutdownSignal: stopping,
      maxTimeoutMs: limits.streamMsMax,
    });
  }
  return new Map(router.handlers.map((handler) => [handler.requestPath, handler]));
}
