import type { Http2SecureServer, ServerHttp2Session } from "node:http2";
import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import type { Clock } from "./clock.js";
import type { HttpRequest, HttpResponse } from "./http.js";
import type { CoordinatorLimits } from "./limits.js";
import { guardSession } from "./session-guard.js";

/** For calls of HTTP/1.1 that were on their way when their connection was told to end. */
const LAST_CALLS_MS = 500;

/** The open connections of a server, so that it can end without cutting off who is being answered. */
export class Connections {
  readonly #sockets = new Set<Socket>();
  readonly #sessions = new Set<ServerHttp2Session>();
  /** Answers under way by connection, of HTTP/1.1 alone. */
  readonly #answers = new Map<Socket, Set<HttpResponse>>();
  readonly #emptied: (() => void)[] = [];
  readonly #perAddress = new Map<string, number>();
  readonly #perAddressMax: number;
  readonly #clock: Clock;
  #closing = false;

  constructor(server: Http2SecureServer, limits: CoordinatorLimits, clock: Clock) {
    this.#clock = clock;
    this.#perAddressMax = limits.connectionsPerAddressMax;
    server.on("connection", (socket: Socket) => this.#admit(socket));
    server.on("secureConnection", (socket: TLSSocket) => {
      this.#track(socket);
      if (socket.alpnProtocol !== "h2") this.#answers.set(socket, new Set());
    });
    server.on("session", (session) => {
      this.#sessions.add(session);
      guardSession(session, limits, clock);
      session.once("close", () => this.#sessions.delete(session));
      if (this.#closing) session.close();
    });
    server.on("request", (request: HttpRequest, response: HttpResponse) => {
      if (request.httpVersionMajor === 1) this.#answering(request.socket, response);
    });
  }

  /**
   * Says goodbye on every connection. HTTP/2 hears which call was the last that is answered: later ones may be sent again
   * elsewhere (RFC 9113, 6.8). HTTP/1.1 cannot say so: what is on its way already is the last answer of its connection.
   */
  close(): void {
    this.#closing = true;
    for (const session of this.#sessions) session.close();
    for (const response of [...this.#answers.values()].flatMap((answers) => [...answers])) {
      endAfter(response);
    }
    this.#clock.after(LAST_CALLS_MS, () => {
      for (const [socket, answers] of this.#answers) if (answers.size === 0) socket.end();
    });
  }

  /** Once no connection is left. */
  async empty(): Promise<void> {
    if (this.#sockets.size === 0) return;
    await new Promise<void>((resolve) => this.#emptied.push(resolve));
  }

  destroy(): void {
    for (const session of this.#sessions) session.destroy();
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Ends a connection beyond its address's share at once: before the handshake, which is what costs. */
  #admit(socket: Socket): void {
    const address = socket.remoteAddress ?? "";
    const count = (this.#perAddress.get(address) ?? 0) + 1;
    this.#perAddress.set(address, count);
    socket.once("close", () => {
      const left = (this.#perAddress.get(address) ?? 1) - 1;
      if (left > 0) this.#perAddress.set(address, left);
      else this.#perAddress.delete(address);
    });
    this.#track(socket);
    if (count > this.#perAddressMax) socket.destroy();
  }

  #track(socket: Socket): void {
    this.#sockets.add(socket);
    // Without it, a connection that is reset during the handshake is an error that nobody hears.
    socket.on("error", () => undefined);
    socket.once("close", () => {
      this.#sockets.delete(socket);
      this.#answers.delete(socket);
      if (this.#sockets.size === 0) for (const resolve of this.#emptied.splice(0)) resolve();
    });
  }

  #answering(socket: Socket, response: HttpResponse): void {
    const answers = this.#answers.get(socket);
    answers?.add(response);
    if (this.#closing) endAfter(response);
    response.once("close", () => {
      answers?.delete(response);
      if (this.#closing && answers?.size === 0) socket.end();
    });
  }
}

function endAfter(response: HttpResponse): void {
  if (!response.headersSent) response.setHeader("connection", "close");
}
