import type { DescMethod } from "@bufbuild/protobuf";
import { ClusterError } from "../base/index.js";
import { connectRefusal } from "./forms/connect-form.js";
import { restRefusal } from "./forms/rest-form.js";
import { respond, respondJson, type HttpRequest, type HttpResponse } from "./http.js";
import { parseProtocol } from "./protocol.js";

const UNIMPLEMENTED = "12";

/** An address that is none. */
export function refuseAddress(response: HttpResponse): void {
  const failure = new ClusterError("not-found", "there is nothing here: see / for what is");
  const { status, headers, body } = restRefusal(failure);
  respond(response, status, headers, Buffer.from(body).toString());
}

/** A path that no method has, in the words of the protocol that asked. One whose service is of no package is an address. */
export function refuseUnknownMethod(request: HttpRequest, response: HttpResponse): void {
  const path = pathOf(request);
  if (!/^\/\w+(?:\.\w+)+\/\w+$/u.test(path)) {
    refuseAddress(response);
    return;
  }
  const message =
    `there is no method ${path}: the path of a call is /package.Service/Method, ` +
    "such as /cabildo.v1.EventService/GetEvent: see / for what is there";
  const type = request.headers["content-type"] ?? "";
  const protocol = parseProtocol(type);
  if (protocol === undefined || protocol.name === "connect") {
    respondRefusal(response, 404, new ClusterError("unimplemented", message));
    return;
  }
  const status = {
    "content-type": type,
    "grpc-status": UNIMPLEMENTED,
    "grpc-message": encodeURIComponent(message),
  };
  respond(response, 200, status, "");
}

/** A request to a method that is of none of the protocols it is served in. */
export function refuseForm(
  request: HttpRequest,
  response: HttpResponse,
  method: DescMethod,
  allowedMethods: readonly string[],
): void {
  if (!allowedMethods.includes(request.method ?? "")) {
    response.setHeader("allow", allowedMethods.join(", "));
    const message = `use ${allowedMethods.join(" or ")} for ${method.name}`;
    respondRefusal(response, 405, new ClusterError("unimplemented", message));
    return;
  }
  const types =
    method.methodKind === "unary"
      ? "application/json, application/proto, application/grpc, application/grpc-web"
      : "application/connect+json, application/connect+proto, application/grpc, application/grpc-web";
  response.setHeader("accept-post", types);
  const message = `send ${method.name} as one of ${types}`;
  respondRefusal(response, 415, new ClusterError("invalid-argument", message));
}

/** As Connect tells it, with the status of HTTP that fits better than that of its code. */
function respondRefusal(response: HttpResponse, status: number, failure: ClusterError): void {
  respondJson(response, status, connectRefusal(failure));
}

/** Without the query, and short enough to be repeated. */
function pathOf(request: HttpRequest): string {
  const PATH_LENGTH_MAX = 200;
  return (request.url ?? "").split("?", 1)[0]?.slice(0, PATH_LENGTH_MAX) ?? "";
}
