import type { DescMethod, Message } from "@bufbuild/protobuf";
import type { DescMethodServerStreaming, DescMethodUnary } from "@bufbuild/protobuf";
import { ConnectError, type ConnectRouter, type HandlerContext } from "@connectrpc/connect";
import { assert, ClusterError } from "../base/index.js";
import { traceContextOf } from "../wire/index.js";
import type { Backend, EdgeCall } from "./backend.js";
import { bearerToken } from "./bearer-token.js";
import { callFailure } from "./call-failure.js";
import { factsOf } from "./call-facts.js";
import { CALL_RECORD } from "./call-record.js";
import type { Clock } from "./clock.js";
import type { CoordinatorLimits } from "./limits.js";
import type { Logger } from "./logger.js";
import { MAX_STALENESS_HEADER, readMaxStalenessMs } from "./max-staleness.js";
import { untilAborted } from "./until-aborted.js";

export interface GatewayMethodsOptions {
  readonly gateway: Backend;
  readonly limits: CoordinatorLimits;
  readonly clock: Clock;
  readonly logger: Logger | undefined;
  /** Aborts when streams have to end. */
  readonly stopping: AbortSignal;
  /** Aborts when calls have to end. */
  readonly stopped: AbortSignal;
}

/** Serves a method of the public API by asking the gateway. */
export function routeToGateway(
  router: ConnectRouter,
  method: DescMethod,
  options: GatewayMethodsOptions,
): void {
  const { gateway, limits, clock, logger, stopping, stopped } = options;
  const name = `${method.parent.typeName}/${method.name}`;
  if (isUnary(method)) {
    const answer = async (request: Message, context: HandlerContext) => {
      const record = context.values.get(CALL_RECORD);
      record.note?.received();
      try {
        const call = gatewayCall(method, request, context, clock, limits.deadlineMsMax);
        const response = await gateway.unary(call);
        record.code = "OK";
        record.note?.sent();
        return response;
      } catch (failure) {
        const facts = { call: name, ...factsOf(request, context.requestHeader.get("traceparent")) };
        throw callFailure(reasonOf(failure, context.signal), record, facts, logger);
      }
    };
    router.rpc(method, answer, { maxTimeoutMs: limits.deadlineMsMax, shutdownSignal: stopped });
    return;
  }
  assert(isServerStreaming(method), `${name} streams requests, which the gateway does not take`);
  const stream = async function* (request: Message, context: HandlerContext) {
    const record = context.values.get(CALL_RECORD);
    record.note?.received();
    try {
      const call = gatewayCall(method, request, context, clock, limits.streamMsMax);
      for await (const response of untilAborted(gateway.stream(call), context.signal)) {
        record.note?.sent();
        yield response;
      }
      record.code = "OK";
    } catch (failure) {
      const facts = { call: name, ...factsOf(request, context.requestHeader.get("traceparent")) };
      throw callFailure(reasonOf(failure, context.signal), record, facts, logger);
    }
  };
  router.rpc(method, stream, { maxTimeoutMs: limits.streamMsMax, shutdownSignal: stopping });
}

function gatewayCall(
  method: DescMethod,
  request: Message,
  context: HandlerContext,
  clock: Clock,
  timeoutMsMax: number,
): EdgeCall {
  const token = bearerToken(context.requestHeader.get("authorization"));
  return {
    method,
    request,
    token,
    deadlineMs: clock.monotonicMs() + (context.timeoutMs() ?? timeoutMsMax),
    signal: context.signal,
    maxStalenessMs: readMaxStalenessMs(context.requestHeader.get(MAX_STALENESS_HEADER)),
    remoteAddress: context.values.get(CALL_RECORD).remoteAddress,
    metadata: {
      url: context.url,
      requestHeader: () => context.requestHeader,
      responseHeader: context.responseHeader,
      responseTrailer: context.responseTrailer,
    },
    ...traceContextOf(context.requestHeader.get("traceparent")),
  };
}

/** A call that was ended from outside failed for that reason, whatever it says when it notices. */
function reasonOf(failure: unknown, signal: AbortSignal): unknown {
  const isAbort = failure instanceof Error && failure.name === "AbortError";
  if (!isAbort || !signal.aborted) return failure;
  if (signal.reason instanceof ConnectError) return signal.reason;
  return new ClusterError("canceled", "the client left before the answer");
}

const isUnary = (method: DescMethod): method is DescMethodUnary => method.methodKind === "unary";

const isServerStreaming = (method: DescMethod): method is DescMethodServerStreaming =>
  method.methodKind === "server_streaming";
