import { Metadata } from "@grpc/grpc-js";
import { ClusterError, ERRORS, type StatusCode } from "../base/index.js";
import { ERROR_CODE_TRAILER } from "../wire/index.js";

/** What grpc-js answers a failed call with; the trailer carries our own code. Unknown errors say nothing of themselves. */
export class RpcFailure extends Error {
  override readonly name = "RpcFailure";
  readonly code: StatusCode;
  readonly details: string;
  readonly metadata = new Metadata();

  constructor(error: unknown) {
    const { code, message } =
      error instanceof ClusterError
        ? error
        : { code: "internal" as const, message: "internal error" };
    super(message, { cause: error });
    this.code = ERRORS[code].status;
    this.details = message;
    this.metadata.set(ERROR_CODE_TRAILER, code);
  }
}
