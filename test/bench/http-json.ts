import http from "node:http";
import https from "node:https";

/** POSTs JSON over kept-alive HTTP/1.1 connections, one for each call in flight. */
export class HttpJson {
  readonly #url: URL;
  readonly #agent: http.Agent;
  readonly #headers: http.OutgoingHttpHeaders;
  readonly #request: typeof http.request;

  constructor(options: {
    readonly url: string;
    readonly connections: number;
    readonly ca?: string;
    readonly token?: string;
  }) {
    this.#url = new URL(options.url);
    const secure = this.#url.protocol === "https:";
    const agent = { keepAlive: true, maxSockets: options.connections };
    this.#agent = secure
      ? new https.Agent({ ...agent, ...(options.ca === undefined ? {} : { ca: options.ca }) })
      : new http.Agent(agent);
    this.#request = secure ? https.request : http.request;
    this.#headers = {
      "content-type": "application/json",
      ...(options.token === undefined ? {} : { authorization: `Bearer ${options.token}` }),
    };
  }

  call(body: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const request = this.#request(
        this.#url,
        { method: "POST", agent: this.#agent, headers: this.#headers },
        (response) => {
          response.resume();
          response.once("end", () => {
            if (response.statusCode === 200) resolve();
            else reject(new Error(`HTTP ${response.statusCode}`));
          });
        },
      );
      request.once("error", reject);
      request.end(body);
    });
  }

  close(): void {
    this.#agent.destroy();
  }
}
