import { create } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { ErrorInfoSchema } from "../../gen/google/rpc/error_details_pb.js";
import { GONE } from "./frames.js";
import type { Refusal } from "./frames.js";

/**
 * Why the cluster refused, such as `STALE_ETAG`: of a call that failed, over either door, or of a subscription that
 * ended. Undefined where it is not the cluster that says no.
 */
export function reasonOf(error: unknown): string | undefined {
  if (!(error instanceof ConnectError)) return undefined;
  return error.findDetails(ErrorInfoSchema)[0]?.reason;
}

/** Whether changes were missed that cannot be had any more: read again what you show, and subscribe from that read's position. */
export function isGone(error: unknown): boolean {
  return GONE.has(reasonOf(error) ?? "");
}

/** Canonical codes of gRPC by name (google/rpc/code.proto). */
const CODES: ReadonlyMap<string, Code> = new Map(
  [["Cancelled", Code.Canceled] as const, ...Object.entries(Code)].flatMap(([name, code]) =>
    typeof code === "number"
      ? [[name.replace(/(?<=[a-z])(?=[A-Z])/gu, "_").toUpperCase(), code]]
      : [],
  ),
);

/** What a socket refused, as a call over HTTP is refused. */
export function errorOf({ code, status, message }: Refusal): ConnectError {
  const info = create(ErrorInfoSchema, { reason: code, domain: "cabildo" });
  const text = message === "" ? code : message;
  return new ConnectError(text, CODES.get(status) ?? Code.Unknown, undefined, [
    { desc: ErrorInfoSchema, value: info },
  ]);
}
