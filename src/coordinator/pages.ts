import type { DescriptionPages } from "./description/description-pages.js";
import { respond, respondJson, type HttpRequest, type HttpResponse } from "./http.js";
import { refuseAddress, refuseUnknownMethod } from "./refusals.js";

export interface PagesOptions {
  readonly ready: () => boolean;
  /** The public keys that access tokens are verified with (RFC 7517); undefined while there are none. */
  readonly jwks: () => object | undefined;
  /** Undefined where the API is not described to anyone. */
  readonly description: DescriptionPages | undefined;
}

const WELCOME =
  "This is Cabildo's API. It speaks gRPC, gRPC-Web, Connect and plain HTTP: for example " +
  "POST /v1/auth:login or /cabildo.v1.AuthService/Login with a body in JSON. /docs shows all of it, " +
  "/openapi.json tells it to programs.\n";
const JWKS_MAX_AGE_S = 300;

/** Everything at this port that is not a call. */
export async function servePage(
  request: HttpRequest,
  response: HttpResponse,
  { ready, jwks, description }: PagesOptions,
): Promise<void> {
  const path = (request.url ?? "").split("?", 1)[0] ?? "";
  const isRead = request.method === "GET" || request.method === "HEAD";
  if (!isRead) {
    refuseUnknownMethod(request, response);
    return;
  }
  switch (path) {
    case "/":
      sayText(response, 200, WELCOME);
      return;
    case "/livez":
      sayText(response, 200, "ok\n");
      return;
    case "/readyz":
      sayText(response, ready() ? 200 : 503, ready() ? "ok\n" : "not ready\n");
      return;
    case "/.well-known/jwks.json":
      sayKeys(response, jwks());
      return;
    default:
      if (description?.has(path) === true) await description.serve(path, request, response);
      else refuseAddress(response);
  }
}

function sayText(response: HttpResponse, status: number, text: string): void {
  const headers = { "content-type": "text/plain; charset=utf-8", "cache-control": "no-store" };
  respond(response, status, headers, text);
}

function sayKeys(response: HttpResponse, keys: object | undefined): void {
  if (keys === undefined) {
    const message = "the keys are not known yet: try again in a moment";
    respondJson(response, 503, { code: "unavailable", message });
    return;
  }
  const headers = {
    "content-type": "application/jwk-set+json",
    "cache-control": `public, max-age=${JWKS_MAX_AGE_S}`,
  };
  respond(response, 200, headers, JSON.stringify(keys));
}
