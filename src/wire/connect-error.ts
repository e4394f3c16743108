import { ConnectError } from "@connectrpc/connect";
import { messageInit } from "./message-init.js";
import { describeError } from "./status.js";

/**
 * What gRPC, gRPC-Web and Connect answer for a failure: the code, the message, and google.rpc details. What the protocol
 * itself refused stays as it is.
 */
export function toConnectError(failure: unknown): ConnectError {
  if (failure instanceof ConnectError) return failure;
  const { status, message, details } = describeError(failure);
  const outgoing = details.map(({ desc, value }) => ({ desc, value: messageInit(value) }));
  return new ConnectError(message, status, undefined, outgoing, failure);
}
