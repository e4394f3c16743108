import type { IncomingHttpHeaders, ServerHttp2Stream } from "node:http2";
import type { Writable } from "node:stream";
import type { Answer, Exchange } from "./exchange.js";
import { readBody } from "./read-body.js";
import { requestHeader } from "./request-header.js";

const NO_ERROR = 0;

/** Over HTTP/2, straight on its stream: the objects that imitate HTTP/1.1 cost as much as the call itself. */
export class Http2Exchange implements Exchange {
  readonly httpMajor = 2;
  readonly httpMethod: string;
  readonly url: string;
  readonly #stream: ServerHttp2Stream;
  readonly #headers: IncomingHttpHeaders;
  /** Added to every answer. */
  readonly #always: Readonly<Record<string, string>>;

  constructor(
    stream: ServerHttp2Stream,
    headers: IncomingHttpHeaders,
    always: Readonly<Record<string, string>>,
  ) {
    this.#stream = stream;
    this.#headers = headers;
    this.#always = always;
    this.httpMethod = headers[":method"] ?? "";
    this.url = headers[":path"] ?? "";
    // A connection that breaks is told by `close`.
    stream.on("error", () => undefined);
  }

  get remoteAddress(): string {
    return this.#stream.session?.socket.remoteAddress ?? "";
  }

  header(name: string): string | undefined {
    const value = this.#headers[name];
    return Array.isArray(value) ? value.join(", ") : value;
  }

  requestHeader(): Headers {
    return requestHeader(this.#headers);
  }

  readBody(bytesMax: number): Promise<Uint8Array> {
    return readBody(this.#stream, this.header("content-length"), bytesMax);
  }

  respond({ status, headers, body, trailers }: Answer): void {
    const stream = this.#stream;
    if (stream.destroyed || stream.headersSent) return;
    const head = { ":status": status, ...this.#always, ...headers };
    const isEmpty = body.byteLength === 0 || this.httpMethod === "HEAD";
    if (trailers === undefined && isEmpty) {
      stream.respond(head, { endStream: true });
      this.#stopUpload();
      return;
    }
    if (trailers === undefined) stream.respond(head);
    else {
      stream.respond(head, { waitForTrailers: true });
      stream.once("wantTrailers", () => stream.sendTrailers(trailers));
    }
    stream.once("finish", () => this.#stopUpload());
    stream.end(body);
  }

  stream(status: number, headers: Readonly<Record<string, string>>): Writable {
    this.#stream.respond({ ":status": status, ...this.#always, ...headers });
    return this.#stream;
  }

  onClose(run: () => void): void {
    this.#stream.once("close", run);
  }

  /** Who was answered need not send the rest (RFC 9113, 8.1). */
  #stopUpload(): void {
    if (!this.#stream.readableEnded) this.#stream.close(NO_ERROR);
  }
}
