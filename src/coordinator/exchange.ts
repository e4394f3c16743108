import type { Writable } from "node:stream";

/** What is answered, whole. */
export interface Answer {
  readonly status: number;
  /** Names in lower case. The length of the body is added. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  /** After the body, over HTTP/2 alone. */
  readonly trailers?: Readonly<Record<string, string>>;
}

/** One request and its answer, over either version of HTTP. */
export interface Exchange {
  readonly httpMajor: 1 | 2;
  readonly httpMethod: string;
  /** Path and query, as they were sent. */
  readonly url: string;
  readonly remoteAddress: string;
  /** By its name in lower case; several of one name are one text. */
  header(name: string): string | undefined;
  requestHeader(): Headers;
  /** The body whole. Refuses one that is longer with request-too-large, and one that breaks off with canceled. */
  readBody(bytesMax: number): Promise<Uint8Array>;
  /** Answers; does nothing if the client has left. */
  respond(answer: Answer): void;
  /** Begins an answer that comes in pieces; its end is the end of the exchange. */
  stream(status: number, headers: Readonly<Record<string, string>>): Writable;
  /** Runs `run` once when the exchange is over, however it ended. */
  onClose(run: () => void): void;
}
