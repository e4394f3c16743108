import { Code, ConnectError } from "@connectrpc/connect";
import { ClusterError } from "../base/index.js";
import { toConnectError } from "../wire/index.js";
import { tooLarge } from "./read-body.js";

/** What went wrong while a request was read: whatever it is, it is not this side's fault. */
export function requestFailure(failure: unknown, bytesMax: number): ConnectError {
  if (failure instanceof ClusterError) return toConnectError(failure);
  if (!(failure instanceof ConnectError)) {
    return new ConnectError("the request broke off", Code.Canceled, undefined, undefined, failure);
  }
  if (failure.code === Code.ResourceExhausted) return toConnectError(tooLarge(bytesMax));
  if (failure.code !== Code.Internal) return toConnectError(failure);
  const { rawMessage, details } = failure;
  return toConnectError(
    new ConnectError(rawMessage, Code.InvalidArgument, undefined, [], { failure, details }),
  );
}
