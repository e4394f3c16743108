import type { DescMethod } from "@bufbuild/protobuf";
import { Code, createContextValues } from "@connectrpc/connect";
import {
  assertByteStreamRequest,
  type UniversalHandler,
  type UniversalServerRequest,
  type UniversalServerResponse,
} from "@connectrpc/connect/protocol";
import { ClusterError } from "../base/index.js";
import { codeName } from "../wire/index.js";
import { CALL_RECORD, type CallRecord } from "./call-record.js";
import { checkedBody } from "./checked-body.js";
import type { Clock } from "./clock.js";
import { setDefaultTimeout } from "./timeout.js";
import { asPost, isGetCall } from "./get-request.js";
import type { Answer } from "./exchange.js";
import { refusalIn } from "./forms/refusal-in.js";
import { faultOfHeaders } from "./header-fault.js";
import type { CoordinatorLimits } from "./limits.js";
import { parseProtocol, type Protocol } from "./protocol.js";
import { requestFailure } from "./request-failure.js";
import { untilAborted } from "./until-aborted.js";

/** What one method answers to one request of any protocol; undefined if it is of none. */
export interface RpcCall {
  readonly protocol: Protocol;
  readonly respond: () => Promise<UniversalServerResponse>;
}

/** Brings a request into the form in which Connect's handler is asked: one way of reading, a deadline, a record. */
export function prepareCall(
  handler: UniversalHandler,
  received: UniversalServerRequest,
  record: CallRecord,
  limits: CoordinatorLimits,
  clock: Clock,
): RpcCall | undefined {
  const { method } = handler;
  const request = isGetCall(received, method) ? asPost(received) : received;
  const protocol = parseProtocol(request.header.get("content-type"));
  if (protocol === undefined || request.method !== "POST" || !isFramed(protocol, method)) {
    return undefined;
  }
  assertByteStreamRequest(request);
  const { header, body } = request;
  const isUnary = method.methodKind === "unary";
  const timeoutMsMax = isUnary ? limits.deadlineMsMax : limits.streamMsMax;
  const fault = faultOfHeaders(header, protocol, timeoutMsMax, limits.requestBytesMax);
  if (fault !== undefined) {
    record.code = codeName(fault);
    const type = header.get("content-type") ?? "";
    const refusal = toUniversal(refusalIn(protocol, method, type, fault));
    return { protocol, respond: () => Promise.resolve(refusal) };
  }
  setDefaultTimeout(header, protocol, timeoutMsMax);
  const checked = checkedBody(body, header, method.input, protocol, limits.requestBytesMax);
  const isOneMessage = isUnary || method.methodKind === "server_streaming";
  const whole = isOneMessage ? inTime(checked, limits.deadlineMsMax, clock) : checked;
  return {
    protocol,
    respond: () =>
      handler({
        ...request,
        body: recorded(whole, record, limits.requestBytesMax),
        contextValues: createContextValues().set(CALL_RECORD, record),
      }),
  };
}

function toUniversal({ status, headers, body }: Answer): UniversalServerResponse {
  return { status, header: new Headers({ ...headers }), body: once(body) };
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

/** Connect sends the one message of a unary call without an envelope, and every stream in envelopes. */
const isFramed = ({ name, enveloped }: Protocol, { methodKind }: DescMethod): boolean =>
  name !== "connect" || enveloped === (methodKind !== "unary");

/** A request that does not arrive holds its place no longer than a call may. */
async function* inTime(
  body: AsyncIterable<Uint8Array>,
  timeoutMs: number,
  clock: Clock,
): AsyncGenerator<Uint8Array> {
  const late = new AbortController();
  const cancel = clock.after(timeoutMs, () => {
    const problem = "the request did not arrive in time: send it again";
    late.abort(new ClusterError("deadline-exceeded", problem));
  });
  try {
    yield* untilAborted(body, late.signal);
  } finally {
    cancel();
  }
}

async function* recorded(
  body: AsyncIterable<Uint8Array>,
  record: CallRecord,
  bytesMax: number,
): AsyncGenerator<Uint8Array> {
  try {
    yield* body;
  } catch (failure) {
    const refusal = requestFailure(failure, bytesMax);
    record.code = Code[refusal.code];
    throw refusal;
  }
}
