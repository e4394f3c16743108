import type { Message } from "@bufbuild/protobuf";
import { traceContextOf } from "../wire/index.js";
import type { TraceContext } from "../wire/index.js";

/** What a log line says of a call: which one, and how to find it again elsewhere. */
export interface CallFacts extends TraceContext {
  /** `package.Service/Method`. */
  readonly call: string;
  /** Of a write: the same stands in the audit trail. */
  readonly requestId?: string;
}

/** Of a request, undefined where it could not be read. */
export function factsOf(
  request: Message | undefined,
  traceparent: string | null | undefined,
): Omit<CallFacts, "call"> {
  const requestId = request !== undefined && "requestId" in request ? request.requestId : "";
  return {
    ...(typeof requestId === "string" && requestId !== "" ? { requestId } : {}),
    ...traceContextOf(traceparent),
  };
}
