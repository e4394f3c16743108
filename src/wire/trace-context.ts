/** What a call carries of the trace that it belongs to. */
export interface TraceContext {
  /** https://www.w3.org/TR/trace-context/#traceparent-header */
  readonly traceparent?: string;
}

/** Version 00: ids of nothing but zeros are none. */
const TRACEPARENT = /^00-(?!0{32})[\da-f]{32}-(?!0{16})[\da-f]{16}-[\da-f]{2}$/u;

/** Of a client's `traceparent`. What is none is passed over, as the standard asks: no call fails for how it is traced. */
export function traceContextOf(traceparent: unknown): TraceContext {
  return typeof traceparent === "string" && TRACEPARENT.test(traceparent) ? { traceparent } : {};
}
