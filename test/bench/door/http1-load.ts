import { Agent, request } from "node:https";
import {
  headersOf,
  requireSuccess,
  type HttpAnswer,
  type HttpCall,
  type HttpLoad,
} from "./http-load.js";

/** Over HTTP/1.1: a connection for each call in flight. */
export class Http1Load implements HttpLoad {
  readonly #agent: Agent;
  readonly #url: string;
  #token: string;

  constructor(url: string, token: string, ca: string) {
    this.#url = url;
    this.#token = token;
    this.#agent = new Agent({ keepAlive: true, ca });
  }

  renew(token: string): void {
    this.#token = token;
  }

  async call(call: HttpCall): Promise<void> {
    requireSuccess(call, await this.#send(call));
  }

  close(): void {
    this.#agent.destroy();
  }

  #send(call: HttpCall): Promise<HttpAnswer> {
    const headers = headersOf(call, this.#token);
    const options = { method: call.method, headers, agent: this.#agent };
    return new Promise((resolve, reject) => {
      const sent = request(`${this.#url}${call.path}`, options, (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.once("error", reject);
        response.once("end", () =>
          resolve({ status: response.statusCode, body: Buffer.concat(chunks) }),
        );
      });
      sent.once("error", reject);
      sent.end(call.body);
    });
  }
}
