import { ClusterError, ERRORS } from "../base/index.js";
import type { StatusCode } from "../base/index.js";

/** What grpc-js answers a failed call with. */
export class RpcRefusal extends Error {
  override readonly name = "RpcRefusal";
  readonly code: StatusCode;
  readonly details: string;

  constructor(error: unknown) {
    const { code, message } =
      error instanceof ClusterError
        ? error
        : { code: "internal" as const, message: "internal error" };
    super(message);
    this.code = ERRORS[code].status;
    this.details = message;
  }
}
