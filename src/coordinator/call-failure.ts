import { Code, ConnectError } from "@connectrpc/connect";
import { ClusterError, isFault } from "../base/index.js";
import { toConnectError } from "../wire/index.js";
import type { CallFacts } from "./call-facts.js";
import type { CallRecord } from "./call-record.js";
import type { Logger } from "./logger.js";

/** Turns what a call threw into what the client hears, and writes down once what the client is not told. */
export function callFailure(
  failure: unknown,
  record: CallRecord,
  call: CallFacts,
  logger: Logger | undefined,
): ConnectError {
  const answer = toConnectError(refusalOf(failure, call, logger));
  record.code = Code[answer.code];
  return answer;
}

/** What a call threw, as a refusal: what is none is our fault, and says nothing of itself. */
export function refusalOf(
  failure: unknown,
  call: CallFacts,
  logger: Logger | undefined,
): ClusterError | ConnectError {
  // What a service says in words of its own is no fault.
  if (failure instanceof ConnectError) return failure;
  const refusal =
    failure instanceof ClusterError
      ? failure
      : new ClusterError(
          "internal",
          "something went wrong on our side: it was written down",
          {},
          failure,
        );
  if (isFault(refusal)) logger?.error("a call failed", { ...call, cause: causeOf(refusal) });
  return refusal;
}

function causeOf(failure: ClusterError): string {
  const cause: unknown = failure.cause ?? failure;
  return cause instanceof Error ? (cause.stack ?? cause.message) : String(cause);
}
