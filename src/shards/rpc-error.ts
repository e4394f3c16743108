import { status, type ServiceError } from "@grpc/grpc-js";
import { ClusterError, isErrorCode } from "../base/index.js";
import { ERROR_CODE_TRAILER } from "../wire/index.js";

/** What a node's failed call says, in our words: its own code where it gave one. */
export function toClusterError(error: ServiceError): ClusterError {
  const [code] = error.metadata.get(ERROR_CODE_TRAILER);
  if (typeof code === "string" && isErrorCode(code)) return new ClusterError(code, error.details);
  return error.code === status.DEADLINE_EXCEEDED
    ? new ClusterError("deadline-exceeded", "the node did not answer in time")
    : new ClusterError("unreachable", error.details);
}
