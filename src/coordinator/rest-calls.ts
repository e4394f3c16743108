import type { DescService } from "@bufbuild/protobuf";
import { ClusterError } from "../base/index.js";
import { readBindings, RouteTable, type Binding } from "../transcoding/index.js";
import { COMPRESSIONS } from "./compressions.js";
import { EventStreams } from "./event-streams.js";
import type { Exchange } from "./exchange.js";
import { RestForm, restRefusal } from "./forms/rest-form.js";
import type { CallsOptions, UnaryCalls, Unpack } from "./unary-calls.js";

const UNSUPPORTED_MEDIA_TYPE = 415;
const METHOD_NOT_ALLOWED = 405;
const JSON_TYPE = /^application\/json *(?:;|$)/iu;

export interface RestCallsOptions extends CallsOptions {
  readonly services: readonly DescService[];
  readonly unary: UnaryCalls;
  /** Aborts when streams have to end. */
  readonly stopping: AbortSignal;
}

/** Plain HTTP: every method that has a rule, at the addresses that its rule names. */
export class RestCalls {
  readonly #options: RestCallsOptions;
  readonly #routes = new RouteTable<Binding>();
  readonly #streams: EventStreams;

  constructor(options: RestCallsOptions) {
    this.#options = options;
    this.#streams = new EventStreams(options);
    for (const service of options.services) {
      for (const binding of service.methods.flatMap(readBindings)) {
        this.#routes.add(binding.httpMethod, binding.template, binding);
      }
    }
  }

  /** False if there is nothing at this address. */
  take(exchange: Exchange): boolean {
    const [path, query] = splitOnce(exchange.url, "?");
    const found = this.#routes.match(exchange.httpMethod, path);
    switch (found.kind) {
      case "not-found":
        return false;
      case "method-not-allowed": {
        const allow = found.allow.join(", ");
        refuse(exchange, METHOD_NOT_ALLOWED, `use one of ${allow} here`, { allow });
        return true;
      }
      case "found":
        this.#call(exchange, found.route, found.variables, new URLSearchParams(query));
        return true;
    }
  }

  #call(
    exchange: Exchange,
    binding: Binding,
    variables: readonly string[],
    query: URLSearchParams,
  ): void {
    const { limits, unary } = this.#options;
    const type = exchange.header("content-type");
    if (type !== undefined && !JSON_TYPE.test(type)) {
      const accept = {
        [exchange.httpMethod === "PATCH" ? "accept-patch" : "accept-post"]: "application/json",
      };
      refuse(exchange, UNSUPPORTED_MEDIA_TYPE, "send the body as application/json", accept);
      return;
    }
    const unpack = unpackOf(exchange.header("content-encoding"), limits.requestBytesMax);
    if (unpack === "unknown") {
      const known = COMPRESSIONS.map(({ name }) => name).join(", ");
      const problem = `the body is compressed in a way that is not known: use one of ${known}`;
      refuse(exchange, UNSUPPORTED_MEDIA_TYPE, problem, { "accept-encoding": known });
      return;
    }
    const headers = {
      ifMatch: exchange.header("if-match"),
      ifNoneMatch: exchange.header("if-none-match"),
      idempotencyKey: exchange.header("idempotency-key"),
      lastEventId: exchange.header("last-event-id"),
    };
    const form = new RestForm(binding, { variables, query, headers }, limits);
    const { method } = binding;
    if (method.methodKind === "server_streaming") this.#streams.answer(exchange, form, binding);
    else unary.answer({ exchange, form, method, timeoutMs: limits.deadlineMsMax, unpack });
  }
}

function unpackOf(encoding = "identity", bytesMax: number): Unpack | undefined | "unknown" {
  if (encoding === "identity") return undefined;
  const compression = COMPRESSIONS.find(({ name }) => name === encoding.toLowerCase());
  if (compression === undefined) return "unknown";
  return async (bytes) => {
    try {
      return await compression.decompress(bytes, bytesMax);
    } catch (cause) {
      const problem = `the body is not ${encoding}, or unpacks to more than ${bytesMax} bytes`;
      throw new ClusterError("invalid-argument", problem, { outcome: "not_applied" }, cause);
    }
  };
}

function refuse(
  exchange: Exchange,
  status: number,
  problem: string,
  headers: Readonly<Record<string, string>>,
): void {
  const failure = new ClusterError("invalid-argument", problem, { outcome: "not_applied" });
  exchange.respond({ ...restRefusal(failure, headers), status });
}

function splitOnce(text: string, separator: string): readonly [string, string] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
}
