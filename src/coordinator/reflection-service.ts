import { fromBinary, toBinary, type DescService } from "@bufbuild/protobuf";
import type { ConnectRouter, HandlerContext } from "@connectrpc/connect";
import {
  ServerReflection,
  ServerReflectionRequestSchema,
  ServerReflectionResponseSchema,
  type ServerReflectionRequest,
} from "../../gen/grpc/reflection/v1/reflection_pb.js";
import {
  ServerReflection as ServerReflectionAlpha,
  ServerReflectionRequestSchema as AlphaRequestSchema,
  ServerReflectionResponseSchema as AlphaResponseSchema,
  type ServerReflectionRequest as AlphaRequest,
} from "../../gen/grpc/reflection/v1alpha/reflection_pb.js";
import { file_google_rpc_error_details } from "../../gen/google/rpc/error_details_pb.js";
import { createReflection } from "../wire/index.js";
import { CALL_RECORD } from "./call-record.js";

/** Describes these services, and itself, to tools that have no descriptors. The older version has the same bytes. */
export function routeReflection(
  router: ConnectRouter,
  services: readonly DescService[],
  options: { readonly shutdownSignal: AbortSignal; readonly maxTimeoutMs: number },
): void {
  const described = [...services, ServerReflection, ServerReflectionAlpha];
  // No method mentions the details of a refusal: without these a tool prints bytes.
  const reflect = createReflection(described, [file_google_rpc_error_details]);
  const current = {
    serverReflectionInfo: async function* (
      requests: AsyncIterable<ServerReflectionRequest>,
      context: HandlerContext,
    ) {
      for await (const request of requests) yield reflect(request);
      context.values.get(CALL_RECORD).code = "OK";
    },
  };
  const alpha = {
    serverReflectionInfo: async function* (
      requests: AsyncIterable<AlphaRequest>,
      context: HandlerContext,
    ) {
      for await (const request of requests) {
        const bytes = toBinary(AlphaRequestSchema, request);
        const answer = reflect(fromBinary(ServerReflectionRequestSchema, bytes));
        yield fromBinary(AlphaResponseSchema, toBinary(ServerReflectionResponseSchema, answer));
      }
      context.values.get(CALL_RECORD).code = "OK";
    },
  };
  router.service(ServerReflection, current, options);
  router.service(ServerReflectionAlpha, alpha, options);
}
