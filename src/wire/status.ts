import { durationFromMs } from "@bufbuild/protobuf/wkt";
import { ConnectError } from "@connectrpc/connect";
import {
  BadRequestSchema,
  ErrorInfoSchema,
  RetryInfoSchema,
} from "../../gen/google/rpc/error_details_pb.js";
import { ClusterError, ERRORS } from "../base/index.js";

/** Domain of google.rpc.ErrorInfo: the reasons are ours. */
const ERROR_DOMAIN = "cabildo";
const INTERNAL_TEXT = "something went wrong here: it was written down; try again later";

/**
 * What gRPC, gRPC-Web and Connect answer for a failure: the code, the message, and google.rpc details. A failure that is
 * neither ours nor the protocol's says nothing of itself.
 */
export function toConnectError(failure: unknown): ConnectError {
  if (failure instanceof ConnectError) return failure;
  if (failure instanceof ClusterError) return translate(failure);
  return translate(new ClusterError("internal", INTERNAL_TEXT, {}, failure));
}

type Detail = ConnectError["details"][number];

function translate(error: ClusterError): ConnectError {
  const { status, reason } = ERRORS[error.code];
  const { violations, retryAfterMs, outcome, metadata } = error.details;
  const info = {
    reason,
    domain: ERROR_DOMAIN,
    metadata: { ...metadata, ...(outcome === undefined ? {} : { outcome }) },
  };
  const details: Detail[] = [{ desc: ErrorInfoSchema, value: info }];
  if (violations !== undefined && violations.length > 0) {
    const fieldViolations = violations.map((violation) => ({ ...violation, reason: "" }));
    details.push({ desc: BadRequestSchema, value: { fieldViolations } });
  }
  if (retryAfterMs !== undefined) {
    const retryDelay = durationFromMs(Math.max(0, Math.ceil(retryAfterMs)));
    details.push({ desc: RetryInfoSchema, value: { retryDelay } });
  }
  return new ConnectError(error.message, status, undefined, details, error);
}
