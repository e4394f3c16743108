/**
 * Every way in which an operation can fail, as people, programs and the other processes see it. A code names a cause; what it
 * means on a protocol stands in the table below. A new code does not compile without its row.
 */
export type ErrorCode =
  | "invalid-argument"
  | "request-id-reused"
  | "request-expired"
  | "unauthenticated"
  | "permission-denied"
  | "not-found"
  | "already-exists"
  | "stale-etag"
  | "failed-precondition"
  | "not-leader"
  | "wrong-shard"
  | "no-leader"
  | "transferring"
  | "stopping"
  | "unreachable"
  | "outcome-unknown"
  | "deadline-exceeded"
  | "canceled"
  | "overloaded"
  | "rate-limited"
  | "request-too-large"
  | "response-too-large"
  | "log-full"
  | "entry-too-large"
  | "disk-slow"
  | "disk-full"
  | "position-gone"
  | "epoch-changed"
  | "unimplemented"
  | "corrupt-storage"
  | "internal";

/** The canonical codes of gRPC, by number (grpc/doc/statuscodes.md). */
export type StatusCode = 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 | 10 | 11 | 12 | 13 | 14 | 15 | 16;

export interface ErrorSpec {
  readonly status: StatusCode;
  readonly httpStatus: number;
  /** Stable UPPER_SNAKE word of google.rpc.ErrorInfo. */
  readonly reason: string;
  /** The same request may succeed later or elsewhere, and repeating it is safe. */
  readonly retryable: boolean;
}

const spec = (
  status: StatusCode,
  httpStatus: number,
  reason: string,
  retryable = false,
): ErrorSpec => ({ status, httpStatus, reason, retryable });

export const ERRORS = {
  "invalid-argument": spec(3, 400, "INVALID_ARGUMENT"),
  "request-id-reused": spec(3, 400, "REQUEST_ID_REUSED"),
  "request-expired": spec(9, 400, "REQUEST_EXPIRED"),
  unauthenticated: spec(16, 401, "UNAUTHENTICATED"),
  "permission-denied": spec(7, 403, "PERMISSION_DENIED"),
  "not-found": spec(5, 404, "NOT_FOUND"),
  "already-exists": spec(6, 409, "ALREADY_EXISTS"),
  "stale-etag": spec(10, 409, "STALE_ETAG"),
  "failed-precondition": spec(9, 400, "FAILED_PRECONDITION"),
  "not-leader": spec(9, 400, "NOT_LEADER", true),
  "wrong-shard": spec(9, 400, "WRONG_SHARD", true),
  "no-leader": spec(14, 503, "NO_LEADER", true),
  transferring: spec(14, 503, "TRANSFERRING", true),
  stopping: spec(14, 503, "STOPPING", true),
  unreachable: spec(14, 503, "UNREACHABLE", true),
  "outcome-unknown": spec(14, 503, "OUTCOME_UNKNOWN"),
  "deadline-exceeded": spec(4, 504, "DEADLINE_EXCEEDED"),
  canceled: spec(1, 499, "CANCELED"),
  overloaded: spec(8, 429, "OVERLOADED", true),
  "rate-limited": spec(8, 429, "RATE_LIMITED", true),
  "request-too-large": spec(8, 413, "REQUEST_TOO_LARGE"),
  "response-too-large": spec(8, 400, "RESPONSE_TOO_LARGE"),
  "log-full": spec(8, 429, "LOG_FULL", true),
  "entry-too-large": spec(3, 400, "ENTRY_TOO_LARGE"),
  "disk-slow": spec(14, 503, "DISK_SLOW", true),
  "disk-full": spec(8, 429, "DISK_FULL", true),
  "position-gone": spec(11, 410, "POSITION_GONE"),
  "epoch-changed": spec(11, 410, "EPOCH_CHANGED"),
  unimplemented: spec(12, 501, "UNIMPLEMENTED"),
  "corrupt-storage": spec(15, 500, "CORRUPT_STORAGE"),
  internal: spec(13, 500, "INTERNAL"),
} satisfies Record<ErrorCode, ErrorSpec>;

export interface ErrorDetails {
  /** Fields of the request that are at fault. */
  readonly violations?: readonly { readonly field: string; readonly description: string }[];
  readonly retryAfterMs?: number;
  /** Whether the command took effect, where that is not plain from the code. */
  readonly outcome?: "unknown" | "not_applied";
  /** Node that leads the shard, as far as the answering one knows. */
  readonly leaderNode?: string;
  readonly rangeVersion?: number;
  /** More words for ErrorInfo.metadata. */
  readonly metadata?: Readonly<Record<string, string>>;
}

/** An operating error at an edge. `message` tells a person what to do next; `cause` is for the log and is never sent. */
export class ClusterError extends Error {
  override readonly name = "ClusterError";
  readonly code: ErrorCode;
  readonly details: ErrorDetails;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.details = details;
  }

  get retryable(): boolean {
    return ERRORS[this.code].retryable;
  }
}

/** One of this side, to be written down; the others come with every network, or are the caller's. */
export function isFault({ code }: ClusterError): boolean {
  return code === "internal" || code === "corrupt-storage";
}

export function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(ERRORS, code);
}
