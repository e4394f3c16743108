import { PUBLIC_SERVICES } from "../gateway/index.js";
import { createConnectRouter } from "@connectrpc/connect";
import type { UniversalHandler } from "@connectrpc/connect/protocol";
import { Health } from "../../gen/grpc/health/v1/health_pb.js";
import { COMPRESSIONS } from "./compressions.js";
import { routeToGateway, type GatewayMethodsOptions } from "./gateway-methods.js";
import { routeHealth } from "./health-service.js";
import { routeReflection } from "./reflection-service.js";

export interface RouterOptions extends GatewayMethodsOptions {
  readonly ready: () => boolean;
  readonly reflection: boolean;
}

/** Every method of this port by its path: the public API, health, and reflection where it is on. */
export function createRouter(options: RouterOptions): ReadonlyMap<string, UniversalHandler> {
  const { ready, limits, clock, stopping } = options;
  const router = createConnectRouter({
    acceptCompression: COMPRESSIONS,
    readMaxBytes: limits.requestBytesMax,
    writeMaxBytes: limits.responseBytesMax,
    binaryOptions: { readUnknownFields: false, writeUnknownFields: false },
    jsonOptions: { ignoreUnknownFields: false },
  });
  for (const service of PUBLIC_SERVICES) {
    for (const method of service.methods) routeToGateway(router, method, options);
  }
  const services = PUBLIC_SERVICES.map(({ typeName }) => typeName);
  routeHealth(router, { ready, services, clock, stopping, streamMsMax: limits.streamMsMax });
  if (options.reflection) {
    routeReflection(router, [...PUBLIC_SERVICES, Health], {
      shutdownSignal: stopping,
      maxTimeoutMs: limits.streamMsMax,
    });
  }
  return new Map(router.handlers.map((handler) => [handler.requestPath, handler]));
}
