import type { IncomingMessage, ServerResponse } from "node:http";
import type { Writable } from "node:stream";
import type { Answer, Exchange } from "./exchange.js";
import { readBody } from "./read-body.js";
import { requestHeader } from "./request-header.js";

/** Over HTTP/1.1. */
export class Http1Exchange implements Exchange {
  readonly httpMajor = 1;
  readonly httpMethod: string;
  readonly url: string;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;

  constructor(request: IncomingMessage, response: ServerResponse) {
    this.#request = request;
    this.#response = response;
    this.httpMethod = request.method ?? "";
    this.url = request.url ?? "";
  }

  get remoteAddress(): string {
    return this.#request.socket.remoteAddress ?? "";
  }

  header(name: string): string | undefined {
    const value = this.#request.headers[name];
    return Array.isArray(value) ? value.join(", ") : value;
  }

  requestHeader(): Headers {
    return requestHeader(this.#request.headers);
  }

  readBody(bytesMax: number): Promise<Uint8Array> {
    return readBody(this.#request, this.header("content-length"), bytesMax);
  }

  respond({ status, headers, body }: Answer): void {
    const response = this.#response;
    if (response.destroyed || response.headersSent) return;
    // What is not modified has a length, which is that of what is not sent.
    const length = status === 304 || status === 204 ? {} : { "content-length": body.byteLength };
    response.writeHead(status, { ...headers, ...length });
    response.end(body);
  }

  stream(status: number, headers: Readonly<Record<string, string>>): Writable {
    this.#response.writeHead(status, headers);
    this.#response.flushHeaders();
    return this.#response;
  }

  onClose(run: () => void): void {
    this.#response.once("close", run);
  }
}
