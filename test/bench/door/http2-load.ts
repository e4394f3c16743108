import { connect, type ClientHttp2Session } from "node:http2";
import {
  headersOf,
  requireSuccess,
  type HttpAnswer,
  type HttpCall,
  type HttpLoad,
} from "./http-load.js";

/** Over HTTP/2: one connection for all calls, opened by the first. */
export class Http2Load implements HttpLoad {
  readonly #url: string;
  readonly #ca: string;
  #token: string;
  #session: ClientHttp2Session | undefined;

  constructor(url: string, token: string, ca: string) {
    this.#url = url;
    this.#ca = ca;
    this.#token = token;
  }

  renew(token: string): void {
    this.#token = token;
  }

  async call(call: HttpCall): Promise<void> {
    requireSuccess(call, await this.#send(call));
  }

  close(): void {
    this.#session?.close();
  }

  #send(call: HttpCall): Promise<HttpAnswer> {
    const head = { ":method": call.method, ":path": call.path };
    const headers = { ...head, ...headersOf(call, this.#token) };
    return new Promise((resolve, reject) => {
      const stream = this.#opened().request(headers, { endStream: call.body === undefined });
      const chunks: Buffer[] = [];
      let status: number | undefined;
      stream.once("response", (fields) => {
        status = fields[":status"];
      });
      stream.on("data", (chunk: Buffer) => chunks.push(chunk));
      stream.once("end", () => resolve({ status, body: Buffer.concat(chunks) }));
      stream.once("error", reject);
      stream.once("close", () => reject(new Error("the call was broken off")));
      if (call.body !== undefined) stream.end(call.body);
    });
  }

  #opened(): ClientHttp2Session {
    // An error of the connection is one of every call that is open.
    this.#session ??= connect(this.#url, { ca: this.#ca }).on("error", () => undefined);
    return this.#session;
  }
}
