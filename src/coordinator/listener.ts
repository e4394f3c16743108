import { IncomingMessage, ServerResponse } from "node:http";
import { Code } from "@connectrpc/connect";
import {
  universalRequestFromNodeRequest,
  universalResponseToNodeResponse,
} from "@connectrpc/connect-node";
import type {
  UniversalHandler,
  UniversalServerRequest,
  UniversalServerResponse,
} from "@connectrpc/connect/protocol";
import type { CallRecord } from "./call-record.js";
import type { Clock } from "./clock.js";
import type { Cors } from "./cors.js";
import type { Exchange } from "./exchange.js";
import { Http1Exchange } from "./http1-exchange.js";
import { respondJson, type HttpRequest, type HttpResponse } from "./http.js";
import type { CoordinatorLimits } from "./limits.js";
import type { Logger } from "./logger.js";
import type { CallObserver, ObservedCall } from "../base/index.js";
import { servePage, type PagesOptions } from "./pages.js";
import { prepareCall } from "./rpc-handler.js";
import { refuseForm } from "./refusals.js";

export interface ListenerOptions extends PagesOptions {
  /** Answers what needs neither Connect nor a page; false leaves it. */
  readonly direct: (exchange: Exchange) => boolean;
  readonly methods: ReadonlyMap<string, UniversalHandler>;
  readonly cors: Cors;
  readonly limits: CoordinatorLimits;
  readonly clock: Clock;
  readonly observer: CallObserver | undefined;
  readonly logger: Logger | undefined;
}

const TYPES: Readonly<Record<UniversalHandler["method"]["methodKind"], ObservedCall["type"]>> = {
  unary: "unary",
  server_streaming: "server_stream",
  client_streaming: "client_stream",
  bidi_streaming: "bidi_stream",
};

/** Answers every request of the port. Never throws: what a client sends must not end the process. */
export function createListener(
  options: ListenerOptions,
): (request: HttpRequest, response: HttpResponse) => void {
  return (request, response) => {
    // A connection that breaks is told to whoever reads or writes; nobody else has to know.
    request.on("error", () => undefined);
    response.on("error", () => undefined);
    const always = options.cors.headersFor(request.headers.origin);
    for (const [name, value] of Object.entries(always)) response.setHeader(name, value);
    // Of HTTP/2 nothing comes here that was not left before.
    if (request instanceof IncomingMessage && response instanceof ServerResponse) {
      if (options.direct(new Http1Exchange(request, response))) return;
    }
    stopUpload(request, response);
    const handler = options.methods.get((request.url ?? "").split("?", 1)[0] ?? "");
    const answered =
      handler === undefined
        ? servePage(request, response, options)
        : call(handler, request, response, options);
    answered.catch((failure: unknown) => {
      options.logger?.error("a request could not be answered", { cause: String(failure) });
      response.destroy();
    });
  };
}

/**
 * Who was answered need not send the rest: HTTP/2 can say so (RFC 9113, 8.1). Over HTTP/1.1 it has to be read and thrown away,
 * or the next request of the connection is never seen.
 */
function stopUpload(request: HttpRequest, response: HttpResponse): void {
  const NO_ERROR = 0;
  if (!("stream" in request)) {
    response.once("finish", () => request.resume());
    return;
  }
  const { stream } = request;
  // The end of every answer; they are sent in this turn, and what closes the stream sooner leaves them out.
  stream.once("wantTrailers", () =>
    setImmediate(() => {
      if (!stream.readableEnded) stream.close(NO_ERROR);
    }),
  );
}

async function call(
  handler: UniversalHandler,
  request: HttpRequest,
  response: HttpResponse,
  options: ListenerOptions,
): Promise<void> {
  const { limits, clock, observer } = options;
  const remoteAddress = request.socket.remoteAddress ?? "";
  const record: CallRecord = { remoteAddress, code: undefined, note: undefined };
  const received = tryReceive(request, response);
  if (received === undefined) {
    const message = "the request names no host: send it with HTTP/1.1 or HTTP/2";
    respondJson(response, 400, { code: "invalid_argument", message });
    return;
  }
  const prepared = prepareCall(handler, received, record, limits, clock);
  if (prepared === undefined) {
    refuseForm(request, response, handler.method, handler.allowedMethods);
    return;
  }
  record.note = observer?.started({
    service: handler.service.typeName,
    method: handler.method.name,
    type: TYPES[handler.method.methodKind],
    protocol: prepared.protocol.name,
  });
  const said: { answer?: UniversalServerResponse } = {};
  response.once("close", () => record.note?.ended(record.code ?? codeOf(said.answer)));
  said.answer = await prepared.respond();
  try {
    await universalResponseToNodeResponse(said.answer, response);
  } catch {
    // The client left; its call was told by its signal.
    response.destroy();
  }
}

/** Undefined if no address can be made of what the client says it asks. */
function tryReceive(
  request: HttpRequest,
  response: HttpResponse,
): UniversalServerRequest | undefined {
  try {
    const received = universalRequestFromNodeRequest(request, response, undefined, undefined);
    if (!(request instanceof IncomingMessage)) return received;
    // Whoever stops reading early must not destroy it: the rest could not be thrown away any more.
    return { ...received, body: request.iterator({ destroyOnReturn: false }) };
  } catch {
    return undefined;
  }
}

/** Of a call that did not get as far as our own words: what Connect said, or that the client left. */
function codeOf(answer: UniversalServerResponse | undefined): string {
  const status = answer?.trailer?.get("grpc-status") ?? null;
  if (status !== null) return status === "0" ? "OK" : (Code[Number(status)] ?? "Unknown");
  if (answer === undefined) return "Canceled";
  return answer.status < 400 ? "Canceled" : "Unknown";
}
