import { createRegistry, toJson, type JsonObject } from "@bufbuild/protobuf";
import { anyPack, AnySchema } from "@bufbuild/protobuf/wkt";
import { file_google_rpc_error_details } from "../../gen/google/rpc/error_details_pb.js";
import { describeError, STATUS_NAMES } from "./status.js";

/** A failure as plain HTTP tells it. */
export interface RestError {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly json: JsonObject;
}

const MS_PER_SECOND = 1000;
const UNAUTHORIZED = 401;

/** What a detail of a refusal may be. */
export const ERROR_DETAILS = createRegistry(file_google_rpc_error_details);

/** `{"error": {code, status, message, details}}`, as Google's APIs have it (AIP-193). */
export function toRestError(failure: unknown): RestError {
  const { status, httpStatus, message, details, retryAfterMs } = describeError(failure);
  const error = {
    code: httpStatus,
    status: STATUS_NAMES[status],
    message,
    details: details.map(({ desc, value }) =>
      toJson(AnySchema, anyPack(desc, value), { registry: ERROR_DETAILS }),
    ),
  };
  return {
    status: httpStatus,
    headers: {
      ...(httpStatus === UNAUTHORIZED ? { "www-authenticate": "Bearer" } : {}),
      ...(retryAfterMs === undefined
        ? {}
        : { "retry-after": String(Math.ceil(retryAfterMs / MS_PER_SECOND)) }),
    },
    json: { error },
  };
}
