import { ClusterError } from "../base/index.js";
import type { ErrorCode } from "../base/index.js";

/** A field of the request that is at fault. Nothing was done. */
export function fieldFault(field: string, description: string): ClusterError {
  return new ClusterError("invalid-argument", `${field}: ${description}`, {
    violations: [{ field, description }],
    outcome: "not_applied",
  });
}

/** The same words as the shards': what is absent and what is another's look alike. */
export function notFound(name: string): ClusterError {
  return refused("not-found", `${name} was not found`);
}

export function refused(code: ErrorCode, message: string): ClusterError {
  return new ClusterError(code, message, { outcome: "not_applied" });
}
