import type { DescMethod, DescService } from "@bufbuild/protobuf";
import type { Cors } from "./cors.js";
import type { Exchange } from "./exchange.js";
import { RestCalls, type RestCallsOptions } from "./rest-calls.js";
import { findShortWay } from "./short-way.js";

export interface DirectOptions extends RestCallsOptions {
  readonly services: readonly DescService[];
  /** Whether plain calls of an RPC go the short way, or all through Connect. */
  readonly shortWay: boolean;
  readonly cors: Cors;
}

/** Answers plain unary calls of every protocol, and all of plain HTTP; false leaves a request to Connect and the pages. */
export function createDirect(options: DirectOptions): (exchange: Exchange) => boolean {
  const { services, unary, limits, shortWay, cors } = options;
  const rest = new RestCalls(options);
  const methods = new Map<string, DescMethod>();
  for (const method of services.flatMap((service) => service.methods)) {
    methods.set(`/${method.parent.typeName}/${method.name}`, method);
  }
  return (exchange) => {
    const preflight = exchange.httpMethod === "OPTIONS" ? cors.preflight(exchange) : undefined;
    if (preflight !== undefined) {
      exchange.respond(preflight);
      return true;
    }
    const method = methods.get(exchange.url);
    if (method === undefined) return rest.take(exchange);
    if (!shortWay || method.methodKind !== "unary") return false;
    const found = findShortWay(exchange, method, limits);
    if (found === undefined) return false;
    unary.answer({ exchange, method, ...found });
    return true;
  };
}
