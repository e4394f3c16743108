import type { CallMetadata } from "./backend.js";
import type { Exchange } from "./exchange.js";

/** What a service sends beside its answer, of the few that send anything. */
export interface SentMetadata {
  readonly header: Headers;
  readonly trailer: Headers;
}

/** Of a call that goes the short way: nothing is made that nobody asks for. */
export class ExchangeMetadata implements CallMetadata {
  readonly #exchange: Exchange;
  #sent: SentMetadata | undefined;

  constructor(exchange: Exchange) {
    this.#exchange = exchange;
  }

  get url(): string {
    return this.#exchange.url;
  }

  get responseHeader(): Headers {
    return this.#sending.header;
  }

  get responseTrailer(): Headers {
    return this.#sending.trailer;
  }

  get sent(): SentMetadata | undefined {
    return this.#sent;
  }

  requestHeader(): Headers {
    return this.#exchange.requestHeader();
  }

  get #sending(): SentMetadata {
    return (this.#sent ??= { header: new Headers(), trailer: new Headers() });
  }
}

/** As records, to be spread into an answer; empty where there are none. */
export function headersOf(headers: Headers | undefined): Readonly<Record<string, string>> {
  return headers === undefined ? NONE : Object.fromEntries(headers);
}

const NONE: Readonly<Record<string, string>> = {};
