import type { Message } from "@bufbuild/protobuf";

/** What a log line says of a call: which one, and how to find it again elsewhere. */
export interface CallFacts {
  /** `package.Service/Method`. */
  readonly call: string;
  /** Of a write: the same stands in the audit trail. */
  readonly requestId?: string;
  /** W3C Trace Context, as the client sent it. */
  readonly traceparent?: string;
}

/** Of a request, undefined where it could not be read. */
export function factsOf(
  request: Message | undefined,
  traceparent: string | null | undefined,
): Omit<CallFacts, "call"> {
  const requestId = request !== undefined && "requestId" in request ? request.requestId : "";
  return {
    ...(typeof requestId === "string" && requestId !== "" ? { requestId } : {}),
    ...(traceparent === null || traceparent === undefined ? {} : { traceparent }),
  };
}
