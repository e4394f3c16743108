import { Code, ConnectError } from "@connectrpc/connect";
import { ClusterError } from "../base/index.js";
import { toConnectError } from "../wire/index.js";

/** What went wrong while a request was read: whatever it is, it is not this side's fault. */
export function requestFailure(failure: unknown): ConnectError {
  if (failure instanceof ClusterError) return toConnectError(failure);
  if (!(failure instanceof ConnectError)) {
    return new ConnectError("the request broke off", Code.Canceled, undefined, undefined, failure);
  }
  if (failure.code !== Code.Internal) return failure;
  const { rawMessage, details } = failure;
  return new ConnectError(rawMessage, Code.InvalidArgument, undefined, [], { failure, details });
}
