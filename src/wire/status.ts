import { create, type DescMessage, type Message } from "@bufbuild/protobuf";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import {
  BadRequestSchema,
  ErrorInfoSchema,
  RetryInfoSchema,
  type ErrorInfo,
} from "../../gen/google/rpc/error_details_pb.js";
import { ClusterError, ERRORS, type StatusCode } from "../base/index.js";

export const ERROR_DOMAIN = "cabildo";
/** For what may be repeated and does not say when. */
const RETRY_AFTER_MS = 200;

/** A failure as every protocol tells it. */
export interface ErrorDescription {
  readonly status: StatusCode;
  readonly httpStatus: number;
  readonly message: string;
  /** When the same request may be sent again; undefined where that does not help. */
  readonly retryAfterMs: number | undefined;
  readonly details: readonly { readonly desc: DescMessage; readonly value: Message }[];
}

/** What is not a ClusterError is a fault of this program, and says nothing of itself. */
export function describeError(error: unknown): ErrorDescription {
  if (!(error instanceof ClusterError)) {
    return describeError(
      new ClusterError("internal", "something went wrong on our side: it was written down"),
    );
  }
  const { code, message, details } = error;
  const { status, httpStatus } = ERRORS[code];
  const { violations } = details;
  const retryAfterMs = retryAfterMsOf(error);
  return {
    status,
    httpStatus,
    message,
    retryAfterMs,
    details: [
      { desc: ErrorInfoSchema, value: errorInfo(error) },
      ...(violations === undefined
        ? []
        : [
            {
              desc: BadRequestSchema,
              value: create(BadRequestSchema, { fieldViolations: [...violations] }),
            },
          ]),
      ...(retryAfterMs === undefined
        ? []
        : [
            {
              desc: RetryInfoSchema,
              value: create(RetryInfoSchema, {
                retryDelay: durationFromMs(Math.ceil(retryAfterMs)),
              }),
            },
          ]),
    ],
  };
}

/** When the same request may be sent again; undefined where that does not help. */
export function retryAfterMsOf({ details, retryable }: ClusterError): number | undefined {
  return details.retryAfterMs ?? (retryable ? RETRY_AFTER_MS : undefined);
}

/** Names of nodes and versions of maps stay inside. */
function errorInfo({ code, details }: ClusterError): ErrorInfo {
  const metadata = { ...details.metadata };
  if (details.outcome !== undefined) metadata["outcome"] = details.outcome;
  return create(ErrorInfoSchema, { reason: ERRORS[code].reason, domain: ERROR_DOMAIN, metadata });
}

/** The names of the canonical codes (google/rpc/code.proto). */
export const STATUS_NAMES: Readonly<Record<StatusCode, string>> = {
  1: "CANCELLED",
  2: "UNKNOWN",
  3: "INVALID_ARGUMENT",
  4: "DEADLINE_EXCEEDED",
  5: "NOT_FOUND",
  6: "ALREADY_EXISTS",
  7: "PERMISSION_DENIED",
  8: "RESOURCE_EXHAUSTED",
  9: "FAILED_PRECONDITION",
  10: "ABORTED",
  11: "OUT_OF_RANGE",
  12: "UNIMPLEMENTED",
  13: "INTERNAL",
  14: "UNAVAILABLE",
  15: "DATA_LOSS",
  16: "UNAUTHENTICATED",
};
