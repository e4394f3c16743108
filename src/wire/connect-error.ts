import { Code, ConnectError } from "@connectrpc/connect";
import { ClusterError, ERRORS } from "../base/index.js";
import type { StatusCode } from "../base/index.js";
import { ErrorInfoSchema } from "../../gen/google/rpc/error_details_pb.js";
import { describeError, ERROR_DOMAIN } from "./status.js";

/** The same numbers under Connect's names. */
const CODES: Readonly<Record<StatusCode, Code>> = {
  1: Code.Canceled,
  2: Code.Unknown,
  3: Code.InvalidArgument,
  4: Code.DeadlineExceeded,
  5: Code.NotFound,
  6: Code.AlreadyExists,
  7: Code.PermissionDenied,
  8: Code.ResourceExhausted,
  9: Code.FailedPrecondition,
  10: Code.Aborted,
  11: Code.OutOfRange,
  12: Code.Unimplemented,
  13: Code.Internal,
  14: Code.Unavailable,
  15: Code.DataLoss,
  16: Code.Unauthenticated,
};

/**
 * What gRPC, gRPC-Web and Connect answer for a failure: the code, the message, and google.rpc details. What the library of
 * the protocols itself refused keeps its words, and gets the reason that every refusal has.
 */
export function toConnectError(failure: unknown): ConnectError {
  if (failure instanceof ConnectError) return withReason(failure);
  const { status, message, details } = describeError(failure);
  return new ConnectError(message, CODES[status], undefined, [...details], failure);
}

/** Name of the code that it answers with, such as `NotFound`. */
export function codeName(failure: unknown): string {
  if (failure instanceof ConnectError) return Code[failure.code];
  return Code[CODES[ERRORS[failure instanceof ClusterError ? failure.code : "internal"].status]];
}

function withReason(error: ConnectError): ConnectError {
  if (error.details.length > 0) return error;
  const [name = "unknown"] = Object.entries(Code).find(([, value]) => value === error.code) ?? [];
  const reason = name.replaceAll(/(?<!^)[A-Z]/gu, "_$&").toUpperCase();
  error.details.push({ desc: ErrorInfoSchema, value: { reason, domain: ERROR_DOMAIN } });
  return error;
}
