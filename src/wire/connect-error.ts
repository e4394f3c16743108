import { Code, ConnectError } from "@connectrpc/connect";
import type { StatusCode } from "../base/index.js";
import { describeError } from "./status.js";

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
 * What gRPC, gRPC-Web and Connect answer for a failure: the code, the message, and google.rpc details. What the protocol
 * itself refused stays as it is.
 */
export function toConnectError(failure: unknown): ConnectError {
  if (failure instanceof ConnectError) return failure;
  const { status, message, details } = describeError(failure);
  return new ConnectError(message, CODES[status], undefined, [...details], failure);
}
