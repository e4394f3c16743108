import { cors as connect } from "@connectrpc/connect";
import { AllowedOrigins, ClusterError } from "../base/index.js";
import type { Answer, Exchange } from "./exchange.js";
import { restRefusal } from "./forms/rest-form.js";

/** How long a browser remembers what it may do. Chromium takes no more. */
const MAX_AGE_S = 7200;
const METHODS = "GET, HEAD, POST, PUT, PATCH, DELETE";
const REQUEST_HEADERS = [
  ...connect.allowedHeaders,
  "Authorization",
  "Cabildo-Max-Staleness",
  "Idempotency-Key",
  "If-Match",
  "If-None-Match",
  "Last-Event-ID",
  "Traceparent",
].join(", ");
const RESPONSE_HEADERS = [...connect.exposedHeaders, "ETag", "Retry-After", "Allow"].join(", ");
const NO_HEADERS: Readonly<Record<string, string>> = {};

/** Which pages of other origins may call (WHATWG Fetch, 3.2). Those of the own origin need no permission. */
export class Cors {
  readonly #allowed: AllowedOrigins;

  constructor(origins: readonly string[]) {
    this.#allowed = new AllowedOrigins(origins);
  }

  /** What every answer to a page of this origin bears, refusals included. */
  headersFor(origin: string | undefined): Readonly<Record<string, string>> {
    if (this.#allowed.isEmpty) return NO_HEADERS;
    if (origin === undefined || !this.#allowed.has(origin)) return { vary: "origin" };
    return {
      vary: "origin",
      "access-control-allow-origin": origin,
      "access-control-expose-headers": RESPONSE_HEADERS,
    };
  }

  /** The answer to a browser's question before a call; undefined if this is none. */
  preflight(exchange: Exchange): Answer | undefined {
    const origin = exchange.header("origin");
    const asked = exchange.header("access-control-request-method");
    if (exchange.httpMethod !== "OPTIONS" || origin === undefined || asked === undefined) {
      return undefined;
    }
    if (!this.#allowed.has(origin)) {
      const problem = "pages of this origin may not call: start the coordinator with --cors-origin";
      return restRefusal(new ClusterError("permission-denied", problem));
    }
    const headers = {
      "access-control-allow-methods": METHODS,
      "access-control-allow-headers": REQUEST_HEADERS,
      "access-control-max-age": String(MAX_AGE_S),
    };
    return { status: 204, headers, body: new Uint8Array(0) };
  }
}
