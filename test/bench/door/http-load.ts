import { Agent, request } from "node:https";

export interface HttpCall {
  readonly method: string;
  readonly path: string;
  readonly contentType?: string;
  readonly body?: Uint8Array | string;
}

/** Calls over kept-alive connections of HTTP/1.1; of gRPC-Web too, whose outcome stands in the body. */
export class HttpLoad {
  readonly #agent: Agent;
  readonly #url: string;
  #token: string;

  constructor(url: string, token: string, ca: string) {
    this.#url = url;
    this.#token = token;
    this.#agent = new Agent({ keepAlive: true, ca });
  }

  /** Goes on with another one: they end after five minutes. */
  renew(token: string): void {
    this.#token = token;
  }

  call({ method, path, contentType, body }: HttpCall): Promise<void> {
    const headers = {
      authorization: `Bearer ${this.#token}`,
      ...(contentType === undefined ? {} : { "content-type": contentType }),
      ...(body === undefined ? {} : { "content-length": Buffer.byteLength(body) }),
    };
    return new Promise((resolve, reject) => {
      const sent = request(
        `${this.#url}${path}`,
        { method, headers, agent: this.#agent },
        (response) => {
          const chunks: Buffer[] = [];
          response.on("data", (chunk: Buffer) => chunks.push(chunk));
          response.once("error", reject);
          response.once("end", () => {
            const isWeb = contentType?.startsWith("application/grpc-web") === true;
            const ok =
              response.statusCode === 200 &&
              (!isWeb || Buffer.concat(chunks).includes("grpc-status: 0"));
            if (ok) resolve();
            else reject(new Error(`HTTP ${response.statusCode}`));
          });
        },
      );
      sent.once("error", reject);
      sent.end(body);
    });
  }

  close(): void {
    this.#agent.destroy();
  }
}
