/**
 * Sockets, whatever library serves them. Everything is synchronous; callbacks never run inside of a call, except that
 * `close` and `terminate` may call `closed`.
 *
 * What is published to a topic and what is sent to a socket keep their order. Nothing is ever dropped: a socket's unsent
 * bytes grow without bound, so that the caller must look at `buffered` and stop.
 */
export interface Transport {
  readonly kind: TransportKind;
  readonly port: number;
  /** To each socket on the topic. */
  publish(topic: string, text: string): void;
  /** Shows another certificate to every connection from now on; those that are open stay. */
  renewTls(tls: TransportOptions["tls"]): Promise<void>;
  /** No new connections from now on; those that are open stay. */
  stopListening(): void;
  /** Ends what is still open, and resolves when the port is free. */
  close(): Promise<void>;
}

export type TransportKind = "uws" | "ws";

/** After `closed` was called, every method does nothing. */
export interface TransportSocket {
  readonly remoteAddress: string;
  send(text: string): void;
  /** Bytes that the system has not taken yet. */
  buffered(): number;
  subscribe(topic: string): void;
  unsubscribe(topic: string): void;
  ping(): void;
  /** Ends the connection after everything that was sent, or after some seconds if that is not taken. */
  close(code: number, reason: string): void;
  /** Ends it now, whatever waits: for who does not stop, and would be read for as long as a goodbye may take. */
  terminate(): void;
}

/** What a transport calls for each connection. */
export interface SocketListener {
  /** `undefined` for a binary message. */
  message(text: string | undefined): void;
  pong(): void;
  /** The other side asked whether somebody is there, and is answered. */
  ping(): void;
  /** Some of what was buffered has left. */
  drained(): void;
  /** Once; the code is the one that the other side gave or that `close` was called with. */
  closed(code: number): void;
}

export interface HttpAnswer {
  readonly status: 200 | 404 | 426 | 503;
  readonly body: string;
}

export interface TransportOptions {
  readonly host: string;
  readonly port: number;
  /** PEM texts or paths of PEM files; the certificate with its chain. */
  readonly tls: { readonly cert: string; readonly key: string };
  /** The one subprotocol that is spoken. A client that offers only others is refused; one that offers none is served. */
  readonly subprotocol: string;
  /** The transport ends a connection whose message is longer, without a close code of ours. */
  readonly messageBytesMax: number;
  /** Last net: a connection that says nothing for so long is ended. */
  readonly idleMs: number;
  /** Whether a browser's page may connect; asked where a client names its origin. */
  allowsOrigin(origin: string, host: string): boolean;
  /** Asked before each socket: 0 lets it come, else it is refused with 503 and so many seconds in `Retry-After`. */
  waitSeconds(): number;
  open(socket: TransportSocket): SocketListener;
  http(method: string, path: string): HttpAnswer;
}

/** What a page hears that may not connect. */
export const FOREIGN_ORIGIN =
  "pages of this origin may not connect: start the fan-out with --cors-origin\n";

/** What is heard by one who comes while too many do. */
export const TOO_MANY = "too many come at once: connect again a little later\n";

/** The topic that every socket is on for as long as it is open: see the uWebSockets.js adapter. */
export const PERMANENT_TOPIC = "all";
