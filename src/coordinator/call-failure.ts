import { Code, ConnectError } from "@connectrpc/connect";
import { ClusterError } from "../base/index.js";
import { toConnectError } from "../wire/index.js";
import type { CallRecord } from "./call-record.js";
import type { Logger } from "./logger.js";

/** Turns what a call threw into what the client hears, and writes down once what the client is not told. */
export function callFailure(
  failure: unknown,
  record: CallRecord,
  call: string,
  logger: Logger | undefined,
): ConnectError {
  const answer = toConnectError(failure);
  record.code = Code[answer.code];
  if (isOurs(failure)) logger?.error("a call failed", { call, cause: causeOf(failure) });
  return answer;
}

/** The fault of this side, and not one of those that come with every network. */
function isOurs(failure: unknown): boolean {
  if (failure instanceof ConnectError) return false;
  if (!(failure instanceof ClusterError)) return true;
  return failure.code === "internal" || failure.code === "corrupt-storage";
}

function causeOf(failure: unknown): string {
  const cause =
    failure instanceof ClusterError && failure.cause !== undefined ? failure.cause : failure;
  return cause instanceof Error ? (cause.stack ?? cause.message) : String(cause);
}
