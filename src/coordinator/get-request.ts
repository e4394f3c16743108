import type { DescMethod } from "@bufbuild/protobuf";
import { base64Decode } from "@bufbuild/protobuf/wire";
import { MethodOptions_IdempotencyLevel as Idempotency } from "@bufbuild/protobuf/wkt";
import type { UniversalServerRequest } from "@connectrpc/connect/protocol";
import { ClusterError } from "../base/index.js";

/** A GET of the Connect protocol: the message is in the query. */
export function isGetCall(request: UniversalServerRequest, method: DescMethod): boolean {
  return (
    request.method === "GET" &&
    method.methodKind === "unary" &&
    method.idempotency === Idempotency.NO_SIDE_EFFECTS
  );
}

/** The same call as a POST, so that there is one way for a message to be read, limited and refused. */
export function asPost(request: UniversalServerRequest): UniversalServerRequest {
  const query = new URL(request.url).searchParams;
  const header = new Headers(request.header);
  header.delete("content-length");
  header.set("content-type", `application/${query.get("encoding") ?? "unknown"}`);
  header.set("content-encoding", query.get("compression") ?? "identity");
  return { ...request, method: "POST", header, body: message(query) };
}

async function* message(query: URLSearchParams): AsyncGenerator<Uint8Array> {
  const text = query.get("message") ?? "";
  yield query.get("base64") === "1" ? decode(text) : new TextEncoder().encode(text);
}

function decode(text: string): Uint8Array {
  try {
    return base64Decode(text);
  } catch (cause) {
    const problem = "the query's message is not base64: send it as base64url, or without base64=1";
    throw new ClusterError("invalid-argument", problem, {}, cause);
  }
}
