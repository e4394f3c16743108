import type { IncomingMessage, ServerResponse } from "node:http";
import type { Http2ServerRequest, Http2ServerResponse } from "node:http2";

/** A request of either version of HTTP that the port speaks. */
export type HttpRequest = IncomingMessage | Http2ServerRequest;
export type HttpResponse = ServerResponse | Http2ServerResponse;

/** Answers once, with the length known, whatever the version. */
export function respond(
  response: HttpResponse,
  status: number,
  headers: Readonly<Record<string, string>>,
  content: string | Buffer,
): void {
  const body = typeof content === "string" ? Buffer.from(content) : content;
  response.statusCode = status;
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  response.setHeader("content-length", body.byteLength);
  // Headers that are all of an answer must say so over HTTP/2: those of gRPC are trailers then.
  if (body.byteLength === 0) response.end();
  else response.end(body);
}

export function respondJson(response: HttpResponse, status: number, value: object): void {
  const headers = { "content-type": "application/json", "cache-control": "no-store" };
  respond(response, status, headers, `${JSON.stringify(value)}\n`);
}
