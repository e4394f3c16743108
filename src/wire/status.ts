import { create, type DescMessage, type Message } from "@bufbuild/protobuf";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import {
  BadRequestSchema,
  ErrorInfoSchema,
  RetryInfoSchema,
  type ErrorInfo,
} from "../../gen/google/rpc/error_details_pb.js";
import { ClusterError, ERRORS, type StatusCode } from "../base/index.js";

const DOMAIN = "cabildo";

/** A failure as every protocol tells it. */
export interface ErrorDescription {
  readonly status: StatusCode;
  readonly httpStatus: number;
  readonly message: string;
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
  const { violations, retryAfterMs } = details;
  return {
    status,
    httpStatus,
    message,
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

/** Names of nodes and versions of maps stay inside. */
function errorInfo({ code, details }: ClusterError): ErrorInfo {
  const metadata = { ...details.metadata };
  if (details.outcome !== undefined) metadata["outcome"] = details.outcome;
  return create(ErrorInfoSchema, { reason: ERRORS[code].reason, domain: DOMAIN, metadata });
}
