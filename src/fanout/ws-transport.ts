import { once } from "node:events";
import { createServer } from "node:https";
import type { IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { WebSocketServer } from "ws";
import type { RawData, WebSocket } from "ws";
import { assert } from "../base/index.js";
import { readPem } from "./pem.js";
import { FOREIGN_ORIGIN, TOO_MANY } from "./transport.js";
import type { SocketListener, Transport, TransportOptions, TransportSocket } from "./transport.js";

const TLS_VERSION_MIN = "TLSv1.2";
const TLS_HANDSHAKE_MS = 10_000;
/** Between two looks for requests that take too long: Node's own default is 30 s. */
const LOOK_MS = 1_000;
/** Who does not take a goodbye in that time is cut off, as by uWebSockets.js. */
const CLOSING = { closeTimeout: 16_000 };

/** The npm package `ws` over node:https: where no native build of uWebSockets.js loads. Same promises, more CPU a delivery. */
export async function openWsTransport(options: TransportOptions): Promise<Transport> {
  const topics = new Topics();
  const server = createServer({
    cert: readPem(options.tls.cert),
    key: readPem(options.tls.key),
    minVersion: TLS_VERSION_MIN,
    handshakeTimeout: TLS_HANDSHAKE_MS,
    headersTimeout: TLS_HANDSHAKE_MS,
    requestTimeout: TLS_HANDSHAKE_MS,
    connectionsCheckingInterval: LOOK_MS,
  });
  const sockets = new WebSocketServer({
    noServer: true,
    clientTracking: true,
    perMessageDeflate: false,
    ...CLOSING,
    maxPayload: options.messageBytesMax,
    handleProtocols: (offered) => (offered.has(options.subprotocol) ? options.subprotocol : false),
  });
  server.on("request", (request, response) => {
    const { pathname } = new URL(request.url ?? "/", "https://localhost");
    const { status, body } = options.http(request.method ?? "GET", pathname);
    response.writeHead(status, {
      "content-type": "text/plain; charset=utf-8",
      ...(status === 426 ? { upgrade: "websocket" } : {}),
    });
    response.end(body);
  });
  server.on("upgrade", (request, stream, head) => {
    stream.on("error", () => stream.destroy());
    const refuse = (status: string, body: string, header = ""): void => {
      const headers = `connection: close\r\ncontent-length: ${body.length}\r\n${header}`;
      stream.end(`HTTP/1.1 ${status}\r\n${headers}\r\n${body}`);
    };
    const { origin, host = "" } = request.headers;
    if (origin !== undefined && !options.allowsOrigin(origin, host)) {
      refuse("403 Forbidden", FOREIGN_ORIGIN);
      return;
    }
    if (!speaks(request, options.subprotocol)) {
      refuse("400 Bad Request", `offer the subprotocol ${options.subprotocol}\n`);
      return;
    }
    const waitSeconds = options.waitSeconds();
    if (waitSeconds > 0) {
      refuse("503 Service Unavailable", TOO_MANY, `retry-after: ${waitSeconds}\r\n`);
      return;
    }
    sockets.handleUpgrade(request, stream, head, (ws) => {
      const socket = new WsSocket(ws, request, topics);
      socket.listen(options.open(socket), options.idleMs);
    });
  });
  server.listen({ host: options.host, port: options.port, backlog: 512 });
  await once(server, "listening");
  const address = server.address();
  assert(isAddress(address), "a TCP server has an address");

  let closed: Promise<unknown> | undefined;
  const stopListening = (): Promise<unknown> => {
    closed ??= new Promise((resolve) => server.close(resolve));
    return closed;
  };
  return {
    kind: "ws",
    port: address.port,
    publish: (topic, text) => {
      topics.publish(topic, text);
    },
    renewTls: ({ cert, key }) => {
      const pair = { cert: readPem(cert), key: readPem(key) };
      server.setSecureContext({ ...pair, minVersion: TLS_VERSION_MIN });
      return Promise.resolve();
    },
    stopListening: () => {
      void stopListening();
    },
    close: async () => {
      const stopped = stopListening();
      for (const ws of sockets.clients) ws.terminate();
      server.closeAllConnections();
      await stopped;
    },
  };
}

function isAddress(address: AddressInfo | string | null): address is AddressInfo {
  return address !== null && typeof address !== "string";
}

function speaks(request: IncomingMessage, subprotocol: string): boolean {
  const offered = request.headers["sec-websocket-protocol"];
  return offered === undefined || offered.split(",").some((name) => name.trim() === subprotocol);
}

class Topics {
  readonly #sockets = new Map<string, Set<WsSocket>>();

  publish(topic: string, text: string): void {
    const sockets = this.#sockets.get(topic);
    if (sockets === undefined) return;
    // Encoded once, framed for each.
    const bytes = Buffer.from(text);
    for (const socket of sockets) socket.sendBytes(bytes);
  }

  add(topic: string, socket: WsSocket): void {
    const sockets = this.#sockets.get(topic);
    if (sockets === undefined) this.#sockets.set(topic, new Set([socket]));
    else sockets.add(socket);
  }

  delete(topic: string, socket: WsSocket): void {
    const sockets = this.#sockets.get(topic);
    if (sockets?.delete(socket) === true && sockets.size === 0) this.#sockets.delete(topic);
  }
}

class WsSocket implements TransportSocket {
  readonly remoteAddress: string;
  readonly #topics: Topics;
  readonly #mine = new Set<string>();
  readonly #stream: IncomingMessage["socket"];
  /** Until it is closed by either side. */
  #ws: WebSocket | undefined;
  #codeSent: number | undefined;

  constructor(ws: WebSocket, request: IncomingMessage, topics: Topics) {
    this.#ws = ws;
    this.#topics = topics;
    this.#stream = request.socket;
    this.remoteAddress = request.socket.remoteAddress ?? "";
  }

  listen(listener: SocketListener, idleMs: number): void {
    const ws = this.#ws;
    if (ws === undefined) return;
    ws.on("message", (data: RawData, isBinary) => {
      if (this.#ws === undefined) return;
      listener.message(isBinary || !Buffer.isBuffer(data) ? undefined : data.toString());
    });
    ws.on("ping", () => {
      listener.ping();
    });
    ws.on("pong", () => {
      listener.pong();
    });
    // A broken frame or stream: `close` follows.
    ws.on("error", () => undefined);
    ws.on("close", (code) => {
      this.#leave();
      listener.closed(this.#codeSent ?? code);
    });
    this.#stream.on("drain", () => {
      if (this.#ws !== undefined) listener.drained();
    });
    this.#stream.setTimeout(idleMs, () => {
      ws.terminate();
    });
  }

  send(text: string): void {
    this.#ws?.send(text);
  }

  sendBytes(bytes: Buffer): void {
    this.#ws?.send(bytes, { binary: false });
  }

  buffered(): number {
    return this.#ws?.bufferedAmount ?? 0;
  }

  subscribe(topic: string): void {
    if (this.#ws === undefined) return;
    this.#mine.add(topic);
    this.#topics.add(topic, this);
  }

  unsubscribe(topic: string): void {
    this.#mine.delete(topic);
    this.#topics.delete(topic, this);
  }

  ping(): void {
    this.#ws?.ping();
  }

  close(code: number, reason: string): void {
    if (this.#ws === undefined || this.#codeSent !== undefined) return;
    this.#codeSent = code;
    this.#ws.close(code, reason);
    this.#leave();
  }

  terminate(): void {
    this.#ws?.terminate();
    this.#leave();
  }

  #leave(): void {
    this.#ws = undefined;
    for (const topic of this.#mine) this.#topics.delete(topic, this);
    this.#mine.clear();
  }
}
