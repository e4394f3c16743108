import { ClusterError } from "../base/index.js";
import type { CloseCause } from "./close-codes.js";
import { looksExpired } from "./looks-expired.js";

export interface Verdict {
  readonly cause: CloseCause;
  readonly reason: string;
  /** Left out: as for every end of that cause. */
  readonly retryAfterMs?: number | undefined;
}

/**
 * How a connection ends whose `connect` was refused. It must be right: who is told to stop does not come back with a new
 * token.
 */
export function judgeRefusedConnect(token: string, error: unknown, wallMs: number): Verdict {
  if (!(error instanceof ClusterError)) return { cause: "overloaded", reason: "try again" };
  switch (error.code) {
    case "unauthenticated":
    case "invalid-argument":
      return looksExpired(token, wallMs)
        ? {
            cause: "token-expired",
            reason: "the token has expired: connect with a new one",
            retryAfterMs: 0,
          }
        : {
            cause: "invalid-token",
            reason: "this is no token of this cluster, or it was revoked",
          };
    case "permission-denied":
      return { cause: "permission-denied", reason: error.message };
    case "failed-precondition":
      return { cause: "connection-limit", reason: error.message };
    default:
      return {
        cause: "overloaded",
        reason: "who you are cannot be checked now: try again",
        retryAfterMs: error.details.retryAfterMs,
      };
  }
}
