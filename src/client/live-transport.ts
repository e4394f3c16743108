import { fromJson, toJson } from "@bufbuild/protobuf";
import { Code, ConnectError, createContextValues } from "@connectrpc/connect";
import type { Interceptor, Transport } from "@connectrpc/connect";
import { runUnaryCall } from "@connectrpc/connect/protocol";
import { isJson } from "./frames.js";
import type { Live } from "./live.js";
import { errorOf } from "./refusals.js";

export interface LiveTransportOptions {
  readonly live: Live;
  readonly interceptors: Interceptor[];
  readonly defaultTimeoutMs: number;
}

/**
 * The unary methods of the API over the socket of the live channels: no connection and no token of its own for each
 * call. All of it but AuthService.
 */
export function createLiveTransport(options: LiveTransportOptions): Transport {
  const { live, interceptors, defaultTimeoutMs } = options;
  return {
    unary: (method, signal, timeoutMs = defaultTimeoutMs, _header, message, contextValues) =>
      runUnaryCall({
        interceptors,
        timeoutMs,
        ...(signal === undefined ? {} : { signal }),
        req: {
          stream: false,
          service: method.parent,
          method,
          requestMethod: "POST",
          url: "",
          header: new Headers(),
          contextValues: contextValues ?? createContextValues(),
          message,
        },
        next: async (request) => {
          const body = {
            method: `${method.parent.typeName}/${method.name}`,
            request: toJson(method.input, request.message),
            timeout_ms: timeoutMs,
          };
          const reply = await live.call(body, request.signal);
          if (reply.kind === "refused") throw errorOf(reply.refusal);
          const { response } = reply.body;
          const json = isJson(response) ? response : {};
          return {
            stream: false,
            service: method.parent,
            method,
            header: new Headers(),
            trailer: new Headers(),
            message: fromJson(method.output, json, { ignoreUnknownFields: true }),
          };
        },
      }),
    stream: () =>
      Promise.reject(
        new ConnectError("streams have no place on this socket: subscribe", Code.Unimplemented),
      ),
  };
}
